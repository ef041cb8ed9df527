"""One rehearsal: made ready, tried, kept up by heartbeats, and taken back. Whatever ends its process ends it, too."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

from imds_probe.facts.imds import Family
from imds_probe.net.namespaces import NamespaceGone, inode, open_netns
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.callers import Callers, Seen
from imds_probe.rehearsal.claims import Claims
from imds_probe.rehearsal.classes import must_be_free
from imds_probe.rehearsal.connection import Service
from imds_probe.rehearsal.group import OwnGroup, hierarchy_of, own_directory, own_name
from imds_probe.rehearsal.leading import Leading
from imds_probe.rehearsal.leavers import Leavers
from imds_probe.rehearsal.rules import Group
from imds_probe.rehearsal.target import Target
from imds_probe.rehearsal.trying import End, Lapse

BEAT_EVERY_S = 1.0
UP_WITHIN_S = 20.0  # a container that starts has no network for a moment
PROC = Path("/proc")
FAMILY: dict[socket.AddressFamily, Family] = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}

Change = Literal["", "ended", "restarted"]


class Rehearsal:
    """Of what is started in a control group of its own, or of a target that runs. `ready` makes all of it or nothing.

    Rules are tried with the rehearsal's own group in either case: the probe stays out of a target, which may be ended any time.
    """

    def __init__(self, service: Service, hop_limit: int, target: Target | None = None) -> None:
        self.name = own_name()
        self.target = target
        self.group: OwnGroup | None = None
        self.leavers = Leavers(PROC)
        self._service, self._hop_limit = service, hop_limit
        self._claims = Claims()
        self._followed: Group | None = None
        self._netns: int | None = None  # a descriptor
        self._stands = False  # whether `leading` is ready
        self._ended: list[Leading] = []
        self._waits_since: float | None = None
        self.leading = self._made()

    def members(self) -> list[int]:
        """The processes of its target."""
        if self.target is not None:
            return self.target.members()
        return self.group.members() if self.group is not None else []

    def ready(self) -> None:
        """Raises CannotRehearse where the promise cannot be kept; everything is as before then."""
        try:
            self._claims.take_host(whole=False)
            self._make_ready()
            self._stands = True
            if self.target is not None:
                self.follow()
                if self._followed is None:
                    raise CannotRehearse(f"{self.target.name} has ended", "Start it, and try again.")
        except BaseException:
            self.end(drained_within_s=0.0)
            raise

    def not_rehearsed(self) -> list[str]:
        """In words, what is to be said of it at the beginning."""
        return []

    def follow(self) -> Change:
        """Have the rules name the target as it is now; whether it ended since, or began anew. Raises CannotRehearse where the rules
        are gone, where another rehearsal has it, or where it cannot be led any more.
        """
        now = self.target.group() if self.target is not None else None
        if self.target is None or now == self._followed:
            if self.target is not None and now is not None:
                self.target.told.keep()
            return ""
        before, self._followed = self._followed, None
        if now is None:
            return "ended"
        self._claims.take(self.target.name, self.target.directory)
        if not self._is_led_where_it_is():
            return "ended" if before is not None else ""
        self.target.told.keep()
        self.leading.follow(now)
        self._followed = now
        return "restarted"

    @property
    def target_is_there(self) -> bool:
        """Whether it was running when it was looked for last."""
        return self.target is None or self._followed is not None

    def beat(self) -> None:
        """Renew the lease. Raises CannotRehearse where the rules are gone."""
        if self._stands:
            self.leading.beat()

    @property
    def callers(self) -> Callers:
        """Who asks where the target is now."""
        return self.leading.callers

    def seen(self) -> list[Seen]:
        """Who has asked so far."""
        return [each for leading in (*self._ended, self.leading) for each in leading.callers.all()]

    @property
    def lapsed_s(self) -> float:
        """For so long, in all, callers were not led to the relay."""
        return sum(leading.lapsed_s for leading in (*self._ended, self.leading))

    @property
    def lapses(self) -> list[Lapse]:
        """When that was."""
        return [lapse for leading in (*self._ended, self.leading) for lapse in leading.lapses]

    def end(self, *, drained_within_s: float) -> End:
        """Take it back: new connections go direct at once, running ones are waited for, and only then the rules go."""
        end = self.leading.end(drained_within_s=drained_within_s)
        left = list(end.left)
        if self.target is not None:
            left += self.target.told.give_back()
        if self.group is not None and not self.group.remove():
            left.append(f"the control group {self.group.directory}")
        self._claims.give_back()
        self._leave()
        return End(tuple(left), end.unfinished)

    def _make_ready(self) -> None:
        """Lead a group of the rehearsal's own, where the target's connections are told by groups. It is a command's for good."""
        if self.target is None:
            if hierarchy_of(PROC).controller:
                must_be_free("what is started here", own_directory(PROC))
            self.group = OwnGroup(self.name)
        elif self.target.told.hierarchy is not None:
            self.group = OwnGroup(self.name, hierarchy=self.target.told.hierarchy)
        self.leading.ready(self.group)
        if self.target is not None and self.group is not None:
            self.group.remove()

    def _made(self) -> Leading:
        """Where the target is: as callers there see the service, and only by the addresses that are to be had there."""
        way = self.target.netns() if self.target is not None else None
        if self.target is None or way is None:
            # A caller on the host gets what the service sends as the service sends it.
            return Leading(self.name, self._service, self._hop_limit, self.members)
        self._netns = open_netns(way)
        self.leavers.rehearsed = f"net:[{os.fstat(self._netns).st_ino}]"
        there = {
            family: address for family, address in self._service.addresses.items() if FAMILY[family] in self.target.ways
        }
        ttl = max(0, self._hop_limit - max(self.target.ways.values()))
        return Leading(self.name, replace(self._service, addresses=there), ttl, self.members, self._netns)

    def _is_led_where_it_is(self) -> bool:
        """Lead in another network namespace, where the target is in another one now. It may not be up for a moment: False then.

        Raises CannotRehearse where that lasts.
        """
        assert self.target is not None  # noqa: S101 - `follow` looked
        way, before = self.target.netns(), self._netns
        if way is None or before is None:
            return way is None and before is None
        try:
            if self._stands and os.fstat(before).st_ino == inode(way):
                return True
            made = self._made()
        except NamespaceGone:
            return False
        os.close(before)
        self.leading.end(drained_within_s=0.0)
        if self._stands:
            self._ended.append(self.leading)
        self.leading, self._stands = made, False
        self._waits_since = self._waits_since or time.monotonic()
        try:
            self._make_ready()
        except CannotRehearse:
            if time.monotonic() - self._waits_since > UP_WITHIN_S:
                raise
            return False
        finally:
            if self.group is not None:
                self.group.remove()
        self._waits_since, self._stands = None, True
        return True

    def _leave(self) -> None:
        if self._netns is not None:
            os.close(self._netns)
            self._netns = None
