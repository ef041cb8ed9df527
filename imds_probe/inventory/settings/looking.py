"""Look up a setting where it may stand: files below a root, and the environment and arguments of running programs."""

from __future__ import annotations

import fnmatch
import posixpath
import stat
from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path

from imds_probe.catalog.rows import Row, SettingPlace, Switch, asked_switch
from imds_probe.dataclass import dataclass
from imds_probe.facts.software import SettingSeen
from imds_probe.inventory.packages.package import printable
from imds_probe.inventory.settings.arguments import from_arguments, named_files
from imds_probe.inventory.settings.formats import SettingsError, included, look_up
from imds_probe.inventory.settings.programs import Program
from imds_probe.inventory.settings.said import BY_VARIABLE, said
from imds_probe.kept.shapes import OMITTED, is_path
from imds_probe.system import rootfs

FILE_LIMIT_BYTES = 4 * 1024 * 1024  # Datadog's commented example has 200 KB
INCLUDED_MAX = 100
PATTERN_MAX = 4096  # PATH_MAX in <linux/limits.h>
HOMES_MAX = 200
UNNAMED = "the file that an option names"  # with a path that may be something else
NO_PROGRAM, NO_FILE = "the program was not found running", "the configuration file was not found"


@dataclass
class Looking:
    """One system: its root, and the programs that run in it. Each file is read once."""

    root: Path
    _texts: dict[str, str | None] = field(default_factory=dict)
    _homes: list[str] | None = None

    def look(self, row: Row, programs: Sequence[Program]) -> tuple[SettingSeen, ...]:
        """Every setting of the row, for each of its running programs; for none, as the files have it."""
        seen = []
        requested = {asked_switch(at) for at, asked in enumerate(row.asks_for) if asked.when == "on-request"}
        for name, switch in row.switches():
            effective = self._asked if name in requested else self._effective
            for program in programs or (None,):
                seen += effective(name, switch, program)
        return tuple(dict.fromkeys(seen))  # what several workers share is said once

    def _effective(self, name: str, switch: Switch, program: Program | None) -> list[SettingSeen]:
        """What the first place that sets it says; else that the place to set it in does not."""
        unset: list[SettingSeen] = []
        for place in switch.places:
            found = self._in_place(name, place, program, switch.values)
            if any(entry.value is not None or entry.problem for entry in found):
                return found
            unset += found
        if unset:
            return unset[:1]
        # None of the files is there: the last of them is the program's own, the others are there to override it.
        own = next((place for place in reversed(switch.places) if place.path), None)
        if own is not None:
            return [SettingSeen(name, own.path or "", own.key, None)]
        return [SettingSeen(name, _whose(switch.places[0], program), switch.places[0].key, None)]

    def _asked(self, name: str, switch: Switch, program: Program | None) -> list[SettingSeen]:
        """What has a program ask for something, wherever it stands; else that nothing does, which takes the program and a file of
        its own to tell.
        """
        found = [
            (place, entry) for place in switch.places for entry in self._in_place(name, place, program, switch.values)
        ]
        wanted = {value.lower() for value in switch.values}
        if on := [entry for _, entry in found if entry.value is not None and entry.value.lower() in wanted]:
            return on
        if unread := [entry for _, entry in found if entry.problem]:
            return unread[:1]
        if untold := [entry for place, entry in found if _is_open(place, entry)]:
            return [replace(untold[0], value=None, problem=f"{untold[0].place} does not tell")]
        own = next((place for place in switch.places if place.path), switch.places[0])
        if program is None:
            return [SettingSeen(name, str(own), own.key, None, NO_PROGRAM)]
        if in_files := [entry for place, entry in found if place.path]:
            return [replace(in_files[0], value=None)]
        return [SettingSeen(name, str(own), own.key, None, NO_FILE)]

    def _in_place(
        self, name: str, place: SettingPlace, program: Program | None, wanted: Sequence[str]
    ) -> list[SettingSeen]:
        if place.kind == "file":
            try:
                paths = self._paths(place, program)
            except rootfs.FileUnreadable as trouble:
                return [SettingSeen(name, str(place), place.key, None, printable(trouble.problem))]
            return [entry for path in paths for entry in self._in_file(name, place, path, wanted)]
        if program is None:
            return []
        where = _whose(place, program)
        if place.kind == "environment":
            if program.environment is None:
                return [SettingSeen(name, where, place.key, None, f"{where} may not be read: run as root")]
            values = [program.environment[place.key]] if place.key in program.environment else []
        else:
            values = list(from_arguments(program.arguments, place.key))
        return [SettingSeen(name, where, place.key, said(value, wanted)) for value in values]

    def _in_file(self, name: str, place: SettingPlace, path: str, wanted: Sequence[str]) -> list[SettingSeen]:
        """An entry a value, or one that says that the file does not set it or makes no sense; none without a file."""
        assert place.format is not None  # noqa: S101 - the catalog's reader demands it of files
        where = path if is_path(path) else UNNAMED
        values: list[str] = []
        ahead, done = [path], 0
        try:
            while ahead and done < INCLUDED_MAX:
                current, done = ahead.pop(0), done + 1
                text = self._text(current)
                if text is None:
                    if current == path:
                        return []
                    continue
                values += look_up(place.format, text, place.key)
                for pattern in included(place.format, text)[:INCLUDED_MAX]:
                    ahead += self._matching(posixpath.join(posixpath.dirname(current), pattern))
        except (SettingsError, rootfs.FileUnreadable) as trouble:
            problem = trouble.problem if isinstance(trouble, rootfs.FileUnreadable) else f"{where} {trouble.problem}"
            problem = problem.replace(path, where)
            return [SettingSeen(name, where, place.key, None, printable(problem))]
        if not values:
            return [SettingSeen(name, where, place.key, None)]
        return [SettingSeen(name, where, place.key, said(value, wanted)) for value in values]

    def _text(self, path: str) -> str | None:
        if path not in self._texts:
            content = rootfs.read(self.root, path, FILE_LIMIT_BYTES)
            self._texts[path] = None if content is None else content.decode(errors="replace").removeprefix("\ufeff")
        return self._texts[path]

    def _paths(self, place: SettingPlace, program: Program | None) -> Iterable[str]:
        assert place.path is not None  # noqa: S101 - the catalog's reader demands it of files
        if program and (named := named_files(program, place.path_options)):
            paths = (posixpath.join(program.directory, each) for each in named)
            return [path for each in paths for path in self._named(each, place.path)]
        if place.path.startswith("~/"):
            return [posixpath.join(home, place.path[2:]) for home in self._all_homes()]
        return self._matching(place.path)

    def _named(self, path: str, usual: str) -> list[str]:
        """The file that was named, or those in the directory that are called as the `usual` ones are."""
        status = rootfs.status(self.root, path)
        if status is None or not stat.S_ISDIR(status.st_mode):
            return self._matching(path)
        name = posixpath.basename(usual)
        return self._matching(posixpath.join(path, name if "*" in name else f"*{posixpath.splitext(name)[1]}"))

    def _matching(self, pattern: str) -> list[str]:
        """A path; or where its last part has a wildcard, the files that match it, sorted."""
        directory, name = posixpath.split(pattern[:PATTERN_MAX])
        if not any(sign in name for sign in "*?["):
            return [pattern]
        return [
            posixpath.join(directory, found)
            for found in fnmatch.filter(rootfs.names(self.root, directory), name)
            if not found.startswith(".")
        ]

    def _all_homes(self) -> list[str]:
        if self._homes is None:
            text = self._text("/etc/passwd") or ""
            fields = [line.split(":") for line in text.splitlines()]
            homes = [each[5] for each in fields if len(each) > 6 and each[5].startswith("/") and each[5] != "/"]
            self._homes = list(dict.fromkeys(["/root", *homes]))[:HOMES_MAX]
        return self._homes


def _is_open(place: SettingPlace, entry: SettingSeen) -> bool:
    """Whether a value that is none of those wanted may be one of them all the same: by a variable, or as a variable has all of a
    file.
    """
    return entry.value == BY_VARIABLE or (place.kind == "environment" and entry.value == OMITTED)


def _whose(place: SettingPlace, program: Program | None) -> str:
    kind = "environment" if place.kind == "environment" else "command line"
    return f"the {kind} of {program.name} (pid {program.pid})" if program else f"the {kind}"
