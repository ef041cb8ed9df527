"""The words by which code that calls the metadata service is known, and the search for all of them in one pass.

Source: EC2 User Guide, "Access instance metadata for an EC2 instance" (addresses, versions, tokens); RFC 3986 and
inet_aton(3) for the ways to write an address; how Go (textproto), WSGI and CGI (RFC 3875, 4.1.18) write headers.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import BinaryIO

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.speaks import Kind
from imds_probe.inventory.sdks.elf import data_from

SEARCHED_MAX_BYTES = 512 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
CONTEXT_BYTES = 256  # on either side of a word
FOUND_MAX = 400  # in one file; a bundle of a whole application has some tens
MARKS_MAX = 4  # of each of what libraries leave: more say nothing more
# Of AWS's SDK for JavaScript 2, by which a program asks for any path without a word of where the service is. Its requests have a
# token only where the caller passes one. Source: aws-sdk 2.1692.0, lib/metadata_service.js, request().
CLIENT = "MetadataService("
_SERVICE = (
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0xA9FEA9FE", "0XA9FEA9FE", "025177524776"),
    *("0xa9.0xfe.0xa9.0xfe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376", "169, 254, 169, 254", "169,254,169,254"),
    *("fd00:ec2::254", "FD00:EC2::254", "fd00:0ec2::254"),
    CLIENT,
    *("instance-data.ec2.internal", "//instance-data", "'instance-data'", '"instance-data"'),
)
# By which a program asks through an SDK, wherever that has its credentials from: a row of the catalog says of which SDK. They say
# nothing of how is asked, the SDK's version does. More than 64 words in all, and the search takes ten times as long.
CLIENTS = (
    *("get_instance_metadata", "get_instance_userdata", "get_instance_identity", "InstanceMetadataRegionFetcher"),
    *("EC2MetadataCredentials", "EC2MetadataUtils", "InstanceProfileCredentials"),
)
_PATHS = (
    *("latest/meta-data", "latest/dynamic", "latest/user-data", "/meta-data", "meta-data/"),
    *("instance-identity/document", "iam/security-credentials"),
)
_TOKENS = ("latest/api/token", "/api/token")
# As HTTP has them in any case, as Go's constants and a CGI's variables do. What stands before is looked at where one is met.
_HEADERS = (
    *(
        f"{ec2}-{word}"
        for ec2 in ("ec2", "Ec2", "EC2")
        for word in ("metadata-token", "Metadata-Token", "METADATA-TOKEN")
    ),
    *("ec2-metadata-Token", "EC2-MetaData-Token", "ec2_metadata_token", "EC2_METADATA_TOKEN", "Ec2_Metadata_Token"),
)
_SDKS = (
    *("ec2metadata.(*tokenProvider)", "ec2/imds.(*tokenProvider)", "aws-config-1.", "aws_config::imds"),
    *("N3Aws8Internal17EC2MetadataClientE", "EC2InstanceMetadata"),
)
_OLD = ("rusoto_credential-",)  # in the paths that panic messages keep
_MADE = re.compile(rb"(?:\bAWS\.|\bnew\s{1,10}(?:\w{1,40}\.){0,3})\Z")
_ENDS_NAME = (b"", b"/", b":", b'"', b"'", b"`", b"\0", b"\n", b" ")
_HEADER = b"x-aws-ec2-metadata-token"
_MARKS = ("sdk", "old")
_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("service", _SERVICE),
    ("path", _PATHS),
    ("token", _TOKENS),
    ("header", _HEADERS),
    ("sdk", _SDKS),
    ("old", _OLD),
    ("client", CLIENTS),
)
WORDS: tuple[tuple[str, Kind], ...] = tuple((word, kind) for kind, words in _KINDS for word in words)
# Two automata: with no more words than these, the library compares sixteen bytes at a time and is ten times as fast.
_NARROW = BytesAhoCorasick([word.encode() for word, _ in WORDS], matchkind=MatchKind.LeftmostLongest)
_WIDE = BytesAhoCorasick([word.encode("utf-16-le") for word, _ in WORDS], matchkind=MatchKind.LeftmostLongest)


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A word, and what stands around it, at most CONTEXT_BYTES on either side. `at` is its offset; wide: written in UTF-16."""

    at: int
    word: str
    kind: Kind
    before: bytes
    after: bytes
    wide: bool = False


