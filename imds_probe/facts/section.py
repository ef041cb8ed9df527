"""A subject of what was observed: what one collector gives and rules ask for, and a part of the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from imds_probe.escape import encodable

S = TypeVar("S", bound="Section")
NEEDED = {"needed": True}


class Section:
    """The base of those dataclasses below facts/ that are a part of the report by themselves.

    `report_key` is the name that the section has there. None: each of its fields is a key of the report's own, as
    containers and software are. `heading` is what pages put above it; None where a page shows it in a way of its own.

    A field that was added after the first reports were kept has a default for the reports that lack it. Where no default would
    be true, the field's metadata is NEEDED: what a rule makes of such a report cannot be judged again.
    """

    report_key: ClassVar[str | None] = None
    heading: ClassVar[str | None] = None

    @classmethod
    def absent(cls) -> Any:
        """What stands in the facts where nobody could look: None, or a section that says so."""
        return None


def or_absent(kind: type[S], found: S | None) -> S:
    """The section that was found, or what stands for it where nobody could look. Raises KeyError where that is nothing."""
    standing: S | None = kind.absent() if found is None else found
    if standing is None:
        raise KeyError(f"{kind.__name__} may be absent: ask with get()")
    return standing


def plain(value: Any) -> Any:
    """Dataclasses as dicts and tuples as lists, all the way down: what JSON knows, before it is text. All that a report says
    passes through here on its way out, and has no text then that UTF-8 cannot encode.
    """
    if isinstance(value, str):
        return encodable(value)
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    return value
