"""Other programs that Python code starts, by its text: what subprocess, os and asyncio are given, as far as it stands there.

What stands in a comment or in a text, such as a docstring, runs nothing. Source: documentation of subprocess, os,
asyncio.subprocess and shutil.which.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.command_words import CALLS_MAX, UNKNOWN, WORDS_MAX, commands_of
from imds_probe.inventory.code.following.python_places import ASIDE, HERE, Module, elements

_STARTS_PROGRAM = re.compile(
    rb"(?<!\w)(?:([A-Za-z_]\w{0,60})\.)?(run|call|check_call|check_output|Popen|getoutput|getstatusoutput|system|popen|"
    rb"create_subprocess_(?:exec|shell)|exec[lv]p?e?|spawn[lv]?p?e?|posix_spawnp?)[ \t]{0,20}\("
)
_OWNERS = frozenset((b"subprocess", b"os", b"asyncio", b"pexpect", b"commands"))
_ALONE = frozenset((b"Popen", b"check_call", b"check_output", b"getoutput", b"getstatusoutput"))
_RENAMED = re.compile(rb"\bimport[ \t]{1,9}(?:subprocess|os|asyncio)[ \t]{1,9}as[ \t]{1,9}(\w{1,60})")
_IMPORTED_NAMES = re.compile(
    rb"\bfrom[ \t]{1,9}(?:subprocess|os|asyncio)[ \t]{1,9}import[ \t]{1,9}(\([^()]{0,400}\)|[^\n;(]{1,400})"
)
_EACH_IMPORTED = re.compile(rb"\w{1,60}")
_WORDS = (
    b"subprocess",
    b"os.system",
    b"os.popen",
    b"Popen",
    b"os.exec",
    b"os.spawn",
    b"os.posix_spawn",
    b"pexpect",
    b"from os import",
    b"commands.get",
)
_ONE_LITERAL = re.compile(rb"[rbuRBUfF]{0,2}(?:\"[^\"\n]{0,400}\"|'[^'\n]{0,400}')")
_LONG_TEXT = re.compile(rb"\s{0,200}[rbuRBUfF]{0,2}(\"\"\"|''')((?:[^\"'\\]|\\.|[\"'](?!\1)){1,8000}?)\1", re.DOTALL)
_LOOKED_UP = re.compile(
    rb"(?:shutil\.)?which\(\s{0,9}[\"']([\w.+/-]{1,100})[\"'][^()]{0,60}\)(?:[ \t]{1,9}or\b.{0,200})?"
)
_PARTED_TEXT = re.compile(rb"(?:shlex\.)?split\(([^()]{1,400})\)|(.{1,400})\.split\([\"' ]{0,5}\)", re.DOTALL)
_FORMATTED = re.compile(r"\{(?!here\})[^{}]{0,100}\}")
_PLACEHOLDER = re.compile(r"%(?:\(\w{1,60}\))?[sdr]|\{\w{0,60}\}")
# A function, and where it is called.
_DEFINED_WITH = re.compile(rb"\bdef[ \t]{1,9}(\w{1,60})[ \t]{0,9}\(([^()\n]{1,300})")
_CALLED_NAME = re.compile(rb"(?<!\w)(?<!def )(\w{1,60})[ \t]{0,9}\(")
FUNCTION_MAX = 2000
_PATH_WORDS = re.compile(rb"[A-Za-z_]\w{0,60}")
# With these alone a path is put together whose every part is known.
_OF_PATHS = frozenset(
    b"os path join str Path PurePath pathlib fspath abspath realpath normpath resolve absolute dirname parent parents pardir "
    b"__file__ sys argv".split()
)


def commands_in(text: bytes) -> Iterator[tuple[str, ...]]:
    """The command lines that stand there, each a program with its arguments."""
    if not any(word in text for word in _WORDS):
        return
    module = Module(text)
    code = ASIDE.sub(_blank, text)
    owners = {*_OWNERS, *(match[1] for match in _RENAMED.finditer(code))}
    imported = {name for match in _IMPORTED_NAMES.finditer(code) for name in _EACH_IMPORTED.findall(match[1])}
    calls = (
        match
        for match in _STARTS_PROGRAM.finditer(code)
        if (match[1] in owners if match[1] else match[2] in _ALONE or match[2] in imported)
    )
    helpers: dict[bytes, None] = {}
    for match in itertools.islice(calls, CALLS_MAX):
        words = list(_given(match, match[2], module))
        if not any(words) and (name := _handed_through(code, match, module)):
            helpers[name] = None
        for each in words:
            yield from commands_of(each)
    if not helpers:
        return
    calls = (match for match in _CALLED_NAME.finditer(code) if match[1] in helpers)
    for match in itertools.islice(calls, CALLS_MAX):
        for each in _given(match, b"", module):
            yield from commands_of(each)


def _given(call: re.Match[bytes], function: bytes, module: Module) -> Iterator[list[str]]:
    """The words that a function is called with: several, where a variable may have several values."""
    if long := _LONG_TEXT.match(module.text, call.end()):
        yield [long[2].decode("utf-8", "replace")]
        return
    for each in module.ways(module.expression(call.end(), opened=True)):
        yield _without_own_name(function, _words(elements(each), module))


def _handed_through(code: bytes, call: re.Match[bytes], module: Module) -> bytes:
    """The name of the function that hands its own first argument on to be started; empty where there is none."""
    first = next(iter(elements(module.expression(call.end(), opened=True))), b"").lstrip(b"*")
    before = code[max(0, call.start() - FUNCTION_MAX) : call.start()]
    defined = next(reversed(list(_DEFINED_WITH.finditer(before))), None)
    if defined is None or not _EACH_IMPORTED.fullmatch(first):
        return b""
    names = [name.partition(b"=")[0].partition(b":")[0].strip(b" \t*") for name in defined[2].split(b",")]
    return bytes(defined[1]) if first in [name for name in names if name not in (b"self", b"cls")][:1] else b""


def _blank(match: re.Match[bytes]) -> bytes:
    """As many blanks, so that what stands behind stays where it is."""
    return b" " * len(match[0])


def _without_own_name(function: bytes, words: list[str]) -> list[str]:
    """What is run by exec and spawn is named twice: as a file, and as what it is to call itself."""
    return [*words[:1], *words[2:]] if function.startswith((b"exec", b"spawn", b"posix")) and len(words) > 1 else words


def _words(parts: list[bytes], module: Module) -> list[str]:
    """What stands at the beginning: a list of texts, or one text for a shell. One that is not known ends what is known."""
    found: list[str] = []
    for part in parts[:WORDS_MAX]:
        if part.startswith(b"os.P_") and not found:
            continue
        parted = None if found else _PARTED_TEXT.fullmatch(part)
        word = _word((parted[1] or parted[2]).strip() if parted else part, module)
        if word is None:
            break
        found.append(word)
    return found


def _word(part: bytes, module: Module) -> str | None:
    if _ONE_LITERAL.fullmatch(part):
        return _FORMATTED.sub(UNKNOWN, module.text_of(part)) if b"f" in part[:2].lower() else module.text_of(part)
    if part == b"sys.executable":
        return "python3"
    if looked_up := _LOOKED_UP.fullmatch(part):
        return looked_up[1].decode()
    if _OF_PATHS.issuperset(_PATH_WORDS.findall(_ONE_LITERAL.sub(b"", part))) and _PATH_WORDS.search(part):
        place = module.place(part)
        if place == f"{HERE}/_":
            return None  # the file itself, which is read by then
        return place if place is not None and (place.startswith(HERE) or "{" not in place) else None
    begins = _ONE_LITERAL.match(part)
    if begins is None:
        return None
    behind = part[begins.end() :].lstrip()
    if not behind.startswith((b"+", b"%", b".format", b"'", b'"', b"f'", b'f"')):
        return None
    return _PLACEHOLDER.sub(UNKNOWN, module.text_of(begins[0])) + UNKNOWN
