"""Python's byte code, for modules without their source."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from imds_probe.inventory.code.forms import context, marshalled
from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.machine import judged_words
from imds_probe.inventory.code.speaks import Evidence, Hit
from imds_probe.inventory.code.unread import ODD_BYTE_CODE, TOO_LONG
from imds_probe.inventory.code.words import Search, search_bytes

READ_MAX_BYTES = 16 * 1024 * 1024
_ASKS = frozenset(
    (
        *("urlopen", "requests", "get", "request", "urllib", "urllib2", "urllib3"),
        *("httplib", "HTTPConnection", "httpx", "aiohttp", "socket"),
    )
)
_COMPLETE = frozenset(("urlopen", "urlretrieve", "requests"))
_HANDS_ON = ("token", "header", "session", "opts", "options", "Request", "kwargs")


def _judged(file: BinaryIO, search: Search) -> Judged:
    if not search.found:
        return Judged()
    file.seek(0)
    content = file.read(READ_MAX_BYTES + 1)
    if len(content) > READ_MAX_BYTES:
        return Judged(*_by_words(search), unread=TOO_LONG)
    try:
        codes = marshalled.codes(content)
    except marshalled.NotByteCode:
        return Judged(*_by_words(search), unread=ODD_BYTE_CODE)
    hits: list[Hit] = []
    evidence = Evidence()
    for code in codes:
        in_code, said = _of_code(code)
        evidence |= in_code
        hits += said
    if evidence.bare and all(hit.said or hit.kind not in ("token", "header") or _is_header(hit) for hit in hits):
        evidence = replace(evidence, token=False)  # as in source: nothing hands the header over
    return Judged(tuple(hits), evidence)


def _is_header(hit: Hit) -> bool:
    """Whether it is the header that a token is handed in by: not where one comes from."""
    return hit.kind == "header" and "ttl" not in hit.word


def _by_words(search: Search) -> tuple[tuple[Hit, ...], Evidence]:
    by_words = judged_words(search.found)
    return by_words.hits, by_words.evidence


def _of_code(code: marshalled.Code) -> tuple[Evidence, list[Hit]]:
    hits, evidence = [], Evidence()
    names = set(code.names)
    listed = context.has_other_addresses(code.texts)
    for number, text in enumerate(code.texts):
        prose = context.is_prose(text) or (not number and code.documented and " " in text)
        for each in search_bytes(text.encode("latin-1")):
            said = prose or context.is_elsewhere(each) or (text == each.word and listed)
            hits.append(Hit(code.line or None, each.word, each.kind, said))
            if not said:
                evidence |= Evidence(
                    each.kind == "service",
                    each.kind in ("path", "token") or context.has_version(each),
                    each.kind in ("token", "header"),
                    asks=True,
                    requests=each.kind == "service" and each.before.endswith(b"://") and bool(names & _ASKS),
                )
    named = evidence.service or evidence.path
    hands_on = any(word in name for name in names for word in _HANDS_ON)
    if named and not evidence.token and names & _COMPLETE and not hands_on:
        evidence |= Evidence(bare=True)
    return evidence, hits


FORM = Form("pyc", (".pyc", ".pyo"), file=_judged)
