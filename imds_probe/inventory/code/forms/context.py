"""Whether a word in code is used to ask with, or is only said: to people, of what may not be asked, or of another cloud.

Source: the paths of Google Cloud (computeMetadata), Azure (metadata/instance, metadata/identity), Oracle (opc), OpenStack,
DigitalOcean (metadata/v1), Hetzner and Vultr, as their documentation has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from imds_probe.inventory.code.words import CLIENT, Found, is_service

OTHERS = (
    *("computeMetadata", "/metadata/instance", "/metadata/identity", "/metadata/v1", "/opc/v", "/openstack"),
    *("Metadata-Flavor", "metadata.google.internal", "api-version", "/hetzner/", "/v1.json", "openstack"),
)
COMMAND = re.compile(r"\b(?:curl|wget|check_http|check_curl)\b(?![.\w-])")
# Names of lists, of checks and of rules of packet filters.
_LISTED = re.compile(
    r"no_?proxy|non_?proxy|ip6?tables|\bnft\b|block(?:ed|list|_)|blacklist|\bden(?:y|ied)|forbid|disallow|ssrf|bogon|unsafe"
    r"|dangerous",
    re.IGNORECASE,
)
# What has such a name may be asked as well.
_PERHAPS_LISTED = re.compile(
    r"link_?local|reserved|restricted|private_?(?:ip|net|addr|range)|internal_?(?:ip|host|addr)|sensitive_?(?:ip|host)"
    r"|allowed_?host|allow_?list|whitelist|cloud_?metadata_?(?:ip|host|addr)|metadata_?(?:ips|hosts|servers|endpoints)\b",
    re.IGNORECASE,
)
_MOCKED = re.compile(
    r"\bmock(?!\w{0,20}\s{0,3}[=:]\s{0,3}(?:False|None|null|nil|0)\b)|\bnock\(|responses\.(?:add|get)|httpretty|stub_?request"
    r"|requests_?mock|wiremock|urlmatch",
    re.IGNORECASE,
)
_ASSERTED = re.compile(r"\bassert|\bexpect\(", re.IGNORECASE)
# A text for a connection, or a command line of a tool that asks.
_NO_PROSE = re.compile(
    r"HTTP/1\.[01]|\b(?:nc|ncat|netcat|socat|telnet)\s[^\"'\n]{0,80}\d|\b(?:https?|httpie|xh|lynx|w3m|axel|aria2c|fetch)\s{1,5}-"
)
_COMPARED_BEFORE = re.compile(
    r"(?:[=!]==?|\b(?:not )?in ?[(\[{]?|\bcase|\bwhen|(?:includes|starts_?with|equals|contains|has|index_?of)\()\s{0,20}$",
    re.IGNORECASE,
)
_COMPARED_AFTER = re.compile(r"\s{0,20}(?:[!=]==?|\bin\b)")
LONG_STATEMENT, NEAR = 1500, 300  # characters
_EACH_OF = re.compile(r"\bfor\b[^\n=]{0,80}\bin ?[(\[{]?\s{0,20}$")
_MATCHED_BEFORE = re.compile(
    r"(?:\bre\.(?:compile|match|search|fullmatch|subn?|split|findall|finditer)|\bregexp\.MustCompile|\bRegExp)\(\s{0,20}$"
    r"|(?:\.replace(?:_?all)?|\bgsub!?|\bstr_i?replace)\(\s{0,20}$"
    r"|(?:has_?prefix|has_?suffix|str_?starts_?with|strn?cmp|strpos)\([^()\"'`]{0,80},\s{0,20}$",
    re.IGNORECASE,
)
_OTHER_ADDRESSES = (
    "127.0.0.1",
    "127.0.0.0",
    "10.0.0.0",
    "192.168.",
    "172.16.",
    "100.100.100.200",
    "metadata.google.internal",
    "fe80::",
    "169.254.170.2",
)
_VERSION = re.compile(rb"(?::80)?[\"'`]?\s{0,3}[+.]?\s{0,3}[\"'`]?/(?:latest\b|1\.0/|20\d\d-\d\d-\d\d)")
_URL = re.compile(rb"://([^/\s\"'`<>]{0,200})(?:/[^\s\"'`<>]{0,200})?$")
_IN_QUERY = re.compile(rb"://([^/?\s\"'`<>]{1,200})[/?][^\s\"'`<>]{0,200}\Z")
_WORD_SIGNS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_DIGITS = frozenset(b"0123456789")
_HEXADECIMAL = re.compile(r":[0-9a-fA-F]{1,4}\Z|\.0[xX][0-9a-fA-F]{1,20}\Z")
_PLACEHOLDERS = re.compile(rb"[{}$%<>#+()]")


def stands_alone(found: Found) -> bool:
    """Whether an address is one, and no part of a longer number; for texts, as strings in a program stand beside one another."""
    if found.kind != "service" or found.word == CLIENT:
        return True
    before, after = found.before[-1:], found.after[:1]
    if "instance-data" in found.word:
        return True
    signs = _WORD_SIGNS if found.word.isalnum() or _HEXADECIMAL.search(found.word) else _DIGITS
    if (before and before[0] in signs) or (after and after[0] in signs):
        return False
    # A fifth number, as of a version or a certificate; a name that only begins so.
    return not (before == b"." and found.before[-2:-1].isdigit()) and not (after == b"." and found.after[1:2].isdigit())


def has_version(found: Found) -> bool:
    """Whether a path of EC2's follows an address at once: latest, 1.0, or a date."""
    return found.kind == "service" and _VERSION.match(found.after) is not None


