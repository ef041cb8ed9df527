"""Which of a row's settings are in force, by what was seen of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from imds_probe.catalog.rows import Switch
from imds_probe.dataclass import dataclass

THERE, LACKS = "?", "!"  # in the last part of a key: see rows.SettingPlace
InForce = Literal["yes", "no", "partly", "unread", "not-looked"]


class LookedUpSetting(Protocol):
    """What a look at one place gave; facts.SettingSeen in a run."""

    @property
    def switch(self) -> str:
        """Which of the row's settings: a name from Row.switches."""

    @property
    def place(self) -> str:
        """The file, or whose environment or arguments."""

    @property
    def key(self) -> str:
        """Its name there."""

    @property
    def value(self) -> str | None:
        """None where it is not set."""

    @property
    def problem(self) -> str:
        """Why it could not be read; empty where it could."""


@dataclass(frozen=True)
class SettingState:
    """`place`, `key` and `value` are of the entry that explains the state best, empty where nothing was seen."""

    in_force: InForce
    place: str = ""
    key: str = ""
    value: str | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        """What the key is called where it is to be set."""
        before, _, last = self.key.rpartition(".")
        return before if last == THERE else f"{before}.{last[1:]}" if last.startswith(LACKS) and before else self.key

    @property
    def observed(self) -> str:
        """What stands there, or does not."""
        last = self.key.rpartition(".")[2]
        if self.value is None or last.startswith(LACKS):
            return f"{self.place} does not set {self.name}"
        return (
            f"{self.place} has {self.name}"
            if last == THERE
            else f"{self.place} sets {self.name} to {self.value[:100]!r}"
        )

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        if self.value is None:
            return f"{self.place} does not"
        return self.observed if self.name != self.key else f"{self.place} sets {self.key} to {self.value}"


def state_of(name: str, switch: Switch, seen: Sequence[LookedUpSetting]) -> SettingState:
    """Whether the setting is on everywhere, somewhere or nowhere that it was looked for."""
    entries = [entry for entry in seen if entry.switch == name]
    if not entries:
        return SettingState("not-looked")
    wanted = {value.lower() for value in switch.values}
    on = [entry for entry in entries if entry.value is not None and entry.value.lower() in wanted]
    unread = [entry for entry in entries if entry.problem]
    off = [entry for entry in entries if entry not in on and entry not in unread]
    if unread:
        return _state("unread", unread[0])
    if not off:
        return _state("yes", on[0])
    return _state("partly", off[0]) if on else _state("no", off[0])


def first_on(name: str, switch: Switch, seen: Sequence[LookedUpSetting]) -> SettingState | None:
    """The first place where the setting is on, None where it is on nowhere."""
    wanted = {value.lower() for value in switch.values}
    for entry in seen:
        if entry.switch == name and entry.value is not None and entry.value.lower() in wanted:
            return _state("yes", entry)
    return None


def _state(in_force: InForce, entry: LookedUpSetting) -> SettingState:
    return SettingState(in_force, entry.place, entry.key, entry.value, entry.problem)
