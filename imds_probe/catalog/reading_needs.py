"""Read what a row says of the metadata that its software needs: which settings it heeds, and what it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

from imds_probe.catalog.entry import Entry, flag, wrong
from imds_probe.catalog.reading_settings import optional_switch
from imds_probe.catalog.rows import Asked, Grade, Heeded

_SDK_VARIABLE = re.compile(r"AWS_[A-Z0-9_]{1,60}")
_PROFILE_KEY = re.compile(r"[a-z][a-z0-9_]{1,60}")  # of a profile


def heeds(entry: Entry | None) -> Mapping[str, Heeded]:
    """By variable, from which version on it is heeded. Raises CatalogError."""
    if entry is None:
        return {}
    found = {}
    for name in entry.left():
        if not _PROFILE_KEY.fullmatch(name):
            _check_variable(name, entry.where)
        one = Entry(entry.take(name), f"{entry.where}.{name}")
        found[name] = Heeded(
            one.figure("since"),
            one.text("source"),
            one.optional_choice("grade", get_args(Grade)),
            flag(one.take("any_value", False), f"{one.where}.any_value"),
            one.optional_text("only_with"),
            one.optional_text("not_with"),
            flag(one.take("false_is_false", False), f"{one.where}.false_is_false"),
        )
        one.done()
    return found


def asked(entry: Entry) -> Asked:
    """One thing that is asked for. Raises CatalogError."""
    found = Asked(
        what=entry.text("what"),
        when=entry.choice("when", ("always", "on-request")),
        source=entry.text("source"),
        unless=entry.texts("unless", []),
        calls=entry.texts("calls", []),
        switch=optional_switch(entry, "switch"),
    )
    entry.done()
    if found.switch and not found.switch.values:
        raise wrong(f"{entry.where}.switch", "has no values")
    for name in found.unless:
        _check_variable(name, entry.where)
    return found


def _check_variable(name: str, where: str) -> None:
    if not _SDK_VARIABLE.fullmatch(name):
        raise wrong(where, f"names a variable that is none of AWS's: {name}")
