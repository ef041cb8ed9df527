"""The commands in settings whose values go over several lines: monit, apt, and what is JSON, HCL or TOML."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from imds_probe.inventory.code.forwarding import names_address
from imds_probe.inventory.schedules.settings_commands import Language, Named, uncommented, unquoted

TOKENS_MAX = 60  # of one value
MONIT_MAX = 4000  # characters of one check
_MONIT_PROGRAM = re.compile(
    r"\b(?:(?:start|stop|restart)(?:[ \t]{1,9}program)?|exec(?:ute)?|program[ \t]{1,9}[\w.-]{1,100}\s{1,20}(?:with\s{1,20})?path)"
    r"\s{0,9}=?\s{0,9}(\"[^\"\n]{1,1900}\"|'[^'\n]{1,1900}'|/\S{1,300})",
    re.IGNORECASE,
)
_MONIT_HOST = re.compile(
    r"\bcheck\s{1,20}host\s{1,20}\S{1,200}\s{1,20}(?:with\s{1,20})?address\s{1,20}[\"']?([\w.:-]{1,100})", re.IGNORECASE
)
_MONIT_CHECK = re.compile(r"^[ \t]{0,20}check[ \t]", re.IGNORECASE | re.MULTILINE)
_MONIT_REQUEST = re.compile(r"\brequest\s{1,20}(\"[^\"\n]{1,500}\"|'[^'\n]{1,500}'|/\S{0,300})", re.IGNORECASE)
_MONIT_HTTP = re.compile(r"\bproto(?:col)?\s{1,20}http\b", re.IGNORECASE)
_TELEGRAF_URLS = re.compile(r"^[ \t]{0,20}urls?[ \t]{0,9}=[ \t]{0,9}(\[[^\]]{0,4000}|[\"'][^\n]{0,500})", re.MULTILINE)
CHECK_MAX = 2000  # characters before or behind what a check asks
_CONSUL_HTTP = re.compile(r"\bhttp\"?[ \t]{0,20}[:=][ \t]{0,20}[\"'](https?:[^\"'\n]{1,500})")
_CONSUL_ASIDE = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)|(?:#|//)[^\n]*+")
_APT_KEY = re.compile(r"\b(?:(?:Pre|Post)-Invoke(?:-Success)?|Pre-Install-Pkgs)\b", re.IGNORECASE)
_APT_PART = re.compile(r'"((?:[^"\\]|\\.)*+)"|[{};]', re.DOTALL)
_LISTED_KEY = re.compile(r"\b(commands?|args|script)\"?[ \t]{0,20}[:=][ \t]{0,20}")
_LISTED_PART = re.compile(r"\"((?:[^\"\\\n]|\\.)*+)\"|'([^'\n]*+)'|\S")


def monit(text: str) -> Iterator[Named]:
    """Programs that are checked, started, stopped and executed; the path of a file that is checked is none."""
    bare = uncommented(text)
    for match in _MONIT_PROGRAM.finditer(bare):
        yield Named(bare.count("\n", 0, match.start(1)) + 1, unquoted(match[1]))

    for check in _MONIT_HOST.finditer(bare):
        if names_address(check[1]):
            behind = bare[check.end() : check.end() + MONIT_MAX]
            own = _MONIT_CHECK.split(behind, maxsplit=1)[0]
            yield from (_asked(bare, check.start(), check[1], path) for path in _paths_asked(own))


def _paths_asked(check: str) -> Iterator[str]:
    """What a check of a host asks by HTTP: "protocol http", with "request PATH" or without."""
    named = [match[1].strip("\"'") for match in _MONIT_REQUEST.finditer(check)]
    yield from named or (["/"] if _MONIT_HTTP.search(check) else [])


def _asked(text: str, at: int, host: str, path: str) -> Named:
    """A request without a token."""
    host = f"[{host}]" if ":" in host else host
    return Named(text.count("\n", 0, at) + 1, f"curl -s {shlex.quote(f'http://{host}{path}')}")


def telegraf(text: str) -> Iterator[Named]:
    """The commands of inputs, and the addresses that inputs ask by HTTP, unless their headers have a token."""
    yield from listed(text)
    bare = uncommented(text)
    for match in _TELEGRAF_URLS.finditer(bare):
        begin, end = bare.rfind("[[", 0, match.start()), bare.find("[[", match.end())
        section = bare[max(0, begin) : end if end >= 0 else len(bare)]
        if not section.startswith("[[inputs.") or "metadata-token" in section.lower():
            continue
        for word in _LISTED_PART.finditer(match[1]):
            url = word[1] or word[2] or ""
            if names_address(url):
                yield Named(bare.count("\n", 0, match.start()) + 1, f"curl -s {shlex.quote(url)}")


def apt(text: str) -> Iterator[Named]:
    """Pre-Invoke, Post-Invoke and their like, each with one command or several in braces."""
    bare = uncommented(text, ("#", "//"))
    for key in _APT_KEY.finditer(bare):
        within = False
        for number, part in enumerate(_APT_PART.finditer(bare, key.end())):
            if number >= TOKENS_MAX or part[0] == "}" or (part[0] == ";" and not within):
                break
            within = within or part[0] == "{"
            if part[1]:
                yield Named(bare.count("\n", 0, part.start()) + 1, part[1].replace('\\"', '"'))


def lists_of(keys: re.Pattern[str], *, words: tuple[str, ...] = ()) -> Language:
    """Values of these keys: a text is a command, and a list has several; only those of `words` are one whose words are listed."""

    def read(text: str) -> Iterator[Named]:
        bare = uncommented(text, ("#", "//"))
        for key in keys.finditer(bare):
            line = bare.count("\n", 0, key.start()) + 1
            is_list, found = _list(bare, key.end())
            if key[1] not in words or not is_list:
                yield from (Named(line, word) for word in found if word)
            elif found:
                yield Named(line, shlex.join(found))

    return read


def _list(text: str, at: int) -> tuple[bool, list[str]]:
    """Whether a list stands there, and its texts, or the one that does."""
    words: list[str] = []
    is_list = False
    for number, part in enumerate(_LISTED_PART.finditer(text, at)):
        word = part[1] if part[1] is not None else part[2]
        if word is not None:
            words.append(_without_escapes(word) if part[1] is not None else word)
        is_list = is_list or (number == 0 and part[0] == "[")
        if number >= TOKENS_MAX or not is_list or (part[0] not in ("[", ",") and word is None):
            break
    return is_list, words


def _without_escapes(text: str) -> str:
    return text.replace('\\"', '"').replace("\\/", "/").replace("\\\\", "\\")


# Values of JSON, HCL and TOML: "args" and a "command" that is a list are one command, "commands" are several.
listed = lists_of(_LISTED_KEY, words=("command", "args", "script"))


def consul(text: str) -> Iterator[Named]:
    """The commands of checks, and the addresses that checks ask by HTTP, unless their headers have a token."""
    yield from listed(text)
    bare = _CONSUL_ASIDE.sub(_without_aside, text)
    for match in _CONSUL_HTTP.finditer(bare):
        asked = match[1].replace("\\/", "/")
        if names_address(asked) and "metadata-token" not in _block(bare, match.start(), match.end()).lower():
            yield Named(bare.count("\n", 0, match.start()) + 1, f"curl -s {shlex.quote(asked)}")


def _without_aside(match: re.Match[str]) -> str:
    """A text in quotes as it is, and as many lines for a comment."""
    return match[0] if match[0].startswith('"') else "\n" * match[0].count("\n")


def _block(text: str, begin: int, end: int) -> str:
    """What stands in the same braces."""
    before, behind = text[max(0, begin - CHECK_MAX) : begin], text[end : end + CHECK_MAX]
    return before[_end_of_block(before[::-1], "}", "{") :] + behind[: len(behind) - _end_of_block(behind, "{", "}")]


def _end_of_block(text: str, opens: str, closes: str) -> int:
    """How much of a text stands behind the brace that closes what was opened before it."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == opens) - (sign == closes)
        if depth < 0:
            return len(text) - at - 1
    return 0
