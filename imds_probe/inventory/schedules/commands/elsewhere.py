"""What a command has run elsewhere: in containers, by systemd, in another root or network."""

from __future__ import annotations

import shlex
import stat

from imds_probe.inventory.schedules.commands.around import Around
from imds_probe.inventory.schedules.commands.compose import services
from imds_probe.inventory.schedules.commands.followed import NO_NAME, NO_SCRIPT, OTHER_ROOT, HeldText, InRoot
from imds_probe.inventory.schedules.commands.in_container import InContainer, in_container, started_again
from imds_probe.inventory.schedules.commands.kube_play import runs
from imds_probe.inventory.schedules.commands.other_roots import Entered, directory_of
from imds_probe.inventory.schedules.commands.shell_commands import Command
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.commands.spread import alternatives
from imds_probe.inventory.schedules.commands.starter_words import Inner, Words
from imds_probe.inventory.schedules.commands.units_started import Asked
from imds_probe.inventory.schedules.commands.walking import Walking


class Elsewhere(Walking):
    """The part that hands over to others."""

    def _set_apart(self, started: Inner, within: Around) -> None:
        """What runs in another network, also as the text that it is: a request by curl is no program that is read."""
        if started.network is None:
            return
        within.network = started.network
        text = shlex.join(word or "" for word in started.words)
        if not within.perhaps:
            self.found.set_apart(HeldText(within.script, text, dict(within.environment), within.network))

    def _play(self, name: str | None, own_network: bool, around: Around) -> None:
        path = self._at(name or "", around)
        if around.perhaps or not path or not self._files.has_file(path):
            self._say(NO_SCRIPT, around)
            return
        for run in runs(path, self._files, own_network=own_network):
            self.found.run_image(run)

    def _run_in_containers(self, words: Words, base: str, around: Around) -> None:
        """What runs in containers that are there, or of services of a project."""
        project = services(base, words[1:], around.directory, around.environment, self._files) or []
        inside = in_container(base, words[1:])
        to_start = started_again(base, words[1:])
        if inside is not None and not (inside.is_new and any(each.run for each in project)):
            to_start.append(inside)
        elif inside is None:
            to_start += [InContainer("service", each.name or None, ()) for each in project if each.run is None]
        if around.perhaps and (project or to_start):
            self._say(NO_NAME, around)
            return
        for run in (each.run for each in project):
            if run is not None:
                self.found.run_image(run)
        for one in to_start:
            self.found.run_inside(one)

    def _start_units(self, units: Asked, words: Words, around: Around, depth: int) -> None:
        """What systemd runs for it stands in the units, as what is known of their names has it."""
        for at in units.at:
            pattern = around.command.pattern(words, at)
            name = pattern or words[at] or ""
            if pattern is not None:
                self._depends(around)
            for one in alternatives(name) if pattern is None or not around.within else ():
                self._start_unit(one, units, around.copy({}, perhaps=UNKNOWN in one), depth)

    def _start_unit(self, name: str, units: Asked, around: Around, depth: int) -> None:
        if self._is_done("systemctl", (name, units.verb), around):
            return
        commands = self._units.commands(name, units.verb)
        if not commands and units.is_old and (script := self._units.script(name)):
            self.run((script, units.verb), around, depth + 1, 0)
        for each in commands:
            if not isinstance(each.command, str):
                within = around.copy({}, each.directory)
                within.environment, within.partly, within.command = dict(each.environment), {}, Command(())
                within.network = each.network
                said = each.environment, each.network
                if each.root:
                    self._enter_root(InRoot(each.root, each.command, each.directory, *said), within)
                else:
                    self._hold(HeldText(each.place.path, shlex.join(each.command), *said), within)
                    self.run(each.command, within, depth + 1, 0)

    def _hold(self, held: HeldText, around: Around) -> None:
        if around.perhaps:
            self._say(NO_NAME, around)
        else:
            self.found.hold(held)

    def _enter_root(self, root: InRoot, around: Around) -> None:
        if around.perhaps:
            self._say(OTHER_ROOT, around)
        else:
            self.found.enter(root)

    def _enter(self, program: str, root: Entered, around: Around) -> None:
        """What runs in another root, where it is known in which, and what."""
        named = directory_of(program, root.name, self._files) if root.name else root.directory
        directory = self._at(named, around)
        status = self._files.status(directory) if directory else None
        if (
            around.perhaps
            or not root.words
            or None in root.words[:1]
            or status is None
            or not stat.S_ISDIR(status.st_mode)
        ):
            self._say(OTHER_ROOT, around)
        else:
            words = tuple(word or "" for word in root.words)
            self.found.enter(InRoot(directory, words, root.within, dict(around.environment), around.network))
