"""The way through one command: which program its words come to, and what others start in turn."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace

from imds_probe.inventory.schedules.accounts import ROOT
from imds_probe.inventory.schedules.commands import profiles
from imds_probe.inventory.schedules.commands.around import Around, known_text, pattern_of, text_at, with_path
from imds_probe.inventory.schedules.commands.compose import PROGRAMS
from imds_probe.inventory.schedules.commands.container_run import ENGINES
from imds_probe.inventory.schedules.commands.followed import NO_DIRECTORY, NO_NAME, NO_SCRIPT, TOO_DEEP, HeldText
from imds_probe.inventory.schedules.commands.other_roots import entered
from imds_probe.inventory.schedules.commands.program_walk import ProgramWalk
from imds_probe.inventory.schedules.commands.programs import READ, READ_SOME, SHELLS, Started
from imds_probe.inventory.schedules.commands.project_asked import Run
from imds_probe.inventory.schedules.commands.project_environments import places_of
from imds_probe.inventory.schedules.commands.projects import is_runner, run_of
from imds_probe.inventory.schedules.commands.shell_commands import Command
from imds_probe.inventory.schedules.commands.shell_functions import MAYBE_NONE, UNKNOWN, UNSET, Arguments
from imds_probe.inventory.schedules.commands.shell_walk import ShellWalk
from imds_probe.inventory.schedules.commands.spread import VARIANTS_MAX, is_pattern
from imds_probe.inventory.schedules.commands.starter_words import Found, Inner, Words
from imds_probe.inventory.schedules.commands.starters import inner
from imds_probe.inventory.schedules.commands.starters_known import BEHIND, STARTERS_OF_LANGUAGES
from imds_probe.inventory.schedules.commands.tmux import UNKNOWN_TEXT
from imds_probe.inventory.schedules.commands.unknown_names import below, directories, fitting
from imds_probe.inventory.schedules.commands.walking import DEPTH_OF_STARTERS, INTERPRETERS, path_of

SEARCHES_MAX = 20  # calls of find of one command
# What they run stands in their arguments, wherever they are: "$JAVA_HOME/bin/java".
_ANYWHERE = frozenset(("node", "ruby", "perl", "php", "java", *SHELLS))
# They have something started elsewhere, or in a session of its own, where a unit's network and filters need not hold.
_LEAVING = ENGINES | frozenset(
    """
    su runuser sudo doas pkexec nsenter systemd-run machinectl busctl dbus-send gdbus at batch crontab ssh cgexec cgclassify
    ctr crictl kubectl lxc incus virsh initctl screen tmux
    """.split()  # noqa: SIM905 - as literals they would take half a page
)


class Walk(ShellWalk, ProgramWalk):
    """One command's way, with all its parts."""

    def run(self, words: Words, around: Around, depth: int, starters: int) -> None:
        """A program with its arguments; for what stands in a pattern, each that it fits."""
        pattern = pattern_of(words, 0, around)
        if pattern is not None:
            self._run_unknown(pattern, words, around, (depth, starters))
            return
        for each in self._variants(words, around):
            self._run(each, around, depth, starters)

    def _run_unknown(self, pattern: str, words: Words, around: Around, depths: tuple[int, int]) -> None:
        """A program of whose path only a part is known: those that fit may be started. Of a name without a directory nobody knows
        which program it is; where it may be no word at all, the one behind it counts, and so it does behind a variable that nothing
        sets. Which of several machines of a language runs a script tells the script.
        """
        if pattern == UNSET and around.script:
            self._depends(around)
            if words[1:] and not around.within:
                self.run(words[1:], around, *depths)
            return
        if pattern == MAYBE_NONE and self._is_program(words[1:], around):
            self.run(words[1:], around, *depths)
            return
        found = fitting(pattern, around.where or around.directory, self._files) if "/" in pattern else None
        name = posixpath.basename(pattern)
        if found is None and name.rstrip("0123456789.") in _ANYWHERE and self._is_program((name,), around):
            self.run((name, *words[1:]), around, *depths)
            return
        if found is None:
            self._say(NO_NAME, around)
        self._depends(around)
        for path in found or () if not around.within else ():
            self.run((path, *words[1:]), with_path(words, 0, path, around), depths[0] + 1, depths[1])

    def _run(self, words: Words, around: Around, depth: int, starters: int) -> None:
        name = words[0] if words else ""
        if name and name.startswith("~/") and "HOME" in around.environment:
            name = around.environment["HOME"] + name[1:]
            words = (name, *words[1:])
        if not name:
            if name is None:
                self._say(NO_NAME, around)
            return
        if name in (READ, READ_SOME):
            self._read(name, [word for word in words[1:] if word], around)
            return
        base = posixpath.basename(name)
        self.found.leaves = self.found.leaves or base in _LEAVING
        if around.where and UNKNOWN not in around.where and _is_where_it_matters(base):
            self._run_in_each(words, around, depth, starters)
        elif starters > DEPTH_OF_STARTERS:
            self._say(TOO_DEEP, around)
        elif is_runner(base) and self._is_done(base, words[1:], around):
            return
        elif run := run_of(base, words[1:], around.directory, self._files, around.environment.get("HOME", ROOT.home)):
            self._run_project(run, around, depth)
            if base not in BEHIND:
                self._start(words, base, around, depth)
        else:
            self._run_named(words, base, around, (depth, starters))

    def _run_in_each(self, words: Words, around: Around, depth: int, starters: int) -> None:
        """In each of several directories, where the same words come to something else."""
        found = directories(around.where, self._files)
        if found is None:
            self._say(NO_DIRECTORY, around)
        for directory in found or ():
            within = around.copy({}, directory)
            within.where, within.arguments, within.functions = "", around.arguments, around.functions
            self._run(words, within, depth, starters)

    def _run_named(self, words: Words, base: str, around: Around, depths: tuple[int, int]) -> None:
        depth, starters = depths
        if base == "run-parts":
            self._run_parts(words[1:], around, depth)
        elif root := entered(base, words[1:]):
            if root.directory == "/" and _says("/", words, around):  # another user of the same root
                self.run(root.words, around.copy({}, root.within), depth, starters + 1)
            else:
                self._enter(base, root, around)
        elif started := inner(base, words[1:]):
            self._run_inner(started, words, around, depths)
        elif base in SHELLS and (at := text_at(words)):
            text = known_text(words, at, around)
            within = around.copy({})
            self._log_in(profiles.read_by(words[:at], within.environment.get("HOME", "")), within, depth)
            if base == "bash":
                self.read_first(within, depth)
            within.arguments = Arguments.of_script(words[at + 2 :], text)
            if text == UNKNOWN_TEXT:
                self._say(NO_SCRIPT, around)
            else:
                self.run_text(text, within, depth + 1)
        elif not self._run_written(words, around, depth):
            self._start(words, base, around, depth)

    def _run_inner(self, started: Inner, words: Words, around: Around, depths: tuple[int, int]) -> None:
        """What a program starts that is known to start another one."""
        base = posixpath.basename(words[0] or "")
        within = around.copy(started.assigned, self._at(started.directory, around))
        self._set_apart(started, within)
        if started.user is not None or started.login:
            self._become(started.user, within, login=started.login)
        self._switch(base, started, within, depths[0])
        if base in BEHIND or base in STARTERS_OF_LANGUAGES:
            within = self._in_environment(base, words[1:], within)
        if started.found is not None:
            is_known = all(pattern_of(words, at, around) is None for at in range(1, len(words)))
            found = started.found if is_known else replace(started.found, places=("",))
            self._run_found(found, started.words, within, depths)
        elif started.words:
            self.run(started.words, within, depths[0], depths[1] + 1)
        else:
            at = next((at for at, word in enumerate(words) if at and (word or "") == started.text), None)
            self.run_text(started.text if at is None else known_text(words, at, around), within, depths[0] + 1)

    def _run_found(self, found: Found, words: Words, around: Around, depths: tuple[int, int]) -> None:
        """Each file that find has started."""
        places: list[str] = []
        is_known = found.named != "" and all(place and (place[0] == "/" or not around.where) for place in found.places)
        for place in found.places if is_known else ():
            spread = (
                directories(self._at(place, around), self._files) if is_pattern(place) else [self._at(place, around)]
            )
            is_known = is_known and spread is not None
            places += spread or []
        self._searched += 1
        is_known = is_known and self._searched <= SEARCHES_MAX
        paths, is_all = below(places if is_known else (), found.named, found.deepest, self._files)
        if not is_known or not is_all or len(paths) > VARIANTS_MAX:
            self._say(NO_NAME, around)
        for path in paths[:VARIANTS_MAX]:
            within = around.copy({})
            within.command = Command(())
            each = tuple(word and word.replace("{}", path) for word in words)
            if words[0] != "{}" or any(self._files.files([path], executable=True)):
                self.run(each, within, depths[0], depths[1] + 1)

    def _run_project(self, run: Run, around: Around, depth: int) -> None:
        """What a project says that is run: its texts are searched as its own, and files are read as what they are."""
        for held in run.texts:
            within = around.copy({"PATH": path_of(held.places, around)}, held.directory)
            self._hold(HeldText(held.path, held.text, dict(within.environment), within.network), around)
            self.run_text(held.text, within, depth + 1)
        for words in run.words:
            self.run(words, around.copy({}, run.directory), depth + 1, 0)
        self._read(READ, run.files, around)
        self._read(READ_SOME, run.some_of, around)

    def _read(self, how: str, files: Sequence[str], around: Around) -> None:
        """Files that are read and done as they say."""
        there = tuple(self._files.files(files))
        if there:
            how = READ_SOME if around.perhaps else how
            self.found.start(Started(there[0], (how, *there), dict(around.environment), around.directory))

    def _in_environment(self, base: str, arguments: Words, around: Around) -> Around:
        home = around.environment.get("HOME", ROOT.home)
        places = places_of(base, arguments, around.directory, home, self._files)
        within = around.copy({"PATH": path_of(places, around)})
        within.of_project = True
        return within


def _is_where_it_matters(base: str) -> bool:
    """Whether a program of this name does what its directory holds: a project's, or a script that is named from there."""
    by_project = is_runner(base) or base in BEHIND or base in STARTERS_OF_LANGUAGES
    return by_project or base in ENGINES or base in PROGRAMS or base.startswith(INTERPRETERS)


def _says(said: str, words: Words, around: Around) -> bool:
    """Whether one of the words is just that, and nothing of it depends on what runs."""
    return any(word == said and pattern_of(words, at, around) is None for at, word in enumerate(words))
