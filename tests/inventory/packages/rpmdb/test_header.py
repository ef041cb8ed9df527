from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rpm_headers import with_files

from imds_probe.inventory.packages.rpmdb.header import (
    PATH_MAX,
    HeaderError,
    RpmHeader,
    changelog,
    files,
    has_file,
    parse,
)


def test_headers_that_rpm_made(blobs: list[bytes]) -> None:
    assert [parse(blob) for blob in blobs] == [
        RpmHeader(b"cloud-init", None, b"19.3", b"46.amzn2.0.1", b"noarch"),
        RpmHeader(b"awscli", 1, b"1.18.147", b"1.amzn2.0.2", b"noarch"),
        RpmHeader(b"amazon-ssm-agent", None, b"2.3.714.0", b"1.amzn2", b"noarch"),
        RpmHeader(b"amazon-ssm-agent", None, b"3.1.1188.0", b"1.amzn2", b"noarch"),
    ]


def test_every_way_to_cut_one_off_is_noticed(blobs: list[bytes]) -> None:
    for length in range(0, len(blobs[0]), 7):
        with pytest.raises(HeaderError):
            parse(blobs[0][:length])


def made(*entries: tuple[int, int, int], data: bytes = b"") -> bytes:
    index = b"".join(struct.pack(">IIII", tag, kind, offset, 1) for tag, kind, offset in entries)
    return struct.pack(">II", len(entries), len(data)) + index + data


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (made(), "no name"),
        (made((1000, 6, 0), (1001, 6, 0), data=b"a\0"), "no name, version or release"),
        (made((1000, 6, 50), data=b"a\0"), "no end"),
        (made((1000, 6, 0), data=b"no end"), "no end"),
        (made((1003, 4, 2), data=b"123"), "outside"),
        (made((1000, 4, 0), (1001, 6, 0), (1002, 6, 0), data=b"1234\0"), "no name"),
        (struct.pack(">II", 0xFFFFFFFF, 0), "longer than its record"),
        (struct.pack(">II", 0, 0xFFFFFFFF), "longer than its record"),
    ],
)
def test_what_makes_no_sense_says_why(blob: bytes, said: str) -> None:
    with pytest.raises(HeaderError, match=said):
        parse(blob)


@given(st.binary(max_size=200), st.integers(0, 12))
def test_any_bytes_give_a_header_or_one_error(content: bytes, entries: int) -> None:
    for blob in (content, struct.pack(">II", entries, max(0, len(content) - 16 * entries)) + content):
        try:
            assert isinstance(parse(blob), RpmHeader)
        except HeaderError as error:
            assert str(error)
        try:
            assert not has_file(blob, b"/nowhere/", b"x")
            assert all(len(path) < PATH_MAX for path in files(blob))
            assert isinstance(changelog(blob), list)
        except HeaderError as error:
            assert str(error)


def test_files_by_directory_and_name() -> None:
    assert has_file(with_files(), b"/usr/bin/", b"tool")
    assert has_file(with_files(), b"/opt/", b"own")
    assert not has_file(with_files(), b"/opt/", b"tool")
    assert not has_file(with_files(), b"/opt/", b"wn")
    assert not has_file(with_files(kind=7), b"/opt/", b"own")
    assert not has_file(with_files(struct.pack(">II", 9, 9)), b"/opt/", b"own")
    assert not has_file(with_files(names=1), b"/opt/", b"own")
    for broken in (with_files(b"1234"), struct.pack(">II", 0xFFFFFFFF, 0) + b"own\0/opt/\0"):
        with pytest.raises(HeaderError):
            has_file(broken, b"/opt/", b"own")


def test_all_files_of_a_package() -> None:
    assert list(files(with_files())) == [b"/usr/bin/tool", b"/opt/own"]
    assert list(files(with_files(kind=7))) == []
    assert list(files(with_files(struct.pack(">II", 0, 9)))) == [b"/usr/bin/tool"]
    longest = b"/" + b"d" * (PATH_MAX - 7) + b"/"
    assert list(files(with_files(first=longest))) == [longest + b"tool", b"/opt/own"]
    assert list(files(with_files(first=longest + b"/"))) == [b"/opt/own"]


def test_a_changelog_is_empty_where_its_types_are_wrong(blobs: list[bytes]) -> None:
    assert changelog(blobs[0]) == []
    data = b"A - 1\0Use it\0"
    for kind, expected in ((8, [(b"A - 1", b"Use it")]), (6, [])):
        entries = struct.pack(">IIIIIIII", 1081, 8, 0, 1, 1082, kind, 6, 1)
        assert changelog(struct.pack(">II", 2, len(data)) + entries + data) == expected
