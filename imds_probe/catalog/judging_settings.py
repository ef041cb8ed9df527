"""Judge what a piece of software's settings make of a version that could speak IMDSv2. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from imds_probe.catalog.grades import Figure
from imds_probe.catalog.rows import Prevention, RequiredSetting, Requirement, Row, Setting, Switch
from imds_probe.catalog.settings_in_force import LookedUpSetting, SettingState, first_on, state_of
from imds_probe.catalog.upstream import compare_upstream


class InstalledVersion(Protocol):
    """An installed version, as far as it matters here; see judging.Installed."""

    @property
    def manager(self) -> str:
        """Whose version it is."""

    @property
    def version(self) -> str:
        """As its manager prints it."""

    @property
    def settings(self) -> Sequence[LookedUpSetting]:
        """What was seen of the row's settings."""


def setting_missing(row: Row, capable: Requirement, installed: InstalledVersion) -> Requirement | None:
    """What `capable` becomes by a setting that is not there or takes IMDSv2 away, None where none does."""
    if row.setting is not None:
        needed = _needed(row.setting, installed)
        if needed == "yes":
            missing = _unless_set(row.setting, capable, installed)
            if missing is not None:
                return missing
        elif needed:
            why = f"{row.setting.text}, in versions {_range(row.setting)}, but {needed}"
            return Requirement(capable.minimum, "unknown", why, row.setting.source)
    for index, prevention in enumerate(row.prevented_by):
        prevented = _prevented(f"prevented_by[{index}]", prevention, row, capable, installed)
        if prevented is not None:
            return prevented
    return None


def _needed(setting: Setting, installed: InstalledVersion) -> str:
    """Yes, empty for no, or the doubt about it."""
    if setting.since is not None:
        order, doubt = compare_upstream(installed.manager, installed.version, setting.since)
        if order is None or order < 0:
            return doubt
    if setting.minimum_by_default is None:
        return "yes"
    order, doubt = compare_upstream(installed.manager, installed.version, setting.minimum_by_default)
    if order is None:
        return doubt
    return "yes" if order < 0 else ""


def _range(setting: Setting) -> str:
    since = f"from {setting.since} on" if setting.since else ""
    before = f"before {setting.minimum_by_default}" if setting.minimum_by_default else ""
    return " ".join(filter(None, (since, before)))


def default_relied_on(setting: Setting | None, installed: InstalledVersion) -> list[Figure]:
    """The figure by which a version needs the setting no more, or not yet."""
    if setting is None:
        return []
    for figure, side in ((setting.minimum_by_default, 1), (setting.since, -1)):
        order = None if figure is None else compare_upstream(installed.manager, installed.version, figure).order
        if order is not None and (order >= 0) == (side > 0):
            return [Figure(figure, setting.grade)]
    return []


def _unless_set(setting: Setting, capable: Requirement, installed: InstalledVersion) -> Requirement | None:
    if setting.switch is None:
        return _needs(capable, setting.text, setting, None)
    state = state_of("setting", setting.switch, installed.settings)
    if state.in_force == "yes":
        return None
    wanted = setting.switch.values[0] if setting.switch.values else ""
    if state.in_force == "unread":
        why = f"{setting.text}, but that setting could not be read: {state.problem}"
        return Requirement(capable.minimum, "unknown", why, setting.source, _required(setting.switch, state, wanted))
    why = setting.text if state.in_force == "not-looked" else f"{setting.text}; {state.observed}"
    return _needs(capable, why, setting, _required(setting.switch, state, wanted))


def _needs(capable: Requirement, why: str, setting: Setting, required: RequiredSetting | None) -> Requirement:
    figure = setting.minimum_by_default or setting.since or capable.minimum
    return Requirement(
        capable.minimum, "needs-setting", why, setting.source, required, figure=figure, grade=setting.grade
    )


def _prevented(
    name: str, prevention: Prevention, row: Row, capable: Requirement, installed: InstalledVersion
) -> Requirement | None:
    if not _concerns(prevention, installed):
        return None
    enabled = row.setting and row.setting.switch and state_of("setting", row.setting.switch, installed.settings)
    if enabled and enabled.in_force == "yes":
        return None  # the one that asks for IMDSv2 outright has the last word
    on = first_on(name, prevention.switch, installed.settings)
    if on is not None:
        why = f"{prevention.why}; {on.observed}"
        required = RequiredSetting(on.place, on.name, prevention.cure)
        figure = prevention.since or prevention.before or capable.minimum
        return Requirement(
            capable.minimum, "needs-setting", why, prevention.source, required, figure=figure, grade=prevention.grade
        )
    state = state_of(name, prevention.switch, installed.settings)
    if state.in_force == "unread":
        why = f"{prevention.why}, and that setting could not be read: {state.problem}"
        required = _required(prevention.switch, state, prevention.cure)
        return Requirement(capable.minimum, "unknown", why, prevention.source, required)
    return None


def _concerns(prevention: Prevention, installed: InstalledVersion) -> bool:
    """A version of which it is not clear counts: then the setting does harm or none, and it is better off not set."""
    for figure, wrong_side in ((prevention.since, -1), (prevention.before, 1)):
        if figure is None:
            continue
        order = compare_upstream(installed.manager, installed.version, figure).order
        if order is not None and ((order < 0) if wrong_side < 0 else (order >= 0)):
            return False
    return True


def _required(switch: Switch, state: SettingState, value: str) -> RequiredSetting:
    """Where to set it: there where it was looked for, or in the last file that is known, the program's own."""
    if state.place:
        return RequiredSetting(state.place, state.name, value)
    place = next((place for place in reversed(switch.places) if place.path), switch.places[0])
    return RequiredSetting(str(place), place.key, value)
