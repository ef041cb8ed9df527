"""One unit, as its file and all drop-ins together have it."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.systemd.syntax import Assignment


@dataclass(frozen=True)
class Unit:
    """`name` is the one that its file has, whatever alias it was asked for by; `path` is that file."""

    name: str
    path: str
    assignments: Sequence[Assignment]

    @property
    def kind(self) -> str:
        """ "service", "timer" and so on."""
        return self.name.rpartition(".")[2]

    @property
    def prefix(self) -> str:
        """What stands before "@", or before the kind."""
        return self.name.rpartition(".")[0].partition("@")[0]

    @property
    def instance(self) -> str:
        """What stands between "@" and the kind, as it is escaped; empty in what is no instance."""
        return self.name.rpartition(".")[0].partition("@")[2]

    def all(self, section: str, *keys: str) -> list[Assignment]:
        """What the keys are given, in order: an empty value takes back what that key was given before."""
        found: list[Assignment] = []
        for each in self.assignments:
            if each.section == section and each.key in keys:
                if each.value:
                    found.append(each)
                else:
                    found = [other for other in found if other.key != each.key]
        return found

    def last(self, section: str, key: str) -> str:
        """What a key of one value has; empty where it has none."""
        given = self.all(section, key)
        return given[-1].value if given else ""

    def words(self, section: str, *keys: str) -> list[str]:
        """Lists of names."""
        return [word for each in self.all(section, *keys) for word in each.value.split()]