def of_another_cloud(found: Found) -> bool:
    """Whether what follows an address is another cloud's path."""
    after = found.after.lstrip(b":80]\"'").decode("latin-1")
    return found.kind == "service" and after.startswith(
        ("/computeMetadata", "/metadata", "/opc/", "/openstack", "/hetzner/", "/v1")
    )


def of_another_host(found: Found) -> bool:
    """Whether a word belongs to a host that is named before it and is not the service: of a mock, another cloud, a manual; or is
    an address in what another host is asked.
    """
    if found.kind not in ("path", "token", "service"):
        return False
    match = (_IN_QUERY if found.kind == "service" else _URL).search(found.before[-200:])
    if match is None or not match[1]:
        return False
    return not _PLACEHOLDERS.search(match[1]) and not is_service(match[1])


def is_elsewhere(found: Found) -> bool:
    """Whether a word is a part of something else, another cloud's or another host's."""
    return not stands_alone(found) or of_another_cloud(found) or of_another_host(found)


def has_other_addresses(texts: Iterable[str]) -> bool:
    """Whether other addresses that are often listed beside the service's are among texts."""
    return any(text.startswith(_OTHER_ADDRESSES) for text in texts)


def is_prose(text: str) -> bool:
    """Whether a string is for people: at least two words in it that are nothing but words, and no command."""
    if COMMAND.search(text) or _NO_PROSE.search(text):
        return False
    words = [word for word in text.split() if word.strip("\"'.,:;()!?").isalpha()]
    return len(words) >= 2


def is_compared(before: str, after: str) -> bool:
    """Whether what stands between these, a string or a name, is compared with something."""
    before = before.rstrip("rbuf")
    if _COMPARED_AFTER.match(after[:40]):
        return True
    if _COMPARED_BEFORE.search(before[-80:]):
        return _EACH_OF.search(before[-120:]) is None
    return _MATCHED_BEFORE.search(before[-120:]) is not None


def is_listed(
    statement: str, at: int, found: Found, *, asks: bool = False, is_asked: Callable[[], bool] = lambda: False
) -> bool:
    """Whether a statement compares with an address, lists it among others, or is one of a test. `at` is its place there.

    asks: the statement makes a request. is_asked: whether something else asks what this statement gives a name to.
    """
    if found.after.startswith((b"/32", b"/16", b"/128", b"/30")):
        return True
    if len(statement) > LONG_STATEMENT:
        # A tool made it of many, as minifiers do: what stands far away has nothing to do with it.
        since = max(0, at - NEAR)
        statement, at = statement[since : at + NEAR], at - since
    begin = max(statement.rfind(quote, 0, at) for quote in "\"'`")
    ends = [place for quote in "\"'`" if (place := statement.find(quote, at + 1)) >= 0]
    before, after = statement[: begin if begin >= 0 else at], statement[min(ends) + 1 :] if ends else ""
    if is_compared(before, after):
        return True
    if _MOCKED.search(statement) or (not asks and _ASSERTED.search(statement)):
        return True
    if found.kind != "service" or has_version(found):
        return False
    if _LISTED.search(statement):
        return True
    perhaps = _PERHAPS_LISTED.search(statement) is not None or any(each in statement for each in _OTHER_ADDRESSES)
    return perhaps and not is_asked()
