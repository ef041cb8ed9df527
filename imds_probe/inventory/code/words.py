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
_EDGE_BYTES = 160  # more of both, which the spelling of an address may take
FOUND_MAX = 400  # in one file; a bundle of a whole application has some tens
MARKS_MAX = 4  # of each of what libraries leave: more say nothing more
# Of AWS's SDK for JavaScript 2, by which a program asks for any path without a word of where the service is. Its requests have a
# token only where the caller passes one. Source: aws-sdk 2.1692.0, lib/metadata_service.js, request().
CLIENT = "MetadataService("
_CLIENT_NAME, _CLIENT_FILE = "MetadataService", "aws-sdk/lib/metadata_service"
# What every spelling of an address has in it. A part of an IPv4 address may be decimal, octal or hexadecimal, and the last part may
# stand for several.
_HALVES = ("169.254", "169.0", "251.254", "251.0", "a9.254", "A9.254", "a9.0", "A9.0", ".16689662")
_WHOLES = ("2852039166", "a9fea9fe", "A9FEA9FE", "25177524776", "a9fe:a9fe", "A9FE:A9FE")
_SIXTH = ("00:ec2:", "00:EC2:", "00:0ec2:", "00:0EC2:")
_NAME = "instance-data"
_SERVICE = (
    *(*_HALVES, *_WHOLES, *_SIXTH, "169, 254, 169, 254", "169,254,169,254"),
    *(_NAME, _CLIENT_NAME, _CLIENT_FILE),
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
# As a program names the SDK, and as compilers and bundlers do: aws_sdk_1.X, import_aws_sdk2.X, _awsSdk["default"].X, aws_sdk$1.X.
_MADE = re.compile(rb"(?:\bAWS\.|\bnew\s{1,10}\(?(?:[\w$]{1,40}(?:\[[\"']default[\"']\])?\.){0,3})\Z")
_MADE_BARE = re.compile(rb"\bnew\s{1,10}(?:[\w$]{1,40}(?:\[[\"']default[\"']\])?\.){1,3}\Z")
_BARE_END = re.compile(rb"\s{0,20}(?:[;,)}\]]|\.request\b)")
_OF_IMPORT = re.compile(rb"(?i:aws_?sdk)[\w$]{0,20}(?:\[[\"']default[\"']\]|\.default)?\.\Z")
_RENAMED = re.compile(
    rb"\s{0,10}(?::|as\s)[\w\s:,$]{0,200}\}\s{0,20}(?:=\s{0,20}require\(|from)\s{0,20}[\"'`]aws-sdk[\"'`]"
)
_DEFINED = re.compile(rb"[\"']?\]?\s{0,20}(?:=(?!=)|\.\w)")


def _number(value: int) -> str:
    return rf"(?:{value}|0{{1,8}}{value:o}|0[xX]0{{0,8}}(?i:{value:x}))"


_DOT = r"(?:[\"'`]\s{0,3}[+.]?\s{0,3}[\"'`])?\.(?:[\"'`]\s{0,3}[+.]?\s{0,3}[\"'`])?"
_IPV4 = (
    rf"{_number(169)}{_DOT}(?:{_number(254 << 16 | 169 << 8 | 254)}"
    rf"|{_number(254)}{_DOT}(?:{_number(169 << 8 | 254)}|{_number(169)}{_DOT}{_number(254)}))"
    r"|2852039166|0{1,8}25177524776|0[xX]0{0,8}(?i:a9fea9fe)|169,[ ]?254,[ ]?169,[ ]?254"
)
_IPV6 = r"(?i:fd00:0?ec2:(?:0{0,4}:){1,5}0?254|ffff:a9fe:a9fe)"
# Without a scheme, the name needs a path behind it: cloud-init has files that are called so.
_DNS = (
    r"(?<![\w.-])instance-data(?:\.ec2\.internal|\.[a-z]{2}(?:-[a-z]{2,10}){1,3}-\d\.compute\.internal)(?![\w-])"
    r"|(?<=//)instance-data(?=[/:\"'`\0\n ]|\.[/:\"'`\0\n ]|\Z)"
    r"|(?<=[\"'])instance-data(?=[\"'])|(?<![\w./-])instance-data(?=\.?(?::80)?/(?:latest\b|1\.0/|20\d\d-\d\d-\d\d))"
)
_SPELLED = re.compile(f"{_IPV4}|{_IPV6}|{_DNS}".encode())
_SPELLED_BEFORE, _SPELLED_AFTER = 40, 72  # characters around a part of it
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
# Of these, a file in which one is written in UTF-16 is searched for all words written so.
_SCOUTS = tuple(word.encode("utf-16-le") for word in ("169.254", "00:ec2:", _NAME))
# Two automata: with no more words than these, the library compares sixteen bytes at a time and is ten times as fast.
_NARROW = BytesAhoCorasick([*(word.encode() for word, _ in WORDS), *_SCOUTS], matchkind=MatchKind.LeftmostLongest)
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
    """All words in a file, from its beginning; also as UTF-16 has them, where that is asked for, or an address is written so, as
    in .NET's programs of one file. Never raises on its content.

    The file is read once, in pieces that overlap: a word is taken from the piece that has what follows it. It is read once more
    where UTF-16 is met.
    """
    size = file.seek(0, 2)
    end = min(size, limit_bytes)
    found: list[Found] = []
    at, rest = 0, b""
    while at < end and len(found) <= 2 * FOUND_MAX:
        data = data_from(file, at, size)
        if data > at:
            found += _found_in(rest, at - len(rest), True, wide)[0]
            at, rest = data, b""
            continue
        file.seek(at)
        chunk = file.read(min(PIECE_BYTES, end - at))
        if not chunk:
            break
        piece = rest + chunk
        start = at - len(rest)
        at += len(chunk)
        met, is_wide = _found_in(piece, start, at >= end, wide)
        if is_wide and not wide:
            return search(file, wide=True, limit_bytes=limit_bytes)
        found += met
        rest = piece[-2 * (CONTEXT_BYTES + _EDGE_BYTES) :]
    kept = _once(found)
    return Search(tuple(kept[:FOUND_MAX]), at >= size and len(kept) <= FOUND_MAX, min(at, end))


def search_bytes(content: bytes, *, wide: bool = False) -> tuple[Found, ...]:
    """The same in what is in memory already."""
    return tuple(_once(_found_in(content, 0, True, wide)[0])[:FOUND_MAX])


def is_service(host: bytes) -> bool:
    """Whether a host, as a URL has it, is the service."""
    return _SPELLED.search(b"//" + host) is not None


def _found_in(piece: bytes, start: int, last: bool, wide: bool) -> tuple[list[Found], bool]:
    """What is met in a piece of a file that begins at `start`, but for what may go on behind its end; and whether an address may
    be in it in UTF-16.
    """
    until = len(piece) if last else len(piece) - CONTEXT_BYTES - _EDGE_BYTES
    met = [(index, begin, end, False) for index, begin, end in _NARROW.find_matches_as_indexes(piece)]
    is_wide = any(index >= len(WORDS) for index, _, _, _ in met)
    if wide:
        met += [(index, begin, end, True) for index, begin, end in _WIDE.find_matches_as_indexes(piece)]
    found: list[Found] = []
    marks: Counter[str] = Counter()
    behind = 0  # the end of the address before: a word in it is met by itself
    for index, begin, end, is_wide_word in met:
        if index >= len(WORDS) or begin < behind:
            continue
        word, kind = WORDS[index]
        marks[word] += kind in _MARKS
        if begin >= until or marks[word] > MARKS_MAX:
            continue
        if len(found) > FOUND_MAX:
            break
        before = piece[max(0, begin - CONTEXT_BYTES - _EDGE_BYTES) : begin]
        after = piece[end : end + CONTEXT_BYTES + _EDGE_BYTES]
        if is_wide_word:
            before, after = _narrowed(before, odd=len(before) % 2 == 1), _narrowed(after, odd=False)
        one = _checked(Found(start + begin, word, kind, before, after, is_wide_word))
        if one is not None:
            width = CONTEXT_BYTES // 2 if is_wide_word else CONTEXT_BYTES
            found.append(dataclasses.replace(one, before=one.before[-width:], after=one.after[:width]))
            if kind == "service":
                behind = one.at - start + len(one.word) * (2 if is_wide_word else 1)
        elif is_wide_word:
            behind = 0
    return found, is_wide


def _narrowed(text: bytes, *, odd: bool) -> bytes:
    return text[1 if odd else 0 :: 2]


def _checked(found: Found) -> Found | None:
    """With the whole word, where it is more than what was looked for; None where it is a part of another."""
    if found.word in (_CLIENT_NAME, _CLIENT_FILE):
        return _client(found)
    if found.kind == "service":
        return _spelled(found)
    if found.kind != "header":
        return found
    # "x-aws-" stands before and "-token" behind, whatever the case and the sign between.
    written = (found.before[-6:] + found.word.encode() + found.after[:18]).lower().replace(b"_", b"-")
    if not written.startswith(_HEADER):
        return None
    ttl = "-ttl-seconds" if written.startswith(b"-ttl", len(_HEADER)) else ""
    return dataclasses.replace(found, word=f"{_HEADER.decode()}{ttl}")


def _client(found: Found) -> Found | None:
    """AWS's SDK's own, where it is made, handed on or renamed; not where it is declared."""
    if found.word == _CLIENT_NAME:
        if found.after.startswith(b"("):
            made = _MADE.search(found.before[-160:])
            return dataclasses.replace(found, word=CLIENT, after=found.after[1:]) if made else None
        of_sdk = found.before.rstrip(b"\"'[").endswith((b"AWS.", b"AWS", b"aws-sdk').", b'aws-sdk").'))
        named = (of_sdk or _OF_IMPORT.search(found.before[-80:])) and not _DEFINED.match(found.after)
        # A minifier leaves out brackets with nothing in them.
        made = _MADE_BARE.search(found.before[-160:]) and _BARE_END.match(found.after)
        if not named and not made and not _RENAMED.match(found.after):
            return None
    return dataclasses.replace(found, word=CLIENT)


def _spelled(found: Found) -> Found | None:
    """The whole address or name around what all its spellings have."""
    word = found.word.encode()
    lead = found.before[-_SPELLED_BEFORE:]
    text = lead + word + found.after[:_SPELLED_AFTER]
    for match in _SPELLED.finditer(text):
        if match.start() <= len(lead) < match.end():
            left = len(lead) - match.start()
            right = match.end() - len(lead) - len(word)
            at = found.at - left * (2 if found.wide else 1)
            before = found.before[: len(found.before) - left]
            after = found.after[right:] if right >= 0 else word[right:] + found.after
            return dataclasses.replace(found, at=at, word=match[0].decode("latin-1"), before=before, after=after)
    return None


def _once(found: list[Found]) -> list[Found]:
    """In their order, and those where two pieces meet once."""
    marks: Counter[str] = Counter()
    kept = {}
    for each in sorted(found, key=lambda each: each.at):
        marks[each.word] += each.kind in _MARKS
        if marks[each.word] <= MARKS_MAX:
            kept[each.at] = each
    return list(kept.values())
