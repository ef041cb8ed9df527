"""What a check is told of the host, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

from imds_probe.collect.needs import Need
from imds_probe.config import Settings
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.system import procfs

State = Literal["ok", "limited", "missing"]


@dataclass(frozen=True)
class Host:
    """The host that is looked at, by what the command line and the configuration say of it.

    `settings` are those in force, with `wrong` what is wrong with the configuration, None where nothing is: defaults stand for
    it then. `state` is the state directory, `now` in seconds since the epoch.
    """

    root: Path
    environ: Mapping[str, str]
    settings: Settings
    state: Path
    now: float
    wrong: ProbeError | None = None
    files: tuple[Path, ...] = ()

    @property
    def is_here(self) -> bool:
        """Whether it is the system that this process runs on, of which more can be asked than files."""
        return self.root == Path("/")

    @property
    def runs(self) -> bool:
        """Whether it runs on this kernel: as the host does around a container that has its root mounted."""
        return self.proc.is_dir()

    @property
    def proc(self) -> Path:
        return procfs.below(self.root)


@dataclass(frozen=True)
class Result:
    """What one check found, as a clause.

    `limited`: a run does with less, or something besides the verdict suffers. `missing`: the verdict cannot come out as it would
    otherwise. `need` is what collectors are without then, `costs` what is lost besides, and `remedy` an order.
    """

    state: State
    found: str
    need: Need | None = None
    costs: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """One thing to look at. `look` may raise ProbeError or OSError: then the check says why it could not be looked at."""

    id: str
    look: Callable[[Host], Result | Iterable[Result]]
