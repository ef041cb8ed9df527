"""Read the parts of a catalog row that are about settings."""

from __future__ import annotations

from typing import get_args

from imds_probe.catalog.entry import Entry, check_figure, wrong
from imds_probe.catalog.rows import (
    FileFormat,
    Grade,
    NoV1Fallback,
    PlaceKind,
    Prevention,
    Setting,
    SettingPlace,
    Switch,
)


def setting(entry: Entry | None) -> Setting | None:
    if entry is None:
        return None
    found = Setting(
        entry.text("text"),
        entry.figure("minimum_by_default"),
        entry.text("source"),
        optional_switch(entry, "switch"),
        entry.figure("since"),
        entry.optional_choice("grade", get_args(Grade)),
    )
    entry.done()
    return found


def optional_switch(entry: Entry, key: str) -> Switch | None:
    found = entry.entry(key)
    return None if found is None else switch(found)


def switch(entry: Entry) -> Switch:
    found = Switch(entry.texts("values", []), tuple(_place(item) for item in entry.entries("places")))
    entry.done()
    if not found.places:
        raise wrong(entry.where, "names no places")
    return found


def _place(entry: Entry) -> SettingPlace:
    kind = entry.choice("kind", get_args(PlaceKind))
    key = entry.text("key")
    if kind != "file":
        place = SettingPlace(kind, key)
    else:
        path = entry.text("path")
        if not path.startswith(("/", "~/")):
            raise wrong(f"{entry.where}.path", "must begin with / or ~/")
        options = entry.texts("path_options", [])
        place = SettingPlace(kind, key, path, entry.choice("format", get_args(FileFormat)), options)
    entry.done()
    return place


def prevention(entry: Entry) -> Prevention:
    found = optional_switch(entry, "switch")
    if found is None:
        raise wrong(entry.where, "has no switch")
    prevented = Prevention(
        why=entry.text("why"),
        switch=found,
        cure=entry.text("cure"),
        since=entry.figure("since"),
        before=entry.figure("before"),
        source=entry.text("source"),
        grade=entry.optional_choice("grade", get_args(Grade)),
    )
    entry.done()
    if not prevented.switch.values:
        raise wrong(f"{entry.where}.switch", "has no values")
    return prevented


def no_v1_fallback(entry: Entry | None) -> NoV1Fallback | None:
    if entry is None:
        return None
    version = entry.text("version")
    check_figure(version, f"{entry.where}.version")
    config = Entry(entry.take("config"), f"{entry.where}.config")
    free = NoV1Fallback(
        version,
        {key: config.text(key) for key in config.left()},
        optional_switch(entry, "switch"),
        entry.optional_choice("grade", get_args(Grade)),
    )
    entry.done()
    return free
