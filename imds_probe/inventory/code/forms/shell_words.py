"""The words of one command of a shell script, with where each stands: as much as telling a program's arguments apart needs."""

from __future__ import annotations

import re
from dataclasses import field

from imds_probe.dataclass import dataclass

WORDS_MAX, WORD_MAX = 60, 64 * 1024  # of one command; characters of one
_PIECE = re.compile(
    r"'(?P<single>[^']*+)'|\$'(?P<ansi>(?:[^'\\]|\\.)*+)'|\$?\"(?P<double>(?:[^\"\\]|\\.)*+)\"|\\(?P<escaped>.)"
    r"|(?P<plain>(?:[^\s;|&<>()`'\"\\$]|\$(?!['\"]))++)",
    re.DOTALL,
)
_BLANKS = re.compile(r"(?:[ \t]|\\\n){0,2000}")
_REDIRECTED = re.compile(r"\d{0,2}(?:<<<|<<-?|&>{1,2}|[<>]&|>{1,2}\|?|<>|<)(?!\()")
_ESCAPED_IN_QUOTES = re.compile(r"\\([$`\"\\\n])")
_ESCAPED_ANSI = re.compile(r"\\([nrt\\'\"])")
_PUTS_IN = re.compile(r"(?<!\0)[$`]")
KEPT = "\0"
_ESCAPED = {"$": f"{KEPT}$", "`": f"{KEPT}`"}
_ANSI = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Word:
    """One, as the program is given it, but for what the shell puts in: that is in `text` as written, unless it is `plain`. KEPT
    stands there before a sign that puts nothing in.
    """

    begin: int
    end: int
    text: str
    plain: bool = False


@dataclass
class Words:
    """Those of one command, which ends at `end`. `fed` is the word of a here-string, `documents` are where the signs of
    here-documents stand, and `input` says that a file is read.
    """

    words: list[Word] = field(default_factory=list)
    fed: Word | None = None
    documents: list[int] = field(default_factory=list)
    input: bool = False
    end: int = 0


def words_at(text: str, at: int) -> Words:
    """The words from a place on, up to what ends the command."""
    found = Words()
    while len(found.words) < WORDS_MAX:
        blank = _BLANKS.match(text, at)
        at = blank.end() if blank else at
        redirected = _REDIRECTED.match(text, at)
        if redirected is None:
            word = _word(text, at)
            if word is None:
                break
            found.words.append(word)
            at = word.end
            continue
        sign = redirected[0].lstrip("0123456789")
        if sign in ("<<", "<<-"):
            found.documents.append(redirected.end() - len(sign))
        blank = _BLANKS.match(text, redirected.end())
        target = _word(text, blank.end() if blank else redirected.end())
        if target is None:
            break
        found.fed = target if sign == "<<<" else found.fed
        found.input = found.input or sign == "<"
        at = target.end
    found.end = at
    return found


def _word(script: str, begin: int) -> Word | None:
    parts, at, plain = [], begin, True
    while at - begin < WORD_MAX and (piece := _PIECE.match(script, at)):
        kind = piece.lastgroup or ""
        value = piece[kind]
        if kind == "double":
            value = in_quotes(value)
        elif kind == "single":
            value = value.replace("$", f"{KEPT}$").replace("`", f"{KEPT}`")
        elif kind == "ansi":
            value = _ESCAPED_ANSI.sub(lambda match: _ANSI.get(match[1], match[1]), value)
        elif kind == "escaped" and value == "\n":
            value = ""
        plain = plain and (kind not in ("double", "plain") or _PUTS_IN.search(value) is None)
        parts.append(value)
        at = piece.end()
    text = "".join(parts)
    return Word(begin, at, text.replace(KEPT, "") if plain else text, plain) if parts else None


def in_quotes(text: str) -> str:
    """What stands between double quotes or in a here-document, as the shell takes it, but for what the shell puts in."""
    return _ESCAPED_IN_QUOTES.sub(lambda match: "" if match[1] == "\n" else _ESCAPED.get(match[1], match[1]), text)
