"""What a program starts: itself, its script, and what its arguments name; and what is said of one that is not found."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace

from imds_probe.inventory.schedules import cron_names, run_parts
from imds_probe.inventory.schedules.commands import conditions, profiles
from imds_probe.inventory.schedules.commands.around import Around, pattern_of, with_path
from imds_probe.inventory.schedules.commands.container_run import ENGINES, run_by
from imds_probe.inventory.schedules.commands.elsewhere import Elsewhere
from imds_probe.inventory.schedules.commands.followed import (
    MAYBE_RUN,
    NO_NAME,
    NO_SCRIPT,
    OTHER_ROOT,
    STARTED_MAX,
    TOO_MANY,
)
from imds_probe.inventory.schedules.commands.handed_on import RUNNERS, handed_on, maybe_run, perhaps_run, runs_arguments
from imds_probe.inventory.schedules.commands.kube_play import played
from imds_probe.inventory.schedules.commands.named import beside
from imds_probe.inventory.schedules.commands.programs import SHELLS, Started
from imds_probe.inventory.schedules.commands.projects import is_runner
from imds_probe.inventory.schedules.commands.server_scripts import server_of
from imds_probe.inventory.schedules.commands.settings_named import settings_named
from imds_probe.inventory.schedules.commands.shell_commands import ANY, Command
from imds_probe.inventory.schedules.commands.shell_functions import UNSET, Arguments
from imds_probe.inventory.schedules.commands.starter_words import Words
from imds_probe.inventory.schedules.commands.surroundings import Surroundings
from imds_probe.inventory.schedules.commands.texts_within import texts_within
from imds_probe.inventory.schedules.commands.units_started import asked
from imds_probe.inventory.schedules.commands.unknown_names import fitting
from imds_probe.inventory.schedules.commands.walking import DEPTH_OF_STARTERS, INTERPRETERS, SCRIPT_MAX_BYTES
from imds_probe.inventory.schedules.settings_credentials import git_helpers

ARGUMENTS_MAX = 20  # of one script that is followed with each
_ARGUMENT = re.compile(r"\$\{?[1-9@*]")
_OF_LANGUAGES, _NAMED_MAX = frozenset(("python", "node", "ruby", "perl", "php", "java")), 3
_OTHER_ROOTS = frozenset(("nsenter",))
_OF_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/")


class ProgramWalk(Surroundings, Elsewhere):
    """The part that starts programs."""

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
        if lost or any(not each.startswith((*_OF_DISTRIBUTION, "/usr/share/")) for each in scripts):
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
