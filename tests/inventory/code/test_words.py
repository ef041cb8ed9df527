"""The words, found wherever they stand in a file."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from imds_probe.inventory.code import words
from imds_probe.inventory.code.words import CONTEXT_BYTES, FOUND_MAX, PIECE_BYTES, WORDS, search, search_bytes


def met(content: bytes, *, wide: bool = False) -> list[tuple[int, str]]:
    return [(each.at, each.word) for each in search(io.BytesIO(content), wide=wide).found]


SPELLED = (
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0XA9FEA9FE", "0x00a9fea9fe", "025177524776", "00025177524776"),
    *("0xa9.0xfe.0xa9.0xfe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376", "169, 254, 169, 254", "169,254,169,254"),
    *("169.254.43518", "169.16689662", "169.0xfea9fe", "169.077524776", "0xa9.254.169.254", "169.254.169.0376"),
    *(
        "0251.254.0xa9fe",
        "0251.16689662",
        "169.0xfe.169.254",
        "00251.254.0251.254",
        "169.254.0xa9.254",
        "169.00376.43518",
    ),
    *("fd00:ec2::254", "FD00:EC2::254", "fd00:0ec2::254", "FD00:ec2::0254", "fd00:ec2:0:0:0:0:0:254"),
    *("fd00:0ec2:0000:0000:0000:0000:0000:0254", "fd00:ec2::0:254", "ffff:a9fe:a9fe", "ffff:A9FE:A9FE"),
    *(
        "instance-data.ec2.internal",
        "instance-data.us-west-2.compute.internal",
        "instance-data.ap-southeast-1.compute.internal",
    ),
)


@pytest.mark.parametrize("word", SPELLED)
def test_each_spelling_of_the_address(word: str) -> None:
    assert met(b"//" + word.encode() + b"/x") == [(2, word)]
    assert met(b"//" + word.encode()) == [(2, word)]
    assert met(("//" + word + "/x").encode("utf-16-le"), wide=True) == [(4, word)]


def test_a_program_with_an_address_in_utf_16() -> None:
    """As .NET's programs of one file have their strings: all words are searched for in UTF-16 then, also before the address."""
    text = (
        "latest/api/token".encode("utf-16-le")
        + bytes(99)
        + "http://169.254.169.254/latest/meta-data".encode("utf-16-le")
    )
    for content in (b"\x7fELF" + text, b"\x7fELF" + bytes(PIECE_BYTES) + text):
        words_met = [word for _, word in met(content)]
        assert words_met == ["latest/api/token", "169.254.169.254", "latest/meta-data"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("'http://169.254.' + '169.254/latest'", "169.254.' + '169.254"),
        ('"169.254" ".169.254"', '169.254" ".169.254'),
        ("curl instance-data/latest/x", "instance-data"),
        ("curl -s instance-data:80/2009-04-04/x", "instance-data"),
        ("http://instance-data./latest", "instance-data"),
        ("connect('instance-data', 80)", "instance-data"),
    ],
)
def test_an_address_in_parts_and_the_short_name(text: str, word: str) -> None:
    assert [each.word for each in search_bytes(text.encode()) if each.kind == "service"] == [word]


@pytest.mark.parametrize(
    "text",
    [
        *("169.254.170.2", "169.254.0.0/16", "169.254.43519", "0xa9.254.169.253", "169.0.169.254", "fd00:ec2::253"),
        *("251.254.169.254", "arn:aws:ec2::254", "/run/cloud-init/instance-data.json", "my-instance-data/latest"),
        *("instance-data.example.compute.internal", "/x/instance-data/latest"),
    ],
)
def test_other_addresses(text: str) -> None:
    assert [each for each in search_bytes(text.encode()) if each.kind == "service"] == []


@pytest.mark.parametrize("word", [word for word, kind in WORDS if kind not in ("header", "service")])
def test_each_word_is_found(word: str) -> None:
    assert (3, word) in met(b"x  " + word.encode() + b"/x")
    assert (4, word) in met(("x " + word + "/x").encode("utf-16-le"), wide=True)
    assert met(("x " + word + "/x").encode("utf-16-le")) == []


