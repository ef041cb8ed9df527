"""Everything that rules may look at, by subject."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.section import S, Section, or_absent


class NotInReport(ProbeError):
    """A rule asked for something that the report which is judged again does not have."""


@dataclass(frozen=True)
class Facts:
    """`sections` has at most one of each type. `lacking` says what a stored report did not have, by type: the keys."""

    privileged: bool
    collectors: tuple[CollectorRun, ...]
    sections: tuple[Section, ...] = ()
    lacking: tuple[tuple[type[Section], str], ...] = ()

    def get(self, kind: type[S]) -> S | None:
        """The section of this type, None where there is none. Raises NotInReport."""
        for lacks, key in self.lacking:
            if lacks is kind:
                raise NotInReport(f"could not be judged again: the report has no {key}")
        return next((section for section in self.sections if isinstance(section, kind)), None)

    def __getitem__(self, kind: type[S]) -> S:
        """The section of this type, or what stands for it where nobody looked. Raises NotInReport."""
        return or_absent(kind, self.get(kind))

    def with_(self, *sections: Section) -> Facts:
        """The same facts with these sections in the place of those of their types."""
        kinds = tuple(type(section) for section in sections)
        kept = tuple(section for section in self.sections if type(section) not in kinds)
        return replace(self, sections=(*kept, *sections))

    def collector(self, collector_id: str) -> CollectorRun | None:
        """The run of one collector, None where it was never started."""
        return next((run for run in self.collectors if run.id == collector_id), None)
