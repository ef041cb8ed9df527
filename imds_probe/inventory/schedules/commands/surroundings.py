"""What shells have around their commands: directories, files that they read as their own, and another user's home and PATH."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace

from imds_probe.inventory.schedules.commands import profiles
from imds_probe.inventory.schedules.commands.activated import is_own
from imds_probe.inventory.schedules.commands.around import Around, pattern_of
from imds_probe.inventory.schedules.commands.followed import NO_DIRECTORY, NO_SCRIPT
from imds_probe.inventory.schedules.commands.programs import DEFAULT_PATH
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.commands.spread import alternatives, is_pattern
from imds_probe.inventory.schedules.commands.starter_words import Inner, Words
from imds_probe.inventory.schedules.commands.unknown_names import fitting
from imds_probe.inventory.schedules.commands.walking import DEPTH_MAX, SCRIPT_MAX_BYTES, Walking

PUSHED_MAX = 50


class Surroundings(Walking):
    """The part that changes what is around."""

    def _become(self, user: str | None, within: Around, *, login: bool) -> None:
        """Another user's home is around what that one runs; None stays the same."""
        home = self._home(user) if user else within.environment.get("HOME") or self._home("") if user is None else None
        within.environment["HOME"] = home or ""
        within.partly.pop("HOME", None)
        if home is None:
            within.partly["HOME"] = UNKNOWN
        if login:
            within.directory, within.where = home or within.directory, "" if home else UNKNOWN

    def _switch(self, program: str, started: Inner, within: Around, depth: int) -> None:
        """The PATH of another user, or of systemd, is around what is started; and behind a login what that one's profile sets."""
        before, is_root = within.environment.get("PATH") or DEFAULT_PATH, started.user == "root"
        path = self._programs.switched.path(program, before, login=started.login, is_root=is_root)
        if path != before:
            within.environment["PATH"] = path
            within.partly.pop("PATH", None)
        if started.login:
            self._log_in(profiles.of_login("bash", within.environment.get("HOME", "")), within, depth)

    def read_first(self, around: Around, depth: int) -> None:
        """What bash reads before a script or the text that is its argument: the file that BASH_ENV names."""
        named = around.environment.get("BASH_ENV", "")
        for home in ("${HOME}", "$HOME", "~"):
            named = named.replace(home, around.environment.get("HOME", ""), 1) if named.startswith(home) else named
        if named.startswith("/"):
            self._source_one(named, around, depth)

    def _log_in(self, files: profiles.Profiles, around: Around, depth: int) -> None:
        """What a shell reads before its command may add to PATH and set variables. What it starts is listed by itself."""
        if not files.paths or depth >= DEPTH_MAX:
            return
        key = (*files.paths, around.environment.get("PATH", ""))
        known = self._programs.logged_in.get(key)
        if known is None:
            before, self._files.trail = self._files.trail, set()
            inner = Around(dict(around.environment), around.directory, partly=dict(around.partly))
            walk = type(self)(self._files, self._programs, self._units, self._home)
            for path in profiles.there(files, self._files):
                if path not in walk.found.scripts:
                    walk.run_text(self._files.text(path, SCRIPT_MAX_BYTES) or "", inner, DEPTH_MAX - 1)
            # What was around the first command that came here is not around the next.
            of_files = {
                name: value
                for name, value in inner.environment.items()
                if name == "PATH" or name not in around.environment
            }
            partly = {name: value for name, value in inner.partly.items() if name not in around.partly}
            known = of_files, partly, frozenset(self._files.trail)
            self._files.trail = before
            self._programs.logged_in[key] = known
        environment, partly, depended_on = known
        self._files.note(depended_on)
        profiles.enter(environment, partly, around)

    def _source(self, arguments: Words, around: Around, depth: int) -> None:
        """A file that the shell reads as its own: it stands there as a script of a shell."""
        name = arguments[0] if arguments else ""
        pattern = pattern_of(arguments, 0, around)
        if pattern is not None:
            directory = around.where or around.directory
            found = fitting(pattern, directory, self._files, executable=False)
            if found is None:
                self._say(NO_SCRIPT, around)
            self._depends(around)
            outer, around.perhaps = around.perhaps, True
            for path in found or () if not around.within else ():
                self._source_one(path, around, depth)
            around.perhaps = outer
        elif not name:
            self._say(NO_SCRIPT, around)
        else:
            for each in self._variants((name,), around):
                self._source_one(each[0] or "", around, depth)

    def _source_one(self, name: str, around: Around, depth: int) -> None:
        path = self._at(name, around)
        key = (path, (), True) if around.perhaps else path
        if path in self.found.scripts or key in self.found.scripts:
            return
        self._files.ahead([path])
        if not self._files.has_file(path):
            if path in self._written:
                self.found.scripts.add(key)
                self.run_text(self._written[path], around, depth + 1)
            return
        self.found.scripts.add(key)
        shell = self._programs.started(["/bin/sh", path], dict(around.environment), around.directory, around.script)
        if shell is not None:
            self.found.start(replace(shell, perhaps=around.perhaps, network=around.network))
        text = self._files.text(path, SCRIPT_MAX_BYTES) or ""
        if is_own(path, text):
            return
        outer, around.script = around.script, path
        self.run_text(text, around, depth + 1)
        around.script = outer

    def _enter_directory(self, name: str, arguments: Sequence[str | None], around: Around) -> None:
        """cd, or back to where the shell was: cd -, popd."""
        here = around.directory, around.where
        if name == "popd" or (name == "pushd" and not arguments):
            back = around.pushed[-1] if around.pushed else None
            around.pushed = (*around.pushed[:-1], *([here] if name == "pushd" and back else []))
        else:
            back = around.before if list(arguments) == ["-"] else None
        if back is not None:
            around.directory, around.where = back
        elif name != "popd" and list(arguments) != ["-"]:
            around.pushed = (*around.pushed[-PUSHED_MAX:], here) if name == "pushd" else around.pushed
            self._change_directory(arguments, around)
        around.before = here

    def _change_directory(self, arguments: Sequence[str | None], around: Around) -> None:
        at = next((at for at, word in enumerate(arguments) if word is None or not word.startswith("-")), None)
        if at is None:
            around.directory, around.where = around.environment.get("HOME") or "/", ""
            return
        known, pattern = arguments[at] or "", around.command.pattern(arguments, at)
        if arguments[at] is None:
            self._say(NO_DIRECTORY, around)
        elif pattern is None and (
            (around.where and not known.startswith("/")) or alternatives(known) != [known] or is_pattern(known)
        ):
            pattern = known
        outer = around.where or around.directory
        around.where = "" if pattern is None else pattern if pattern[:1] == UNKNOWN else posixpath.join(outer, pattern)
        around.directory = self._at(known, around) if arguments[at] is not None else around.directory
