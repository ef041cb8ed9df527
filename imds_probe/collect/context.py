"""What collectors are given: what the run was asked to do, and what others have found before them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Mapping
from pathlib import Path
from typing import TypeVar

from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.facts.section import S, Section, or_absent
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoints
from imds_probe.reading.reader import Reader
from imds_probe.system import procfs

T = TypeVar("T")


@dataclass(frozen=True)
class RunRequest:
    """What a run was asked to do. `options` has at most one value of each type that collectors take. `image`: the root is judged
    as an image. `confirms`: an earlier verdict is to be confirmed, by a quick look.
    """

    environ: Mapping[str, str]
    root: Path = Path("/")
    timeout_s: float = 30.0
    only: Collection[str] = ()
    skip: Collection[str] = ()
    catalogs: tuple[Path, ...] = ()  # of the user's own, read after the built-in one
    options: tuple[object, ...] = ()
    image: bool = False
    confirms: bool = False

    def option(self, kind: type[T]) -> T:
        """The options of this type, their defaults where none were given."""
        return next((each for each in self.options if isinstance(each, kind)), None) or kind()


class Context:
    """`deadline` is a time.monotonic: the end of the run. What strangers may have prepared is read by `reader`."""

    def __init__(
        self,
        request: RunRequest,
        endpoints: Endpoints,
        catalog: Catalog,
        counter: RequestCounter,
        deadline: float,
        *,
        reader: Reader,
    ) -> None:
        self.request, self.endpoints, self.catalog, self.counter = request, endpoints, catalog, counter
        self.reader, self.deadline = reader, deadline
        # What is mounted below an image, as where it is built in a chroot, are this machine's own processes.
        self._proc = procfs.NOWHERE if request.image else procfs.below(request.root)
        self._found: list[object] = []
        self._once: dict[Hashable, object] = {}

    @property
    def root(self) -> Path:
        return self.request.root

    @property
    def proc(self) -> Path:
        return self._proc

    @property
    def left_s(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def option(self, kind: type[T]) -> T:
        """The options of this type."""
        return self.request.option(kind)

    def once(self, what: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made for whoever asks first. By collectors that work one at a time. Raises what it raises."""
        if what not in self._once:
            self._once[what] = make()
        made: T = self._once[what]  # type: ignore[assignment]
        return made

    def keep(self, found: Collection[object]) -> None:
        """What a collector came back with."""
        self._found += found

    def get(self, kind: type[T]) -> T | None:
        """What was found of this type, None where nobody found it."""
        return next((each for each in self._found if isinstance(each, kind)), None)

    def all(self, kind: type[T]) -> tuple[T, ...]:
        """The same where several collectors give it, in the order in which they ended."""
        return tuple(each for each in self._found if isinstance(each, kind))

    def __getitem__(self, kind: type[S]) -> S:
        """The section of this type, or what stands for it where nobody could look."""
        return or_absent(kind, self.get(kind))

    @property
    def sections(self) -> tuple[Section, ...]:
        """All that goes into the report."""
        return tuple(each for each in self._found if isinstance(each, Section))
