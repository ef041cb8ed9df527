import errno
import gzip
import io
import os
import sys
import types

import pytest

from imds_probe.errors import UsageError
from imds_probe.fleet import sources
from imds_probe.fleet.documents import Damaged
from imds_probe.fleet.sources import Piece, blocks, check, place, tasks


def refuse(path, why):
    raise AssertionError((path, why))


def all_of(piece):
    return b"".join(blocks(piece))


def test_directories_are_read_without_links_hidden_and_special_files(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("z.json", "a/b/x.json.gz", ".hidden", ".git/config", "aws-logs-write-test"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "linked.json").symlink_to(tmp_path / "z.json")
    os.mkfifo(tmp_path / "fifo")
    ((first, *rest),) = tasks([str(tmp_path)], refuse)
    assert [piece.path.removeprefix(f"{tmp_path}/") for piece in (first, *rest)] == [
        "linked.json",
        "z.json",
        "a/b/x.json.gz",
    ]


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    said = []
    assert list(tasks([str(tmp_path), str(tmp_path / "dangling")], lambda path, why: said.append((path, why)))) == []
    assert said == [(str(tmp_path / "dangling"), "No such file or directory")] * 2


def test_what_may_have_no_end_is_not_begun():
    said = []
    assert list(tasks(["/dev/zero"], lambda path, why: said.append((path, why)))) == []
    assert said == [("/dev/zero", "it is a device")]


def test_a_path_that_is_not_there_is_a_mistake(tmp_path):
    check(["-", str(tmp_path)])
    with pytest.raises(UsageError, match="nowhere does not exist"):
        check([str(tmp_path / "nowhere")])


def test_a_path_behind_a_closed_directory_is_no_mistake_yet(tmp_path, monkeypatch):
    def closed(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr("os.lstat", closed)
    check([str(tmp_path)])


@pytest.mark.parametrize("length", [1, 7, 100, 5000])
def test_each_line_of_a_long_file_is_in_one_piece(tmp_path, monkeypatch, length):
    monkeypatch.setattr(sources, "PIECE", 1000)
    monkeypatch.setattr(sources, "BLOCK", 300)
    path = tmp_path / "many.ndjson"
    lines = [b'{"number": %d, "x": "%s"}\n' % (number, b"x" * (length + number % 5)) for number in range(100)]
    path.write_bytes(b"".join(lines))
    pieces = [piece for task in tasks([str(path)], refuse) for piece in task]
    assert len(pieces) > 2
    read = [line for piece in pieces for line in all_of(piece).splitlines(keepends=True) if not line.isspace()]
    assert read == lines
    for piece in pieces:  # what is left out is as long as it was
        at = piece.begin
        for line in all_of(piece).splitlines(keepends=True):
            assert line.isspace() or path.read_bytes()[at : at + len(line)] == line
            at += len(line)


def test_small_files_come_together(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "FILES_MAX", 3)
    for number in range(7):
        (tmp_path / f"{number}.json").write_text("{}")
    assert [len(task) for task in tasks([str(tmp_path)], refuse)] == [3, 3, 1]


def test_gzip_is_told_by_its_bytes_and_may_have_members_and_padding(tmp_path):
    path = tmp_path / "report"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n" * 1_000_000) + b"\0" * 512)
    assert all_of(Piece(str(path))) == b"one\n" + b"two\n" * 1_000_000
    path.write_bytes(b"")
    assert all_of(Piece(str(path))) == b""


def test_what_came_before_the_end_of_a_cut_off_file_is_read(tmp_path):
    path = tmp_path / "report.gz"
    packed = gzip.compress(os.urandom(3_000_000))
    for content, said in (
        (packed[:-20], "cut off"),
        (packed[:1_000_000] + b"x" * 100_000, "unpacked|cut off"),
        (b"\x1f\x8b" + b"!" * 5, "unpacked"),
    ):
        path.write_bytes(content)
        read = 0
        with pytest.raises(Damaged, match=said):
            for block in blocks(Piece(str(path))):
                read += len(block)
        assert read > 900_000 or len(content) < 10


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\n" * 20 * sources.BLOCK))
    read = 0
    with pytest.raises(Damaged, match="500 times"):
        for block in blocks(Piece(str(path))):
            read += len(block)
    assert read < 9 * sources.BLOCK


def test_standard_input_may_be_packed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(gzip.compress(b"x"))))
    ((piece,),) = tasks(["-"], refuse)
    assert all_of(piece) == b"x"
    assert place(piece, 0) == "standard input"
    assert place(Piece("a", 100, 200), 5) == "a, byte 105"