@pytest.mark.parametrize(
    ("text", "is_met"),
    [
        (b"new MetadataService(", True),
        (b"new AWS.MetadataService(", True),
        (b"new  a.b.MetadataService(", True),
        (b"AWS.MetadataService(", True),
        (b"new EC2MetadataService(", False),
        (b"function MetadataService(", False),
        (b"this.MetadataService(", False),
        (b"new (AWS.MetadataService)()", True),
        (b"new (AWS['MetadataService'])()", True),
        (b"const M = AWS.MetadataService;", True),
        (b"const { S3, MetadataService: Imds } = require('aws-sdk')", True),
        (b'import { MetadataService as M, S3 } from "aws-sdk"', True),
        (b"const M = require('aws-sdk/lib/metadata_service')", True),
        (b"const { MetadataService } = require('@aws-sdk/ec2-metadata-service')", False),
        (b"new aws_sdk_1.MetadataService(", True),
        (b"new import_aws_sdk2.MetadataService(", True),
        (b"new aws$1.MetadataService(", True),
        (b'new _awsSdk["default"].MetadataService(', True),
        (b"new _awsSdk.default.MetadataService(", True),
        (b"new (0, aws_sdk_1.MetadataService)()", True),
        (b"s=new n.MetadataService;", True),
        (b"(new n.MetadataService).request(p)", True),
        (b"new n.MetadataService.Builder()", False),
        (b"aws_sdk_1.MetadataService.prototype", False),
        (b"s = n.MetadataService;", False),
        (b"AWS.MetadataService = inherit({", False),
        (b"AWS.MetadataService.prototype", False),
        (b"export { MetadataService } from './x'", False),
    ],
)
def test_a_client_is_one_that_is_made(text: bytes, is_met: bool) -> None:
    assert bool(met(text)) is is_met


@pytest.mark.parametrize(
    "header",
    [
        "X-aws-ec2-metadata-token",
        "x-aws-ec2-metadata-token",
        "X-Aws-Ec2-Metadata-Token",
        "X-AWS-EC2-METADATA-TOKEN",
        "X-AWS-EC2-Metadata-Token",
        "HTTP_X_AWS_EC2_METADATA_TOKEN",
        "x_aws_ec2_metadata_token",
    ],
)
def test_headers_in_any_case(header: str) -> None:
    sign = "_" if "_" in header else "-"
    ttl = f"{header}{sign}{'TTL' if header.isupper() else 'ttl'}{sign}seconds"
    assert [each.word for each in search_bytes(header.encode())] == ["x-aws-ec2-metadata-token"]
    assert [each.word for each in search_bytes(ttl.encode())] == ["x-aws-ec2-metadata-token-ttl-seconds"]
    assert search_bytes(f"my-{header[-18:]}".encode()) == ()


def test_a_name_ends() -> None:
    assert met(b"http://instance-data/latest") and met(b"http://instance-data.ec2.internal/")
    assert met(b"http://instance-data.example.org/") == met(b"http://instance-database/") == []


def test_where_two_pieces_meet() -> None:
    word = b"169.254.169.254"
    for at in range(PIECE_BYTES - CONTEXT_BYTES - 20, PIECE_BYTES + 20, 7):
        (found,) = search(io.BytesIO(b" " * at + word + b"/latest" + b" " * 600)).found
        assert (found.at, found.before[-1:], found.after[:7]) == (at, b" ", b"/latest")


def test_what_stands_around() -> None:
    (found,) = search_bytes(b"a" * 999 + b"fd00:ec2::254" + b"b" * 999)
    assert found.before == b"a" * CONTEXT_BYTES and found.after == b"b" * CONTEXT_BYTES
    (wide,) = search(io.BytesIO("see http://169.254.169.254/latest".encode("utf-16-le")), wide=True).found
    assert wide.wide and wide.before.endswith(b"http://") and wide.after == b"/latest"


def test_what_is_searched_is_bounded() -> None:
    content = b" " * 5000 + b"169.254.169.254"
    assert search(io.BytesIO(content)).whole
    cut = search(io.BytesIO(content), limit_bytes=4000)
    assert not cut.whole and cut.searched == 4000 and not cut.found
    many = search(io.BytesIO(b"169.254.169.254 " * (FOUND_MAX + 5)))
    assert not many.whole and len(many.found) == FOUND_MAX


def test_holes_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(400 * PIECE_BYTES)
        file.seek(300 * PIECE_BYTES)
        file.write(b"169.254.169.254")
    read: list[int] = []
    found_in = words._found_in
    monkeypatch.setattr(words, "_found_in", lambda piece, *rest: (read.append(len(piece)), found_in(piece, *rest))[1])
    with path.open("rb") as file:
        found = search(file)
    assert [each.at for each in found.found] == [300 * PIECE_BYTES] and found.whole
    assert sum(read) < 10 * PIECE_BYTES, "the file system here keeps no holes" if os.name == "posix" else ""


def test_a_file_that_shrinks() -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(size) if self.tell() == 0 else b""

    found = search(Shrinking(b"169.254.169.254" + bytes(3 * PIECE_BYTES)))
    assert [each.at for each in found.found] == [0] and not found.whole


def test_marks_of_libraries_are_counted_by_themselves() -> None:
    found = search(io.BytesIO(b"aws-config-1. " * 5000 + b"169.254.169.254"))
    assert found.whole and [each.kind for each in found.found] == ["sdk"] * words.MARKS_MAX + ["service"]


def test_the_words_fit_what_the_library_searches_fast() -> None:
    assert len(WORDS) + len(words._SCOUTS) <= 64 and len({word for word, _ in WORDS}) == len(WORDS)
