from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from image_stores import PAGE, Tree, bolt

from imds_probe.inventory.images.bolt import Bolt, Bucket, NoBolt
from imds_probe.system.local_files import LocalFile

TREE: dict[bytes, bytes | Tree] = {b"v1": {b"a": {b"x": b"1", b"y": {}}, b"b": b"2"}, b"z": b"3" * 5000}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[bytes], Bolt]]:
    """Has such a file read, and closes it."""
    with contextlib.ExitStack() as files:

        def read(content: bytes) -> Bolt:
            (tmp_path / "db").write_bytes(content)
            return Bolt(files.enter_context(LocalFile(str(tmp_path / "db"))))

        yield read


def held(bucket: Bucket) -> dict[bytes, object]:
    return {key: held(each) if isinstance(each, Bucket) else each for key, each in bucket.items()}


@pytest.mark.parametrize("pages_of", [0, 1])
def test_all_that_a_file_holds(opened: Callable[[bytes], Bolt], pages_of: int) -> None:
    tree = dict(TREE) if not pages_of else {b"%d" % number: b"%d" % number for number in range(20)}
    assert held(opened(bolt(tree, pages_of=pages_of)).top) == tree


def test_what_lies_below_keys(opened: Callable[[bytes], Bolt]) -> None:
    top = opened(bolt(TREE)).top
    inner = top.bucket(b"v1", b"a")
    assert inner is not None
    assert (inner.value(b"x"), inner.value(b"y"), inner.value(b"z")) == (b"1", b"", b"")
    assert (top.bucket(b"v1", b"b"), top.bucket(b"v2", b"a"), top.bucket()) == (None, None, top)


def test_the_last_transaction_counts_whose_page_is_whole(opened: Callable[[bytes], Bolt]) -> None:
    whole = bolt(TREE)
    half = whole[:PAGE] + b"\0" * PAGE + whole[2 * PAGE :]
    assert held(opened(half).top) == TREE
    assert held(opened(b"\0" * PAGE + whole[PAGE:]).top) == TREE
    at = 16 + struct.calcsize("<IIIIQ")
    later = bytearray(whole)
    later[PAGE + at] ^= 1  # what its checksum does not fit
    assert held(opened(bytes(later)).top) == TREE


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no page that it begins with"),
        (b"\0" * 3 * PAGE, "no page that it begins with"),
        (bolt(TREE)[: 2 * PAGE], "it ends too early"),
        (bolt(TREE)[: 2 * PAGE] + struct.pack("<QHHI", 2, 0x10, 1, 0).ljust(PAGE, b"\0"), "of another kind"),
        (bolt(TREE)[: 2 * PAGE] + struct.pack("<QHHI", 2, 2, 1, 1 << 20).ljust(PAGE, b"\0"), "too long"),
        (bolt(TREE)[: 2 * PAGE] + struct.pack("<QHHI", 2, 2, 5000, 0).ljust(PAGE, b"\xff"), "behind its page"),
        (
            bolt(TREE)[: 2 * PAGE] + struct.pack("<QHHIIIQ", 2, 1, 1, 0, 0, 0, 2).ljust(PAGE, b"\0"),
            "lead to each other",
        ),
    ],
)
def test_what_makes_no_sense_is_an_end(opened: Callable[[bytes], Bolt], content: bytes, why: str) -> None:
    with pytest.raises(NoBolt, match=why):
        list(opened(content).top.items())
