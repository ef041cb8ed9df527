"""Which units are started, and when: from the default target on, along what wants, requires and triggers what."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.accounts import ROOT
from imds_probe.inventory.schedules.scheduled import AT_BOOT, When
from imds_probe.inventory.schedules.systemd import timers
from imds_probe.inventory.schedules.systemd.specifiers import replaced, specifiers
from imds_probe.inventory.schedules.systemd.unit import Unit
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

# What systemd starts, and what services and these draw in without saying so: systemd.special(7), bootup(7). The default
# target is a link, to the graphical one where there is none.
DEFAULT = "default.target"
FIRST = (
    *("multi-user.target", "sysinit.target", "basic.target", "local-fs.target", "remote-fs.target", "sockets.target"),
    *("timers.target", "paths.target", "cloud-init.target", "network-online.target"),
)
WHERE_NO_DEFAULT = "graphical.target"
DRAWS_IN = ("Wants", "Requires", "BindsTo", "Upholds")
ON_FAILURE = "when another unit fails"
ON_SUCCESS = "when another unit has ended"
ON_PATH = "when a path changes"
ON_CONNECTION = "at each connection to a socket"
WITH_TARGET = "whenever a unit that wants it is started"
WHEN_ASKED = When("scheduled", "when a command starts it")
ACTIVATIONS_MAX = 10  # of one unit
STARTED_MAX = 10_000


@dataclass
class Activations:
    """What starts each unit, by the unit's name."""

    units: UnitFiles
    found: dict[str, list[When]] = field(default_factory=lambda: defaultdict(list))
    _drawn_in: Mapping[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        drawn_in: dict[str, list[str]] = defaultdict(list)
        by_administrator = []
        for owner, linked, ours in self.units.links():
            drawn_in[owner].append(linked)
            if ours:
                by_administrator.append(linked)
        self._drawn_in = drawn_in
        default = DEFAULT if self.units.unit(DEFAULT) else WHERE_NO_DEFAULT
        self._follow([(name, When("boot", AT_BOOT)) for name in (default, *FIRST)])
        # Linked to what nothing is known to start: it was enabled for something.
        seen = set(self.found)
        self._follow(
            [(name, When("scheduled", WITH_TARGET)) for name in by_administrator if self._key(name) not in seen]
        )

    def _key(self, name: str) -> str:
        unit = self.units.unit(name)
        return unit.name if unit else name

    def _follow(self, starts: list[tuple[str, When]]) -> None:
        """Each unit once for each way in which it is started."""
        ahead = deque(starts)
        asked: set[str] = set()
        while ahead:
            name, when = ahead[0]
            if name not in asked:
                new = [each for each, _ in ahead if each not in asked]
                asked.update(new)
                self.units.ahead(new)
            ahead.popleft()
            unit = self.units.unit(name)
            key = unit.name if unit else name
            if when in self.found[key] or len(self.found[key]) >= ACTIVATIONS_MAX or len(self.found) > STARTED_MAX:
                continue
            self.found[key].append(when)
            own = {key, name, *([unit.path.rpartition("/")[2]] if unit else [])}
            ahead += [(linked, when) for owner in own for linked in self._drawn_in.get(owner, ())]
            if unit is not None:
                ahead += _next(unit, when)


def led_to(units: UnitFiles, names: Sequence[str], most: int) -> list[Unit]:
    """The units of these names, and what they draw in or trigger."""
    found: dict[str, Unit] = {}
    ahead, asked = deque(names), set(names)
    while ahead and len(found) < most:
        unit = units.unit(ahead.popleft())
        if unit is None or unit.name in found:
            continue
        found[unit.name] = unit
        new = dict.fromkeys(name for name, _ in _next(unit, WHEN_ASKED))
        ahead += (name for name in new if name not in asked)
        asked.update(new)
    return list(found.values())


def _next(unit: Unit, when: When) -> Iterator[tuple[str, When]]:
    """What a unit draws in or triggers."""
    known = specifiers(unit, ROOT)
    for name in unit.words("Unit", *DRAWS_IN):
        yield replaced(name, known), when
    for name in unit.words("Unit", "OnFailure"):
        yield replaced(name, known), When("scheduled", ON_FAILURE)
    for name in unit.words("Unit", "OnSuccess"):
        yield replaced(name, known), When("scheduled", ON_SUCCESS)
    if unit.kind == "timer":
        for at in timers.whens(unit):
            yield timers.started(unit), at
    elif unit.kind == "path":
        yield timers.started(unit), When("scheduled", ON_PATH)
    elif unit.kind == "socket":
        yield timers.started(unit), When("scheduled", ON_CONNECTION)
