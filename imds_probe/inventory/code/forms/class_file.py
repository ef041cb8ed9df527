"""Java's class files: the texts of the constant pool that code uses.

Source: the JVM specification, 4.4 (the constant pool; a text is in modified UTF-8, which is ASCII for what is looked for).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from imds_probe.inventory.code.forms import context
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.speaks import Evidence, Hit
from imds_probe.inventory.code.unread import DAMAGED
from imds_probe.inventory.code.words import Found, Search, search_bytes

CLASS_MAX_BYTES = 8 * 1024 * 1024
_MAGIC = b"\xca\xfe\xba\xbe"
_UTF8, _CLASS, _STRING = 1, 7, 8
_OF_SDKS = (b"com/amazonaws/", b"software/amazon/")
_WIDTHS = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
_COMPLETE = frozenset((b"openStream", b"readText", b"getText"))
_ASKS = (b"java/net/", b"HttpClient", b"okhttp", b"openConnection", b"openStream", b"HttpGet")
# Of handlers of headers: a class that has none of these sends none of its own.
_HANDS_ON = (b"setRequestProperty", b"addRequestProperty", b"setHeader", b"addHeader", b"eader", b"oken")


class _Damaged(ValueError):
    pass


def judged(content: bytes) -> Judged:
    """Judge a class file."""
    found = search_bytes(content)
    if not found:
        return Judged()
    try:
        texts, used, classes = _pool(content)
    except (_Damaged, struct.error, IndexError):
        return Judged(tuple(Hit(None, each.word, each.kind) for each in found if each.kind != "sdk"), unread=DAMAGED)
    hits, evidence = [], Evidence()
    for number, text in texts.items():
        for each in search_bytes(text):
            if each.kind == "client":
                if number in classes and text.startswith(_OF_SDKS):
                    hits.append(Hit(None, each.word, each.kind))
                continue
            said = number not in used or _is_said(text, each)
            hits.append(Hit(None, each.word, each.kind, said))
            if not said:
                evidence |= Evidence(
                    each.kind == "service",
                    each.kind in ("path", "token") or context.has_version(each),
                    each.kind in ("token", "header"),
                    asks=True,
                )
    every = list(texts.values())
    if evidence.service and any(sign in text for sign in _ASKS for text in every):
        evidence |= Evidence(requests=True)
    if (evidence.service or evidence.path) and not evidence.token and _COMPLETE.intersection(every):
        evidence |= Evidence(bare=not any(sign in text for sign in _HANDS_ON for text in every))
    return Judged(tuple(hits), evidence)


def _is_said(text: bytes, found: Found) -> bool:
    prose = context.is_prose(text[max(0, found.at - 400) : found.at + 400].decode("latin-1"))
    return prose or context.is_elsewhere(found)


def _pool(content: bytes) -> tuple[dict[int, bytes], set[int], set[int]]:
    """Texts by their numbers, and the numbers of those that are constants of the code, and of those that are names of classes."""
    if not content.startswith(_MAGIC):
        raise _Damaged
    (count,) = struct.unpack_from(">H", content, 8)
    texts: dict[int, bytes] = {}
    used: set[int] = set()
    classes: set[int] = set()
    number, at = 1, 10
    while number < count:
        tag = content[at]
        if tag == _UTF8:
            (length,) = struct.unpack_from(">H", content, at + 1)
            texts[number] = content[at + 3 : at + 3 + length]
            at += 3 + length
        elif tag in _WIDTHS:
            if tag in (_CLASS, _STRING):
                (classes if tag == _CLASS else used).add(struct.unpack_from(">H", content, at + 1)[0])
            at += 1 + _WIDTHS[tag]
        else:
            raise _Damaged
        number += 2 if tag in (5, 6) else 1  # a long and a double take two numbers
    return texts, used, classes


def _judged(file: BinaryIO, search: Search) -> Judged:
    if not search.found:
        return Judged()
    file.seek(0)
    return judged(file.read(CLASS_MAX_BYTES))


FORM = Form("class", (".class",), file=_judged)
