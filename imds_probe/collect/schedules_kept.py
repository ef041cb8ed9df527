"""What a run leaves of a system's schedules for a later one, as the parsers of both know it: to the run itself it is bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from imds_probe.collect.code_tasks import Due, Piece, Program
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.schedules.scheduled import Kind
from imds_probe.system.unchanged import Identity


class Kept(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One of these values: lists without the names of their fields, as there are thousands."""


class Listed(Kept, frozen=True):
    """One schedule, without what it starts: of that `key` is a digest. The rest is as in Scheduled."""

    key: str
    path: str
    kind: Kind
    how_often: str
    every_s: float | None
    owner_uid: int | None = None
    user: str = ""


class SourceKept(Kept, frozen=True):
    """All schedules of a kind, and what was said about them. They stood on the paths of these numbers; see SchedulesKept."""

    by: Sequence[int]
    listed: Sequence[Listed]
    troubles: Sequence[str] = ()


class DueKept(Kept, frozen=True):
    """A part of what one comes to, as in Due."""

    program: Program | None
    spoken: tuple[Spoken, ...]
    roots: tuple[str, ...]
    passes_over: bool = False
    own_network: bool = False
    kept_off: bool = False

    @staticmethod
    def of(due: Due) -> DueKept:
        """What is true of it whenever it runs."""
        return DueKept(due.piece.program, due.piece.spoken, due.roots, due.passes_over, due.own_network, due.kept_off)

    def due(self) -> Due:
        """The same, without when."""
        return Due(
            Piece(program=self.program, spoken=self.spoken),
            roots=self.roots,
            passes_over=self.passes_over,
            own_network=self.own_network,
            kept_off=self.kept_off,
        )


class EntryKept(Kept, frozen=True):
    """What one schedule comes to, whenever it runs; `by` as of SourceKept."""

    by: Sequence[int]
    dues: Sequence[DueKept]


class SchedulesKept(Kept, frozen=True):
    """The paths that all of it stood on, and by what each is known to be the same, None for nothing; the kinds of schedules by
    their names, and the schedules by their keys.
    """

    paths: Sequence[str] = ()
    identities: Sequence[Identity | None] = ()
    sources: Mapping[str, SourceKept] = {}
    entries: Mapping[str, EntryKept] = {}


_DECODER: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(SchedulesKept)


def encoded(kept: SchedulesKept) -> bytes:
    """As it is handed on."""
    return msgspec.msgpack.encode(kept)


def decoded(content: bytes) -> SchedulesKept | None:
    """The same back; None of what is nothing, or makes no sense: then all is found out anew."""
    try:
        kept: SchedulesKept = _DECODER.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    size = len(kept.paths)
    stood_on = (*(each.by for each in kept.sources.values()), *(each.by for each in kept.entries.values()))
    if len(kept.identities) != size or any(by and not (min(by) >= 0 and max(by) < size) for by in stood_on):
        return None
    return kept
