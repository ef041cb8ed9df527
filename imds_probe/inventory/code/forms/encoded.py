"""Base64 in code: a literal with the service's address in it is put in as what it stands for, and is read as any text.

Source: RFC 4648. Three bytes make four characters, so an address is written in one of three ways, by what stands before it.
"""

from __future__ import annotations

import base64
import binascii
import re

from imds_probe.dataclass import dataclass

LITERALS_MAX, LITERAL_MAX = 20, 64 * 1024  # in one text; characters of one
ENCODED_MIN = 16  # characters, with a whole address in them
_ADDRESS = b"169.254.169.254"


def _written(offset: int) -> str:
    """What all that is encoded has in common that has the address at such an offset."""
    whole = str(base64.b64encode(bytes(offset) + _ADDRESS), "ascii")
    return whole[-(-offset * 8 // 6) : (offset + len(_ADDRESS)) * 8 // 6]


ADDRESSES = tuple(map(_written, range(3)))
_ENCODED = re.compile(r"[A-Za-z0-9+/\s]{16,}={0,2}\s{0,5}")
_LITERAL = re.compile(r"([\"'`])([A-Za-z0-9+/]{16,}={0,2})\1")
_RUNS_CODE = re.compile(
    r"\b(?:exec|eval|execfile|compile|instance_eval|class_eval|Function|runInThisContext|runInNewContext)\b"
)
_QUOTE = re.compile(r"[\"'`\\]")


@dataclass(frozen=True)
class Opened:
    """A text with its literals decoded, and the decoded code that it runs, each with the line that it stands on."""

    text: str
    code: tuple[tuple[int, str], ...]


def has_address(text: str | bytes) -> bool:
    """Whether an address may be encoded in it."""
    if isinstance(text, bytes):
        return any(each.encode("ascii") in text for each in ADDRESSES)
    return any(each in text for each in ADDRESSES)


def decoded(text: str) -> str | None:
    """What a text of base64 stands for, each character for one byte; None of what is none."""
    plain = "".join(text.split()).rstrip("=")
    if not ENCODED_MIN <= len(plain) <= LITERAL_MAX or _ENCODED.fullmatch(text.strip()) is None:
        return None
    try:
        return base64.b64decode(f"{plain}{'=' * (-len(plain) % 4)}").decode("latin-1")
    except (binascii.Error, ValueError):
        return None


def opened(text: str) -> Opened:
    """A source text, whose lines stay where they are."""
    code: list[tuple[int, str]] = []
    left = LITERALS_MAX

    def put_in(match: re.Match[str]) -> str:
        nonlocal left
        content = decoded(match[2]) if left and has_address(match[2]) else None
        if content is None:
            return match[0]
        left -= 1
        before = text[text.rfind("\n", max(0, match.start() - 1000), match.start()) + 1 : match.start()]
        if _RUNS_CODE.search(before[-1000:]):
            code.append((text.count("\n", 0, match.start()) + 1, content))
            return match[0]
        plain = _QUOTE.sub("", content.strip()).replace("\n", "\\n")
        return f"{match[1]}{plain}{match[1]}"

    found = _LITERAL.sub(put_in, text)
    return Opened(found, tuple(code))
