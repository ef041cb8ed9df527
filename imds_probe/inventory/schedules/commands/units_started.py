"""The units that a command starts, restarts or stops: what systemd would run for it, wherever the unit is linked to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.accounts import Account, accounts
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import services
from imds_probe.inventory.schedules.systemd.activation import led_to
from imds_probe.inventory.schedules.systemd.unit import Unit
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

NAMES_MAX, UNITS_MAX, CACHED_MAX = 500, 500, 500
INIT_SCRIPTS = ("/etc/init.d", "/etc/rc.d/init.d")
OF_STOP = ("ExecStop", "ExecStopPre", "ExecStopPost")
# What the options of systemctl take behind them, which is no name of a unit.
_VALUED = (
    *("-t", "--type", "-p", "--property", "-P", "--state", "-H", "--host", "-M", "--machine", "-s", "--signal"),
    *("--job-mode", "--root", "--image", "--kill-whom", "--kill-who", "-n", "--lines", "-o", "--output", "--what"),
)
_STARTS = frozenset(("start", "restart", "try-restart", "reload-or-restart", "try-reload-or-restart", "isolate"))
_OLD = frozenset(("condrestart", "force-reload", "reload-or-try-restart"))
_KEYS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys((*_STARTS, *_OLD), services.KEYS),
    "reload": ("ExecReload",),
    "stop": OF_STOP,
}
_NOW = ("enable", "reenable", "disable", "mask")  # with --now
_KINDS = (
    ".service",
    ".socket",
    ".target",
    ".timer",
    ".path",
    ".mount",
    ".automount",
    ".swap",
    ".slice",
    ".scope",
    ".device",
)

Words = Sequence[str | None]


@dataclass(frozen=True)
class Asked:
    """What is asked of units, and which words their names are; of a script of init the same. `is_old`: a script is looked for where
    there is no unit.
    """

    verb: str
    at: tuple[int, ...]
    is_old: bool = False


def asked(base: str, words: Words) -> Asked | None:
    """What a program asks of units, if it is one that does; `words` begin with it."""
    known = [word or "" for word in words]
    if base == "systemctl":
        return _of_systemctl(known)
    named = [at for at, word in enumerate(known) if at and not word.startswith("-")]
    if base in ("service", "invoke-rc.d", "rc-service") and len(named) > 1:
        return Asked(known[named[1]], (named[0],), is_old=True)
    return None


def _of_systemctl(words: Sequence[str]) -> Asked | None:
    at, named = 1, []
    while at < len(words):
        named += [at] if not words[at].startswith("-") else []
        at += 2 if words[at] in _VALUED else 1
    if not named or {"--user", "-H", "--host", "-M", "--machine"} & {word.partition("=")[0] for word in words}:
        return None
    verb = words[named[0]]
    if verb in _NOW and "--now" in words:
        verb = "start" if verb.endswith("enable") else "stop"
    return Asked(verb, tuple(named[1 : 1 + NAMES_MAX])) if verb in _KEYS else None


@dataclass
class Units:
    """The units of one system. What was looked up for one command is known for the next."""

    files: SystemFiles
    _units: UnitFiles | None = None
    _accounts: Mapping[str, Account] = field(default_factory=dict)
    _known: dict[tuple[str, str], tuple[Sequence[Scheduled], frozenset[str]]] = field(default_factory=dict)

    def commands(self, name: str, verb: str) -> Sequence[Scheduled]:
        """What is run for a unit of this name, and for those that it draws in; of a pattern, for all that fit."""
        key = name, verb
        if key not in self._known:
            before, self.files.trail = self.files.trail, set()
            commands = tuple(self._commands(name, verb))
            if len(self._known) >= CACHED_MAX:
                self._known.clear()
            self._known[key] = commands, frozenset(self.files.trail)
            self.files.trail = before
        found, depended_on = self._known[key]
        self.files.note(depended_on)
        return found

    def script(self, name: str) -> str:
        """The script of init of this name; empty where there is none."""
        return next(
            self.files.files([f"{top}/{posixpath.basename(name)}" for top in INIT_SCRIPTS], executable=True), ""
        )

    def _commands(self, name: str, verb: str) -> Iterator[Scheduled]:
        if self._units is None:
            self._units, self._accounts = UnitFiles(self.files), accounts(self.files)
        keys = _KEYS.get(verb, ())
        whole = with_kind(name).replace(UNKNOWN, "*")
        names = self._units.fitting(whole) if set("*?[") & set(whole) else [whole]
        drawn_in = keys == services.KEYS
        drawn = led_to(self._units, names, UNITS_MAX + 1) if drawn_in else list(_of(self._units, names))
        place = drawn[0].path if drawn else whole
        for unit in self.files.some(place, drawn, UNITS_MAX, "units that are drawn in"):
            yield from services.commands(unit, self.files, self._accounts, keys)


def _of(units: UnitFiles, names: Iterable[str]) -> Iterator[Unit]:
    yield from (unit for name in names if (unit := units.unit(name)) is not None)


def with_kind(name: str) -> str:
    """The whole name of a unit: a service where nothing else is said."""
    return name if name.endswith(_KINDS) else f"{name}.service"
