"""Code whose address of the metadata service stands in a variable of the environment, which a schedule or its caller sets.

The variable's value is put in where the code takes it, and what comes out is read as any code. So is the address for a name that
/etc/hosts gives it. Source: the manuals of the languages, each on its access to the environment.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from imds_probe.facts.imds import SERVICE
from imds_probe.inventory.code.words import search_bytes

VALUE_MAX, NAMED_MAX = 2000, 20
# Lists of what no proxy is for and of what may not be asked, and the variables by which SDKs are told where they ask.
_OF_OTHERS = re.compile(
    r"no_?proxy|non_?proxy|block|den[yi]|ssrf|ignore|allow|reject|forbid|exclud|AWS_EC2_METADATA_SERVICE", re.IGNORECASE
)
_OF_ITEM = " \t-\"'"  # what stands before an item of a list
_IN_SHELL = re.compile(r"\$\{?([A-Za-z_]\w{0,60})")
_IN_CODE = re.compile(
    r"(?:\b(?:os\.)?environ(?:\.get)?|\b(?:os\.)?getenv|\bENV(?:\.fetch)?|\bprocess\.env|\$_?ENV|\$_SERVER)"
    r"[ \t]{0,4}[\[({.?]{1,2}[ \t]{0,4}[\"']?([A-Za-z_]\w{0,60})[\"']?(?:[ \t]{0,4}(?:,[^()\n]{0,120})?[\])}])?"
)
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}")
_SHELL = ("shell", "text")


def naming(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The variables that say where the service is, with their values."""
    found: dict[str, str] = {}
    for name, value in environment.items():
        if "\0" in value or len(value) > VALUE_MAX or _OF_OTHERS.search(name) or _OF_OTHERS.search(value):
            continue
        words = search_bytes(value.encode("utf-8", "replace"))
        if any(each.kind == "service" for each in words) and len(found) < NAMED_MAX:
            found[name] = value
    return found


def names_service(settings: bytes) -> bool:
    """Whether settings name the service where code may ask it: not in a comment, and not as what may not be asked."""
    text = settings.decode("latin-1")
    for each in search_bytes(settings):
        if each.kind != "service":
            continue
        begun = text.rfind("\n", 0, each.at) + 1
        line = text[max(begun, each.at - VALUE_MAX) : each.at]
        if line.lstrip().startswith(("#", ";", "//")) or _OF_OTHERS.search(line):
            continue
        if line.strip(_OF_ITEM) or not _OF_OTHERS.search(_key_above(text[max(0, begun - VALUE_MAX) : begun])):
            return True
    return False


def _key_above(text: str) -> str:
    """The last line that is no item of a list and no comment: what the list is of that goes on behind it."""
    lines = (line.strip() for line in reversed(text.split("\n")))
    return next((line for line in lines if line and (line[0] not in "-\"'#" or line[-1] in ":[{(")), "")


def named_hosts(hosts: bytes) -> tuple[str, ...]:
    """The names that a file as /etc/hosts gives to the service: hosts(5)."""
    found: dict[str, None] = {}
    if any(address.encode() in hosts for address in SERVICE):
        for line in hosts.decode("latin-1").split("\n"):
            address, *names = line.partition("#")[0].split() or [""]
            if address in SERVICE:
                found.update(dict.fromkeys(name for name in names if _HOST_NAME.fullmatch(name)))
    return tuple(found)[:NAMED_MAX]


def with_hosts(text: str, names: Sequence[str]) -> str:
    """A text in which these names of hosts are the service's address, where they stand as such."""
    if not any(name in text for name in names):
        return text
    any_of_them = "|".join(map(re.escape, names))
    known = re.compile(
        rf"(?<=//)(?:{any_of_them})(?=[/:\"'`\s?)]|\Z)|(?<=[\"'])(?:{any_of_them})(?=[/:\"'])"
        rf"|(?<![\w./-])(?:{any_of_them})(?=(?::80)?/(?:latest\b|1\.0/|20\d\d-\d\d))"
    )
    return known.sub(SERVICE[0], text)


def with_values(text: str, named: Mapping[str, str], form: str) -> str:
    """A text with these variables in it, each character for one byte; the same where it takes none of them."""
    if form not in _SHELL:
        return _IN_CODE.sub(lambda match: _quoted(named[match[1]]) if match[1] in named else match[0], text)
    used = dict.fromkeys(name for name in _IN_SHELL.findall(text) if name in named)
    assigned = "".join(f"{name}={shlex.quote(_bytes(named[name]))}; " for name in used)
    # Behind a first line that names the interpreter, and in the line that follows: each line keeps its number.
    first, feed, rest = text.partition("\n") if text.startswith("#!") else ("", "", text)
    return f"{first}{feed}{assigned}{rest}"


def _quoted(value: str) -> str:
    return '"' + _bytes(value).replace("\\", "").replace('"', "").replace("\n", " ") + '"'


def _bytes(value: str) -> str:
    return value.encode("utf-8", "replace").decode("latin-1")
