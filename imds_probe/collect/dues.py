"""What will run in one system: how often, and who starts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace

from imds_probe.collect.code_tasks import Due, Program
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Runs
from imds_probe.inventory.code.owned import Owned
from imds_probe.inventory.code.spoken import Spoken, worse
from imds_probe.inventory.schedules.scheduled import is_of_unit

RUNS_BY_WEIGHT: tuple[Runs, ...] = ("boot", "scheduled", "once")


@dataclass(frozen=True)
class Coming:
    """How something will run, by one schedule or by several. `scheduled`: one of them is no boot. The rest is as in CodeSeen:
    `starter_uid` is the first of several users, and `own_network` true if one of them is so. `kept_off` if all are. `uid` is as in
    Due, None where several users start it.
    """

    runs: Runs = "lies"
    scheduled: bool = False
    every_s: float | None = None
    standing_s: float | None = None
    starter_uid: int | None = None
    own_network: bool = False
    uid: int | None = None
    kept_off: bool = False

    @property
    def at_boot_alone(self) -> bool:
        """Whether nothing starts it but the boot."""
        return self.runs == "boot" and not self.scheduled

    @classmethod
    def of(cls, due: Due) -> Coming:
        """By this one."""
        by_schedule = due.runs == "scheduled"
        said = due.standing_s, due.starter_uid, due.own_network, due.uid, due.kept_off
        return cls(due.runs, by_schedule, due.every_s, *said)

    @classmethod
    def by_all(cls, comings: Iterable[Coming]) -> Coming:
        """By all of these: the rarest counts, the one that changed last, and of what is started only once nothing. What has run
        and will not again here weighs least.
        """
        known = list(comings)
        starters = [each.starter_uid for each in known if each.starter_uid is not None]
        runs: Runs = next((each for each in RUNS_BY_WEIGHT if any(one.runs == each for one in known)), "lies")
        return cls(
            runs,
            any(each.scheduled for each in known),
            longest([each.every_s for each in known if each.scheduled]),
            shortest([each.standing_s for each in known if each.runs != "once"]),
            min(starters) if known and len(starters) == len(known) else None,
            any(each.own_network for each in known if each.runs != "once"),
            known[0].uid if len({each.uid for each in known}) == 1 else None,
            bool(known) and all(each.kept_off for each in known),
        )


def longest(lengths: Iterable[float | None]) -> float | None:
    """None where there is none, or one is not known."""
    known = [*lengths]
    return None if None in known else max((each for each in known if each is not None), default=None)


def shortest(lengths: Iterable[float | None]) -> float | None:
    """None where there is none, or one is not known."""
    known = [*lengths]
    return None if None in known else min((each for each in known if each is not None), default=None)


def together(before: Program | None, program: Program) -> Program:
    """One program that was started in several ways."""
    if before is None:
        return program
    return replace(
        program,
        pids=(*before.pids, *program.pids),
        why=before.why or program.why,
        by_name=before.by_name or program.by_name,
        environments=tuple(dict.fromkeys((*before.environments, *program.environments))),
        cgroups=tuple(dict.fromkeys((*before.cgroups, *program.cgroups))),
        runner_uid=before.runner_uid if before.runner_uid == program.runner_uid else None,
    )


@dataclass
class Dues:
    """What will run in one system: of each root how it runs, by what starts it; programs by their names, and the same of each.
    `read`: schedules were looked for.
    """

    read: bool = False
    roots: dict[str, dict[str, Coming]] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    started_by: dict[str, dict[str, Coming]] = field(default_factory=dict)

    def add(self, due: Due) -> None:
        """One more. What will not run again here need not be read to judge this system."""
        for root in due.roots:
            _add(self.roots.setdefault(root, {}), due)
        if (program := due.piece.program) is not None and due.runs != "once":
            self.programs[program.name] = together(self.programs.get(program.name), program)
            _add(self.started_by.setdefault(program.name, {}), due)

    def coming(self, root: str) -> Coming:
        """How it will run."""
        return Coming.by_all(self.roots.get(root, {}).values())

    def coming_of(self, program: str) -> Coming:
        """How a program of this name will run."""
        return Coming.by_all(self.started_by.get(program, {}).values())

    def is_service(self, program: str) -> bool:
        """Whether nothing starts it but the boot, and the commands that stop or reload a unit."""
        by = self.started_by.get(program, {}).items()
        return Coming.by_all(coming for each, coming in by if not is_of_unit(each)).at_boot_alone


@dataclass
class Elsewhere:
    """What will run in another root that something of the system enters, and the wholes that it has by their roots. `owned` are
    the packages of files, by their paths.
    """

    due: Dues = field(default_factory=Dues)
    spoken: dict[str, Spoken] = field(default_factory=dict)
    owned: dict[str, Owned] = field(default_factory=dict)

    def add(self, due: Due) -> None:
        """One more that runs there."""
        self.due.add(due)
        self.spoken.update((each.root, worse(self.spoken.get(each.root), each)) for each in due.piece.spoken)
        self.owned.update((each.path, each) for each in due.owned)

    def paths(self) -> Iterator[str]:
        """Where in the other root that lies which will run."""
        for program in self.due.programs.values():
            yield from (program.name, *program.parts, *program.loaded)
        for each in self.spoken.values():
            yield from (each.root, each.path)


def _add(by: dict[str, Coming], due: Due) -> None:
    """A crontab may have several lines that say the same of when."""
    before = by.get(due.started_by)
    coming = Coming.of(due)
    by[due.started_by] = Coming.by_all([before, coming]) if before is not None else coming
