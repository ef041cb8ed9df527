"""The way through one command: what shells would do with it, and what they and other programs would start in turn."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

from imds_probe.inventory.schedules import cron_names, run_parts
from imds_probe.inventory.schedules.commands import conditions, profiles
from imds_probe.inventory.schedules.commands.around import Around, known_text, pattern_of, text_at, with_path
from imds_probe.inventory.schedules.commands.compose import PROGRAMS
from imds_probe.inventory.schedules.commands.container_run import ENGINES, run_by
from imds_probe.inventory.schedules.commands.elsewhere import Elsewhere
from imds_probe.inventory.schedules.commands.followed import (
    MAYBE_RUN,
    NO_DIRECTORY,
    NO_NAME,
    NO_SCRIPT,
    OTHER_ROOT,
    STARTED_MAX,
    TOO_DEEP,
    TOO_MANY,
    HeldText,
)
from imds_probe.inventory.schedules.commands.handed_on import RUNNERS, handed_on, maybe_run, perhaps_run, runs_arguments
from imds_probe.inventory.schedules.commands.kube_play import played
from imds_probe.inventory.schedules.commands.named import beside
from imds_probe.inventory.schedules.commands.other_roots import entered
from imds_probe.inventory.schedules.commands.programs import READ, READ_SOME, SHELLS, Started
from imds_probe.inventory.schedules.commands.project_asked import Run
from imds_probe.inventory.schedules.commands.project_environments import places_of
from imds_probe.inventory.schedules.commands.projects import is_runner, run_of
from imds_probe.inventory.schedules.commands.server_scripts import server_of
from imds_probe.inventory.schedules.commands.settings_named import settings_named
from imds_probe.inventory.schedules.commands.shell_commands import ANY, Command
from imds_probe.inventory.schedules.commands.shell_functions import MAYBE_NONE, UNKNOWN, UNSET, Arguments
from imds_probe.inventory.schedules.commands.shell_walk import ShellWalk
from imds_probe.inventory.schedules.commands.spread import VARIANTS_MAX, is_pattern
from imds_probe.inventory.schedules.commands.starters import BEHIND, STARTERS_OF_LANGUAGES, Found, Inner, Words, inner
from imds_probe.inventory.schedules.commands.texts_within import texts_within
from imds_probe.inventory.schedules.commands.tmux import UNKNOWN_TEXT
from imds_probe.inventory.schedules.commands.units_started import asked
from imds_probe.inventory.schedules.commands.unknown_names import below, directories, fitting
from imds_probe.inventory.schedules.commands.walking import DEPTH_OF_STARTERS, INTERPRETERS, SCRIPT_MAX_BYTES, path_of
from imds_probe.inventory.schedules.settings_credentials import git_helpers

SEARCHES_MAX = 20  # calls of find of one command
ARGUMENTS_MAX = 20  # of one script that is followed with each
_ARGUMENT = re.compile(r"\$\{?[1-9@*]")
# What they run stands in their arguments, wherever they are: "$JAVA_HOME/bin/java".
_ANYWHERE = frozenset(("node", "ruby", "perl", "php", "java", *SHELLS))
_OF_LANGUAGES, _NAMED_MAX = frozenset(("python", "node", "ruby", "perl", "php", "java")), 3
_OTHER_ROOTS = frozenset(("nsenter",))
# They have something started elsewhere, or in a session of its own, where a unit's network and filters need not hold.
_LEAVING = ENGINES | frozenset(
    """
    su runuser sudo doas pkexec nsenter systemd-run machinectl busctl dbus-send gdbus at batch crontab ssh cgexec cgclassify
    ctr crictl kubectl lxc incus virsh initctl screen tmux
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
_OF_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/")


