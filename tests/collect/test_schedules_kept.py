from __future__ import annotations

import msgspec
import pytest

from imds_probe.collect.code_tasks import Due, Piece, Program
from imds_probe.collect.schedules_kept import (
    DueKept,
    EntryKept,
    Listed,
    SchedulesKept,
    SourceKept,
    decoded,
    encoded,
)

DUE = Due(Piece(program=Program("/opt/x.sh", (), ("/opt/x.sh",), parts=("/opt/x.sh",))), roots=("/opt/x.sh",))
ENTRY = EntryKept((0, 1), (DueKept.of(DUE),))
SOURCE = SourceKept((0,), (Listed("key", "/etc/cron.d/x", "scheduled", "daily", 86400.0),), ("odd",))
KEPT = SchedulesKept(("/etc", "/gone"), ((1, 2, 3, 4, 5), None), {"crontabs": SOURCE}, {"key": ENTRY})


def test_what_is_handed_on_comes_back() -> None:
    kept = decoded(encoded(KEPT))
    assert kept is not None
    assert encoded(kept) == encoded(KEPT)
    assert [each.due() for each in kept.entries["key"].dues] == [DUE]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"odd",
        encoded(KEPT)[:-1],
        msgspec.msgpack.encode({"paths": ["/etc"]}),
        encoded(SchedulesKept(("/etc",))),
        encoded(SchedulesKept(entries={"key": ENTRY})),
        encoded(SchedulesKept(("/etc",), (None,), {"crontabs": SourceKept((-1,), ())})),
    ],
    ids=["nothing", "odd", "cut", "a map", "without identities", "a path too far", "a path before the first"],
)
def test_what_makes_no_sense_is_nothing(content: bytes) -> None:
    assert decoded(content) is None
