"""What IAM calls the rights that calls of botocore's clients need: most are named like the operation."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Service Authorization Reference: of S3, of STS (which nobody needs a right for), and what S3 does in the caller's name.
NAMED_OTHERWISE = {
    "get_caller_identity": (),
    "head_object": ("GetObject",),
    "put_object": ("PutObject", "GenerateDataKey"),
}


def rights_of(methods: Iterable[str]) -> set[str]:
    """Without the service's prefix, of methods such as put_log_events."""
    return {
        right
        for method in methods
        for right in NAMED_OTHERWISE.get(method, ("".join(word.capitalize() for word in method.split("_")),))
    }


def methods_in(source: str) -> set[str]:
    """The methods of clients that a module calls."""
    return set(re.findall(r"\bclient\.([a-z]+_[a-z_]+)\(", source))
