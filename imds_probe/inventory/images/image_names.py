"""Names of images, as people write them and as runtimes keep them: reference.go of github.com/distribution/reference."""

from __future__ import annotations

import re

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


def whole_name(image: str) -> str:
    """An image's name with all that engines leave out: nginx:latest for docker.io/library/nginx. Of a name with a tag and a
    digest the digest counts.
    """
    name = image.removeprefix("docker.io/").removeprefix("library/")
    before, sign, digest = name.partition("@")
    last = before.rpartition("/")[2]
    if sign:
        return f"{before.removesuffix(last)}{last.partition(':')[0]}@{digest}"
    return name if ":" in last else f"{name}:latest"


def is_called(kept: str, wanted: str, *, any_registry: bool = False) -> bool:
    """Whether an image that is kept by its whole name is the one that is `wanted`; of `any_registry`, where that names none."""
    kept, wanted = whole_name(kept), whole_name(wanted)
    registry, _, rest = kept.partition("/")
    without = "/" not in wanted or not _is_registry(wanted.partition("/")[0])
    return kept == wanted or (any_registry and without and rest == wanted and _is_registry(registry))


def _is_registry(word: str) -> bool:
    return "." in word or ":" in word or word == "localhost"


def id_in(image: str) -> str:
    """The beginning of an image's identity, where it is named by that; else empty."""
    match = _ID.fullmatch(image)
    return match[1] if match else ""