class Walk(ShellWalk, Elsewhere):
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
        elif run := run_of(base, words[1:], around.directory, self._files):
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
        home = around.environment.get("HOME", "/root")
        places = places_of(base, arguments, around.directory, home, self._files)
        within = around.copy({"PATH": path_of(places, around)})
        within.of_project = True
        return within

    def _start(self, words: Words, base: str, around: Around, depth: int) -> None:
        if base in ENGINES and (run := run_by(words[1:])):
            if around.perhaps:
                self._say(NO_NAME, around)
            else:
                self.found.run_image(replace(run, engine=base))
        if (pods := played(base, words[1:])) is not None:
            self._play(*pods, around)
        self._follow_settings(base, words[1:], around, depth)
        self._run_in_containers(words, base, around)
        if units := asked(base, words):
            self._start_units(units, words, around, depth)
        if base in _OTHER_ROOTS:
            self._say(OTHER_ROOT, around)
        if base.startswith(INTERPRETERS) and self._starts_unknown(words, around, depth):
            return
        started = self._programs.started(
            [word or "" for word in words], dict(around.environment), around.directory, around.script
        )
        if started is None:
            self._lose(words, base, around)
            return
        if not base.startswith(INTERPRETERS):
            self._hand_on(words, base, started, around, depth)
        by_itself = not posixpath.basename(started.executable).startswith(INTERPRETERS)
        plain = bool(around.script) and by_itself and started.executable.startswith(_OF_DISTRIBUTION)
        if self.found.is_full and not plain:
            self._say(TOO_MANY, around)
            return
        self.found.start(replace(started, perhaps=around.perhaps, network=around.network), plain=plain)
        if posixpath.basename(started.executable) in SHELLS:
            self._run_script(started, words, around, depth)

    def _lose(self, words: Words, base: str, around: Around) -> None:
        """A command that would run a script which is there, by an interpreter that lies nowhere where it is looked for; or what a
        runner of a project would find there; or a program that is there, but in no directory of PATH that is known, where only
        running tells the others.
        """
        name = words[0] or ""
        is_open = "PATH" in around.partly or ANY in around.partly
        if is_open and self._programs.is_elsewhere(name, around.environment.get("HOME", "")):
            self._say(NO_NAME, around)
        if "/" in name:
            found = next(self._files.files([self._at(name, around)], executable=True), "")
            scripts = [found] if found and self._programs.is_by_name(found) else []
        elif base.rstrip("0123456789.") in _OF_LANGUAGES:
            named = [self._at(word, around) for word in words[1:] if word and not word.startswith("-")]
            scripts = list(self._files.files(named[:_NAMED_MAX]))
        else:
            scripts = []
        lost = around.of_project and bool(name) and "/" not in name and not is_runner(base)
        if lost or any(not each.startswith(_OF_DISTRIBUTION) for each in scripts):
            self._say(NO_NAME, around)

    def _follow_settings(self, base: str, arguments: Words, around: Around, depth: int) -> None:
        for named in settings_named(base, arguments, around.environment):
            self.found.name_settings(replace(named, path=self._at(named.path, around)))
        for text in (*(git_helpers(arguments) if base == "git" else ()), *texts_within(base, arguments)):
            self.run_text(text, around.copy({}), depth + 1)

    def _starts_unknown(self, words: Words, around: Around, depth: int) -> bool:
        """Whether an interpreter runs one of several scripts that fit what is known of the name, which are followed here."""
        known = [
            each or "" if (known := pattern_of(words, at, around)) is None else known for at, each in enumerate(words)
        ]
        if words[0] and posixpath.basename(words[0]) == "java":
            at = known.index("-jar") + 1 if "-jar" in known[:-1] else None
        else:
            at = next((at for at, each in enumerate(known) if at and each != UNSET and not each.startswith("-")), None)
        if at is None:
            return False
        pattern = pattern_of(words, at, around)
        if pattern is None:
            return False
        directory = around.where or around.directory
        found = fitting(pattern, directory, self._files, executable=False)
        if found is None:
            self._say(NO_SCRIPT, around)
        self._depends(around)
        for path in found or () if not around.within else ():
            self.run((*words[:at], path, *words[at + 1 :]), with_path(words, at, path, around), depth + 1, 0)
        return found is not None

    def _hand_on(self, words: Words, base: str, started: Started, around: Around, depth: int) -> None:
        """What a program that is there runs of its arguments, or may run."""
        script = started.arguments[-len(words)]
        own = not script.startswith(_OF_DISTRIBUTION)
        if around.command.patterns and (own or base in RUNNERS or base in ENGINES):
            self._depends(around)
        is_script = own and posixpath.basename(started.executable) in SHELLS and script != started.executable
        runs = is_script and runs_arguments(self._files.text(script, SCRIPT_MAX_BYTES) or "")
        for handed in handed_on(base, words[1:], runs=runs):
            self.run(handed, around.copy({}), depth + 1, DEPTH_OF_STARTERS)
        if own and not is_script:
            for perhaps in perhaps_run(base, words[1:]):
                if self._is_program(perhaps, around):
                    self.run(perhaps, around.copy({}, perhaps=True), depth + 1, 0)
        if not runs:
            named = [self._at(each, around) for each in maybe_run(base, words[1:], own=own and not is_script)]
            if any(self._files.files(named, executable=True)):
                self._say(MAYBE_RUN, around)

    def _run_script(self, started: Started, words: Words, around: Around, depth: int) -> None:
        script = next((word for word in started.arguments[1:] if word and word[0] not in "-+"), "")
        path = self._at(script, around)
        if not path or not self._files.has_file(path):
            return
        text = self._files.text(path, SCRIPT_MAX_BYTES)
        if not text or "\0" in text:
            return
        behind = started.arguments[started.arguments.index(script) + 1 :]
        first = max(1, len(words) - len(behind))
        given = [
            known if (known := around.command.pattern(words, at)) is not None else words[at]
            for at in range(first, len(words))
        ]
        arguments = Arguments.of_script([*behind[: len(behind) - len(given)], *given], text)
        if not self._is_new(path, text, arguments, around):
            return
        self._files.ahead(beside(text, path))
        self.found.passes_over = self.found.passes_over or conditions.of_calendar(text)
        within = around.copy({"0": path, "BASH_SOURCE": path})
        options = started.arguments[: started.arguments.index(script)]
        self._log_in(profiles.read_by(options, within.environment.get("HOME", "")), within, depth)
        if posixpath.basename(started.executable) == "bash":
            self.read_first(within, depth)
        within.script, within.command, within.arguments = path, Command(()), arguments
        if server := server_of(path, behind, within.environment, self._files):
            if not server[0]:
                self._say(NO_NAME, within)
            self.run(server, within.copy({}), depth + 1, 0)
        self.run_text(text, within, depth + 1)

    def _is_new(self, path: str, text: str, arguments: Arguments, around: Around) -> bool:
        """Whether a script was not followed yet: with these arguments, where it has to do with them."""
        given = arguments.given if _ARGUMENT.search(text) else ()
        key = (path, given) if around.network == "host" else (path, given, around.network)
        scripts = self.found.scripts
        count = sum(isinstance(each, tuple) and each[0] == path for each in scripts)
        if path in scripts or key in scripts or (around.perhaps and (*key, True) in scripts):
            return False
        if count >= ARGUMENTS_MAX:
            if path != around.script:  # one that starts itself again does the same things
                self._say(NO_NAME, around)
            return False
        scripts.add((*key, True) if around.perhaps else key)
        return True

    def _run_parts(self, arguments: Words, around: Around, depth: int) -> None:
        """All that is in a directory. Those that cron goes through by itself are listed with their own schedule."""
        directory = self._at(next((word for word in reversed(arguments) if word and word[0] != "-"), ""), around)
        if not directory or directory in run_parts.DIRECTORIES or directory in self.found.scripts:
            return
        self.found.scripts.add(directory)
        runs = cron_names.heeded(self._files)
        named = [f"{directory}/{name}" for name in self._files.names(directory) if runs(name)]
        for path in self._files.files(self._files.some(directory, named, STARTED_MAX, "files"), executable=True):
            self.run((path,), around.copy({}), depth + 1, 0)


def _is_where_it_matters(base: str) -> bool:
    """Whether a program of this name does what its directory holds: a project's, or a script that is named from there."""
    by_project = is_runner(base) or base in BEHIND or base in STARTERS_OF_LANGUAGES
    return by_project or base in ENGINES or base in PROGRAMS or base.startswith(INTERPRETERS)


def _says(said: str, words: Words, around: Around) -> bool:
    """Whether one of the words is just that, and nothing of it depends on what runs."""
    return any(word == said and pattern_of(words, at, around) is None for at, word in enumerate(words))
