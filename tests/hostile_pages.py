"""Pages of which every text is what somebody would put there to be taken for more than text."""

from __future__ import annotations

import dataclasses
from typing import Any

# What a browser may not take for more than text: scripts, the end of an attribute, other directions of writing, controls.
HOSTILE = (
    "</title></style></script><script>window.broken=1</script><img src=x onerror=window.broken=1>\"' onfocus=window.broken=1 "
    "{{7*7}}{% raw %}\u202e\u2066\x1b[2J\x00\u05e9\u05dc\u05d5\u05dd"
)
LONGEST = HOSTILE + "x" * 10_000_000
OURS = ("severity", "colour", "tone")  # fields whose words are our own


def hostile(value: Any, text: str) -> Any:
    """A page in which whatever is text of a report is this text."""
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(hostile(each, text) for each in value)
    if not dataclasses.is_dataclass(value):
        return value
    names = [field.name for field in dataclasses.fields(value) if field.name not in OURS]
    changes = {name: hostile(getattr(value, name), text) for name in names}
    if "figures" in names:
        changes["figures"] = tuple((text, text, tone) for _, _, tone in value.figures)
    return dataclasses.replace(value, **changes)
