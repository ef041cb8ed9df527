"""Other programs that Python code starts, by its text: what subprocess and os are given, as far as it stands there.

Only what is named by a path counts: the program, or the script of an interpreter. What stands in a comment or
in a text, such as a docstring, runs nothing. Source: documentation of subprocess, os.system and os.popen.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from imds_probe.inventory.code.following.python_places import ASIDE, Module, elements

CALLS_MAX = 100  # of one file
WORDS_MAX = 12
_STARTS = re.compile(
    rb"\b(?:subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)|os\.(?:system|popen)|check_call|"
    rb"check_output|Popen)[ \t]{0,20}\("
)
_INTERPRETER = re.compile(r"(?:ba|da|k|z)?sh|(?:python|perl|ruby|php|node)[\d.]{0,5}|sudo|env|nice|nohup|timeout")
_WORDS = (b"subprocess", b"os.system", b"os.popen", b"Popen")
_TEXT = re.compile(rb"[rbuRBU]{0,2}(?:\"([^\"\n]{0,400})\"|'([^'\n]{0,400})')")


def commands_in(text: bytes) -> Iterator[tuple[str, ...]]:
    """The command lines that stand there, each a program by its path with its arguments."""
    if not any(word in text for word in _WORDS):
        return
    module = Module(text)
    code = ASIDE.sub(_blank, text)
    for number, match in enumerate(_STARTS.finditer(code)):
        if number >= CALLS_MAX:
            return
        for each in module.ways(module.expression(match.end(), opened=True)):
            words = _words(elements(each))
            if _names_a_file(words):
                yield words


def _blank(match: re.Match[bytes]) -> bytes:
    """As many blanks, so that what stands behind stays where it is."""
    return b" " * len(match[0])


def _names_a_file(words: tuple[str, ...]) -> bool:
    """Whether the program has a path, or the script that an interpreter is given."""
    if not words or "/" in words[0]:
        return bool(words)
    return _INTERPRETER.fullmatch(words[0]) is not None and any("/" in word for word in words[1:])


def _words(parts: list[bytes]) -> tuple[str, ...]:
    """What stands at the beginning: a list of texts, or one text for a shell."""
    found: list[str] = []
    for part in parts[:WORDS_MAX]:
        text = _TEXT.fullmatch(part)
        if text is None:
            break
        found.append((text[1] if text[1] is not None else text[2]).decode("utf-8", "replace"))
    if len(found) != 1:
        return tuple(found)
    try:
        return tuple(shlex.split(found[0])[:WORDS_MAX])
    except ValueError:  # a quote without an end
        return tuple(found[0].split()[:WORDS_MAX])
