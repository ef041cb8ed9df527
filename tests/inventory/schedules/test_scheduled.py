from __future__ import annotations

import msgspec
import pytest

from imds_probe.inventory.schedules.scheduled import Place, Scheduled

HALF = "\udcff"


@pytest.mark.parametrize("command", [("/x", "y"), "x; y"])
def test_it_goes_from_one_process_to_another_as_it_is(command: tuple[str, ...] | str) -> None:
    whole = Scheduled(command, Place("/etc/x", 3), "boot", "at each boot", 60.0, {"A": "b"}, "/srv", "ana", "image:1")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(whole), type=Scheduled) == whole
    assert whole.encodable() == whole


def test_names_of_any_bytes_are_made_such_that_they_can_go() -> None:
    odd = Scheduled((HALF,), Place(HALF), "once", "x", None, {HALF: HALF}, HALF, HALF, HALF)
    assert odd.encodable() == Scheduled(
        ("\\udcff",), Place("\\udcff"), "once", "x", None, {"\\udcff": "\\udcff"}, "\\udcff", "\\udcff", "\\udcff"
    )
    text = Scheduled(HALF, Place("/x"), "once", "x")
    msgspec.msgpack.encode(text.encodable())
