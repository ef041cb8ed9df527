"""Whether a setting decides if code asks for a token at all, as in clients that were moved to IMDSv2 one by one.

What is done only behind a condition is found by how far it is indented, which people and formatters do in any language. A
condition counts if it names a setting and is no test of an answer: of a status, of a token that came. Where the text itself says
that the setting is on unless somebody turns it off, it counts for nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

LINES_MAX, PLACES_MAX, NEAR_MAX = 200, 20, 4000
_IF_LINE = re.compile(r"[ \t]*(?:[})][ \t]*)?(?:if|elif|elsif|else[ \t]{1,5}if|unless)\b[ \t]*(.{1,400})")
_ELSE_LINE = re.compile(r"[ \t]*(?:[})][ \t]*)?else\b")
_BEHIND = re.compile(r"[)\]}\w\"'][ \t]{1,5}(?:if|unless)[ \t]{1,5}(.{1,300})\Z")  # what = this if that
_CHOSEN = re.compile(r"=[ \t]{0,5}([^=?{}\n][^?{}\n]{0,200})\?[ \t]{0,5}[\[{(]")  # what = that ? {this} : {}
_FUNCTION_LINE = re.compile(
    r"[ \t]*(?:(?:async|static|public|private|protected|export|default|final|local)[ \t]+){0,3}(?:def|function|func|fn|sub)\b[ \t]*"
    r"(?:self\.|\([^()\n]{0,80}\)[ \t]*)?([A-Za-z_]\w{0,60})?"
)
_SETTING = re.compile(
    r"environ\b|getenv|process\.env|\bENV\b|\$_ENV|config|setting|\bargs\b|\bargv\b|option|\bopts?\b|flags?\b|imds_?v2|use_?v2|"
    r"v2_?(?:enabled|only)|enable_?v2|use_?(?:imds_?)?token|IMDS_?VERSION",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"\bstatus|\bresp|\bresult|\berr(?:or)?\b|\b(?:4\d\d|200)\b|\bexcept|\bcode\b|\.ok\b|\bexpir|\bcached?\b|\btime\b|\bnow\b",
    re.IGNORECASE,
)
# On unless it is turned off.
_NEGATED = re.compile(
    r"(?:\bnot\b|!(?!=)|\bunless\b)[^=]{0,80}(?:v1|disable|legacy|no_?token|insecure|skip)"
    r"|!==?[ \t]{0,5}[\"']?(?:0|false|no|off|v1|1\.0|disabled)\b"
    r"|(?:,|\|\||\?\?|\bor\b)[ \t]{0,5}[\"']?(?:1|true|yes|on|v2|enabled)\b",
    re.IGNORECASE,
)
_NAMES_ASKED = re.compile(r"[A-Za-z_]\w{0,60}")
_ON = r"\b{}[ \t]{{0,5}}(?::[ \t]{{0,5}}\w{{1,40}}[ \t]{{0,5}})?(?::?=|:|=>)[ \t]{{0,5}}[\"']?(?:1|true|yes|on|v2)\b"
_FOUND_OUT = (
    r"\b{}[ \t]{{0,5}}:?=[ \t]{{0,5}}(?:await[ \t]{{1,5}})?(?:self\.|this\.)?"
    r"(?!int|str|bool|strtobool|parse|getenv|env)\w{{1,60}}\("
)
_LEAVES = re.compile(r"\b(?:raise|throw|return|exit|die|abort|panic|continue|break|fail)\b")
_NAME_SET = re.compile(
    r"[ \t]*(?:(?:const|let|var|my|our|final)[ \t]{1,9})?(?:self\.|this\.)?[$@]{0,2}([A-Za-z_]\w{0,60})"
    r"[ \t]{0,5}(?:\[|\.|->|:?=(?!=)|\{)"
)


def is_by_setting(code: str, places: Iterable[int]) -> bool:
    """Whether all of what stands at these places of a text without comments is done only where a setting says so, and what comes
    of it is used where it is not done as well.
    """
    places = list(itertools.islice(places, PLACES_MAX + 1))
    return 0 < len(places) <= PLACES_MAX and all(_is_one(code, at) for at in places)


def calls_of(code: str, places: Iterable[int]) -> Iterator[int]:
    """Where the functions that these places stand in are called; a place that is in none stands for itself."""
    for at in itertools.islice(places, PLACES_MAX):
        name = next(
            (match[1] for _, line in _around(code, at) if (match := _FUNCTION_LINE.match(line)) and match[1]), ""
        )
        called = re.compile(
            rf"(?<![\w])(?<!def )(?<!function )(?<!func ){re.escape(name)}\b(?:\(|[ \t]*$)", re.MULTILINE
        )
        uses = [match.start() for match in itertools.islice(called.finditer(code), PLACES_MAX)] if name else []
        yield from uses or [at]


def _is_one(code: str, at: int) -> bool:
    begin, end = code.rfind("\n", 0, at) + 1, code.find("\n", at)
    line = code[begin : end if end >= 0 else len(code)]
    for pattern in (_BEHIND, _CHOSEN):
        if (match := pattern.search(line)) and _says(match[1], match[0], code):
            return True
    name = _NAME_SET.match(line)
    for where, above in _around(code, at):
        if _FUNCTION_LINE.match(above):
            return False
        condition = _IF_LINE.match(above)
        if condition and _says(condition[1], above, code) and _goes_on(code, where, at, name[1] if name else ""):
            return True
    return False


def _says(condition: str, line: str, code: str) -> bool:
    """Whether a condition asks for a setting that is off unless somebody turns it on, or of which that is not known."""
    asked = condition.partition(" else ")[0]
    if not _SETTING.search(asked) or _ANSWER.search(asked) or _NEGATED.search(line):
        return False
    names = {name for name in _NAMES_ASKED.findall(asked) if _SETTING.search(name)}
    found_out = {name for name in names if "v2" in name.lower() or "token" in name.lower()}
    forms = [(_ON, name) for name in sorted(names)] + [(_FOUND_OUT, name) for name in sorted(found_out)]
    return not any(re.search(form.format(re.escape(name)), code, re.IGNORECASE) for form, name in forms)


def _goes_on(code: str, condition: int, at: int, name: str) -> bool:
    """Whether the code behind the block of a condition has the name that is given in it, and another block does not end there."""
    depth = _depth(code[condition : condition + 400])
    block_end = len(code)
    other = -1
    lines = re.compile(r"[^\n]+").finditer(code, code.find("\n", at), min(len(code), at + NEAR_MAX))
    for match in itertools.islice(lines, LINES_MAX):
        if not match[0].strip() or _depth(match[0]) > depth:
            continue
        if _ELSE_LINE.match(match[0]) and other < 0:
            other = match.end()
            continue
        if _depth(match[0]) == depth and match[0].strip() in ("}", "end", "fi", ")", "};"):
            continue
        block_end = match.start()
        break
    otherwise = code[other:block_end] if other >= 0 else ""
    if _LEAVES.search(otherwise) or "oken" in otherwise:
        return False
    return bool(name) and re.search(rf"\b{re.escape(name)}\b", code[block_end : block_end + NEAR_MAX]) is not None


def _around(code: str, at: int) -> Iterator[tuple[int, str]]:
    """The lines above a place that are indented less and less: what it stands in, from within."""
    end = code.rfind("\n", 0, at) + 1
    following = code.find("\n", at)
    depth = _depth(code[end : following if following >= 0 else len(code)])
    for _ in range(LINES_MAX):
        if end <= 0 or depth <= 0:
            return
        begin = code.rfind("\n", 0, end - 1) + 1
        line = code[begin : end - 1]
        if line.strip() and _depth(line) < depth:
            depth = _depth(line)
            yield begin, line
        end = begin


def _depth(line: str) -> int:
    expanded = line.partition("\n")[0].expandtabs(4)
    return len(expanded) - len(expanded.lstrip())
