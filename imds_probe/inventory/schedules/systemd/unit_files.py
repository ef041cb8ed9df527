"""Find units in the directories in which systemd looks, with their drop-ins, aliases, templates, and what is masked."""

from __future__ import annotations

import fnmatch
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.syntax import Assignment, assignments
from imds_probe.inventory.schedules.systemd.unit import Unit

# The first that has a file of a name has the say: systemd.unit(5), "Unit File Load Path". What generators made at boot is
# read where it lies; no generator is run.
DIRECTORIES = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
ADMINISTRATORS = ("/etc/", "/run/", "/usr/local/")
LINKS = (".wants", ".requires", ".upholds")
UNKNOWN_SIGNS = "*?"
INCLUDED_MAX = 5
DROP_INS_MAX = 200
UNITS_MAX = 5000
LINKS_MAX = 20_000
NAME_MAX = 255


@dataclass
class UnitFiles:
    """The units of one system."""

    files: SystemFiles
    _listed: Mapping[str, tuple[str, ...]] = field(init=False)
    _first: dict[str, str] = field(init=False)
    _loaded: dict[str, Unit | None] = field(default_factory=dict)
    _slices: dict[str, Unit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed: dict[str, tuple[str, ...]] = {}
        seen = set()
        for directory in DIRECTORIES:
            names = self.files.names(directory)
            real = self.files.real_path(directory) if names else None
            if names and real not in seen:  # /lib is a link to /usr/lib on most systems
                seen.add(real)
                listed[directory] = names
        self._listed = listed
        self._first = {}
        for directory, names in listed.items():
            for name in names:
                self._first.setdefault(name, directory)

    def there(self) -> bool:
        """Whether there is any unit at all."""
        return bool(self._first)

    def links(self) -> Iterator[tuple[str, str, bool]]:
        """Of each link in a directory as x.target.wants: the unit whose directory it is, the unit that is linked there, and
        whether an administrator linked it.
        """
        left = LINKS_MAX
        for directory, names in self._listed.items():
            for name in names:
                end = next((end for end in LINKS if name.endswith(end)), "")
                for linked in self.files.names(f"{directory}/{name}") if end else ():
                    left -= 1
                    yield name.removesuffix(end), linked, directory.startswith(ADMINISTRATORS)
                if left <= 0:
                    said = f"more than {LINKS_MAX} units are linked to others, and the rest was not read"
                    self.files.leave_out(directory, unread.MORE, said)
                    return

    def fitting(self, pattern: str) -> list[str]:
        """The names that fit, where an asterisk stands for what is not known; of a pattern without a name, an administrator's own.
        A template may have any instance.
        """
        plain = pattern.rpartition(".")[0].strip(UNKNOWN_SIGNS)
        own = (
            self._first if plain else [name for name, where in self._first.items() if where.startswith(ADMINISTRATORS)]
        )
        return [name for name in own if fnmatch.fnmatchcase(name.replace("@.", "@x."), pattern)]

    def ahead(self, names: Iterable[str]) -> None:
        """These units are asked for next."""
        new = (name for name in names if name not in self._loaded)
        own = (each for name in new for each in (name, _template(name)) if each in self._first)
        self.files.ahead([f"{self._first[each]}/{each}" for each in dict.fromkeys(own)])

    def unit(self, name: str) -> Unit | None:
        """The unit of this name or alias; None where there is none, or it is masked."""
        if name not in self._loaded:
            if len(self._loaded) >= UNITS_MAX:
                said = f"more than {UNITS_MAX} units are named, and the rest was not read"
                self.files.leave_out("/etc/systemd/system", unread.MORE, said)
                return None
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def slice(self, name: str) -> Unit:
        """A slice, which need not have a file: with its drop-ins alone then."""
        unit = self.unit(name)
        if unit is None and name not in self._slices:
            texts = ((self.files.text(drop_in) or "", drop_in) for drop_in in self._drop_ins(name))
            self._slices[name] = Unit(name, "", [each for said in texts for each in assignments(*said)])
        return unit or self._slices[name]

    def _load(self, name: str) -> Unit | None:
        if len(name) > NAME_MAX or "/" in name:
            return None
        template = _template(name)
        own = next((each for each in (name, template) if each in self._first), None)
        if own is None:
            return None
        path = f"{self._first[own]}/{own}"
        status = self.files.status(path)
        if status is None or not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None  # masked: a link to /dev/null, or an empty file
        name = self._without_alias(name, own, path)
        text = self.files.text(path)
        if text is None:
            return None
        read = [*self._included(text, path, 0)]
        for drop_in in self._drop_ins(name):
            read += assignments(self.files.text(drop_in) or "", drop_in)
        return Unit(name, path, read)

    def _without_alias(self, name: str, own: str, path: str) -> str:
        """The name that the file itself has, with the instance that was asked for."""
        real = posixpath.basename(self.files.real_path(path) or own)
        if real == own or real.rpartition(".")[2] != name.rpartition(".")[2]:
            return name
        before, at, rest = real.partition("@")
        instance = name.rpartition(".")[0].partition("@")[2]
        return f"{before}@{instance}{rest}" if at and rest.startswith(".") and instance else real

    def _included(self, text: str, path: str, depth: int) -> Iterator[Assignment]:
        for each in assignments(text, path):
            if each.section:
                yield each
            elif depth >= INCLUDED_MAX:
                self.files.say(f"{path} includes files that include each other without end")
            else:
                included = posixpath.join(posixpath.dirname(path), each.value)
                yield from self._included(self.files.text(included) or "", included, depth + 1)

    def _drop_ins(self, name: str) -> list[str]:
        """By their names, whatever directory they are in. Of the same name the more specific one counts."""
        found: dict[str, str] = {}
        for owner in _owners(name):
            for directory, names in self._listed.items():
                if f"{owner}.d" in names:
                    at = f"{directory}/{owner}.d"
                    for file in self.files.names(at):
                        if file.endswith(".conf"):
                            found.setdefault(file, f"{at}/{file}")
        named = [found[file] for file in sorted(found)]
        return list(self.files.some(posixpath.dirname(named[0]), named, DROP_INS_MAX, "files")) if named else []


def _template(name: str) -> str:
    """The template of an instance, the name itself of what is none."""
    before, at, rest = name.partition("@")
    return f"{before}@.{rest.rpartition('.')[2]}" if at else name


def _owners(name: str) -> list[str]:
    """Whose drop-ins count for a unit, the most specific first: its own, its template's, those of its name's beginnings up
    to each hyphen, and those of its kind.
    """
    stem, _, kind = name.rpartition(".")
    parts = stem.partition("@")[0].split("-")
    beginnings = [f"{'-'.join(parts[:number])}-.{kind}" for number in range(len(parts) - 1, 0, -1)]
    return list(dict.fromkeys([name, _template(name), *beginnings[:20], kind]))
