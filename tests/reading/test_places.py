"""Files that the run looks at by itself: as at first hand, and without waiting for those that do not answer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import reading_tasks as tasks
from fuse_share import share
from soon import SOON_S

from imds_probe.reading.reader import Reader
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnanswered
from imds_probe.system.local_files import LocalFiles
from imds_probe.system.small_file import read_head

REPLY_S = 3.0  # for what never answers; what does has this time afterwards


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader(tasks.TASKS, reply_s=SOON_S) as made:
        yield made


@pytest.fixture
def hasty() -> Iterator[Reader]:
    with Reader(tasks.TASKS, reply_s=REPLY_S) as made:
        yield made


def test_it_is_as_at_first_hand(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_bytes(os.urandom(200_000))
    (tmp_path / "out").symlink_to("../../../../../../etc/hostname")
    os.mkfifo(tmp_path / "fifo")
    here, found = LocalFiles(), []
    with rootfs.read_by(reader.places):
        assert rootfs.names(tmp_path, "/") == here.names(tmp_path, "/")
        for path in ("/", "file", "directory", "none", "out", "fifo"):
            assert rootfs.status(tmp_path, path) == here.status(tmp_path, path)
            now, then = rootfs.file_system(tmp_path, path), here.file_system(tmp_path, path)
            found.append((now and now.magic, now and now.size_bytes))
            assert found[-1] == (then and then.magic, then and then.size_bytes)
        assert rootfs.read(tmp_path, "file") == (tmp_path / "file").read_bytes()
        assert rootfs.status(tmp_path / "none", "/") is None
        assert read_head(Path(f"/proc/{os.getpid()}/comm"), 100)  # which this process reads itself
    assert found[0] is not None


@pytest.mark.parametrize("operation", ["lookup", "getattr", "open", "read", "readdir"])
def test_what_does_not_answer_costs_one_look(hasty: Reader, tmp_path: Path, operation: str) -> None:
    place = tmp_path / "share"
    (tmp_path / "file").write_text("content")
    with share(place, operation) as (server, _), rootfs.read_by(hasty.places):
        root = Path(f"/proc/{server}/root")
        began = time.monotonic()
        for at in (root, root / str(place).lstrip("/")):  # known by whichever name, and below it
            path = str(place) if at == root else "/"
            with pytest.raises(FileUnanswered):
                rootfs.status(at, path)
                rootfs.names(at, path)
                rootfs.read(at, f"{path}/file")
        assert time.monotonic() - began < 10 * REPLY_S
        assert rootfs.read(root, str(tmp_path / "file")) == b"content"


def test_it_is_asked_from_any_thread(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    read = []
    with rootfs.read_by(reader.places):
        threads = [threading.Thread(target=lambda: read.append(rootfs.read(tmp_path, "file"))) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(SOON_S)
    assert read == [b"x" * 300_000] * 8


def test_nothing_answers_once_the_readers_have_gone(reader: Reader, tmp_path: Path) -> None:
    with rootfs.read_by(reader.places):
        assert rootfs.names(tmp_path, "/") == ()
        reader.close()
        with pytest.raises(FileUnanswered):
            rootfs.names(tmp_path, "/")
    assert rootfs.names(tmp_path, "/") == ()