@dataclass(frozen=True)
class Search:
    """What was found, in its order; `whole` unless the file is too long or has too many of the words; `size` in bytes."""

    found: tuple[Found, ...]
    whole: bool
    searched: int


def search(file: BinaryIO, *, wide: bool = False, limit_bytes: int = SEARCHED_MAX_BYTES) -> Search:
    """All words in a file, from its beginning; also as UTF-16 has them, where that is asked for. Never raises on its content.

    The file is read once, in pieces that overlap: a word is taken from the piece that has what follows it.
    """
    size = file.seek(0, 2)
    end = min(size, limit_bytes)
    found: list[Found] = []
    at, rest = 0, b""
    while at < end and len(found) <= 2 * FOUND_MAX:
        data = data_from(file, at, size)
        if data > at:
            found += _found_in(rest, at - len(rest), True, wide)
            at, rest = data, b""
            continue
        file.seek(at)
        chunk = file.read(min(PIECE_BYTES, end - at))
        if not chunk:
            break
        piece = rest + chunk
        start = at - len(rest)
        at += len(chunk)
        found += _found_in(piece, start, at >= end, wide)
        rest = piece[-2 * CONTEXT_BYTES :]
    kept = _once(found)
    return Search(tuple(kept[:FOUND_MAX]), at >= size and len(kept) <= FOUND_MAX, min(at, end))


def search_bytes(content: bytes, *, wide: bool = False) -> tuple[Found, ...]:
    """The same in what is in memory already."""
    return tuple(_once(_found_in(content, 0, True, wide))[:FOUND_MAX])


def _found_in(piece: bytes, start: int, last: bool, wide: bool) -> list[Found]:
    """What is met in a piece of a file that begins at `start`, but for what may go on behind its end."""
    until = len(piece) if last else len(piece) - CONTEXT_BYTES
    met = [(index, begin, end, False) for index, begin, end in _NARROW.find_matches_as_indexes(piece)]
    if wide:
        met += [(index, begin, end, True) for index, begin, end in _WIDE.find_matches_as_indexes(piece)]
    found: list[Found] = []
    marks: Counter[str] = Counter()
    for index, begin, end, is_wide in met:
        word, kind = WORDS[index]
        marks[word] += kind in _MARKS
        if begin >= until or marks[word] > MARKS_MAX:
            continue
        if len(found) > FOUND_MAX:
            break
        before = piece[max(0, begin - CONTEXT_BYTES) : begin]
        after = piece[end : end + CONTEXT_BYTES]
        if is_wide:
            before, after = _narrowed(before, odd=len(before) % 2 == 1), _narrowed(after, odd=False)
        one = _checked(Found(start + begin, word, kind, before, after, is_wide))
        if one is not None:
            found.append(one)
    return found


def _narrowed(text: bytes, *, odd: bool) -> bytes:
    return text[1 if odd else 0 :: 2]


def _checked(found: Found) -> Found | None:
    """With the whole word, where it is more than what was looked for; None where it is a part of another."""
    if found.word == "//instance-data":
        return found if found.after[:1] in _ENDS_NAME or found.after.startswith(b".ec2.internal") else None
    if found.word == CLIENT:
        return found if _MADE.search(found.before[-160:]) else None
    if found.kind != "header":
        return found
    # "x-aws-" stands before and "-token" behind, whatever the case and the sign between.
    written = (found.before[-6:] + found.word.encode() + found.after[:18]).lower().replace(b"_", b"-")
    if not written.startswith(_HEADER):
        return None
    ttl = "-ttl-seconds" if written.startswith(b"-ttl", len(_HEADER)) else ""
    return dataclasses.replace(found, word=f"{_HEADER.decode()}{ttl}")


def _once(found: list[Found]) -> list[Found]:
    """In their order, and those where two pieces meet once."""
    marks: Counter[str] = Counter()
    kept = {}
    for each in sorted(found, key=lambda each: each.at):
        marks[each.word] += each.kind in _MARKS
        if marks[each.word] <= MARKS_MAX:
            kept[each.at] = each
    return list(kept.values())
