"""Directories that Perl code adds to @INC, by its text: where modules are looked for besides Perl's own places.

Such code puts a directory together of texts, of variables and of the place of its own file, by dirname, FindBin and File::Spec.
What is put together of these is followed; what only running tells is not.
Source: perldoc lib, perlvar (@INC), FindBin, File::Basename, File::Spec, Cwd.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

HERE = "{here}"  # the directory of the file itself
VARIABLE = "{variable}"  # before the name of a variable of the environment, and what stands behind its value
ELSEWHERE = "{elsewhere}"  # a directory that only running tells
DEPTH_MAX, EXPRESSION_MAX, ADDED_MAX, GIVEN_MAX = 4, 1000, 50, 1000
_OF_FILE, _MAYBE = "{file}", "?"
_ADDED = re.compile(
    rb"(?:^|[;{}])[ \t]{0,20}use[ \t]{1,20}lib\b|\b(?:push|unshift)[ \t]{0,20}\(?[ \t]{0,20}@INC[ \t]{0,20},|"
    rb"@INC[ \t]{0,20}=(?![=~])",
    re.MULTILINE,
)
_GIVEN = re.compile(
    rb"(?:^|[;{}(])[ \t]{0,20}(?:(?:my|our|local)[ \t]{1,20})?\(?[ \t]{0,20}\$(\w{1,60})[ \t]{0,20}\)?[ \t]{0,20}=(?![=~])",
    re.MULTILINE,
)
_SIGN = re.compile(
    rb"\"([^\"\n]{0,400})\"|'([^'\n]{0,400})'|"
    rb"\bqw[ \t]{0,5}(\([^)]{0,500}\)|/[^/]{0,500}/|\[[^\]]{0,500}\])|\$ENV\{[\"']?(\w{1,60})[\"']?\}|"
    rb"(\$(?:FindBin::)?(?:Real)?Bin\b)|(\$0\b|__FILE__)|\$(\w{1,60})|(=~)|(\|\||//)|([A-Za-z_]\w{0,60})|"
    rb"([(\[{])|([)\]}])|([,;@$%-])"
)
_WITHIN = re.compile(r"\$\{?ENV\{(\w{1,60})\}|\$\{?((?:FindBin::)?(?:Real)?Bin)\b\}?|\$\{?(0)\b\}?|\$\{?(\w{1,60})\}?")
_CHANGES_NOTHING = frozenset(
    """
    dirname File Basename abs_path realpath rel2abs Cwd catdir catfile canonpath Spec Functions join path untaint my our local
    new stringify absolute Path Tiny
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
_CUT_OFF = frozenset(("substr", "rindex", "length"))  # of the path of the file, what is its directory
_OF_WORDS = {
    **dict.fromkeys((*_CHANGES_NOTHING, *_CUT_OFF), ""),
    **dict.fromkeys(("cwd", "getcwd", "curdir"), "."),
    "updir": "..",
}
_CONDITIONS = frozenset(("if", "unless", "and", "for", "foreach", "while"))


def added_by(text: bytes) -> list[str]:
    """The directories that a text adds, which has no comments any more. One that only running tells is ELSEWHERE."""
    if b"@INC" not in text and b"lib" not in text:
        return []
    code = _code(text)
    found: dict[str, None] = {}
    for match in _ADDED.finditer(text):
        for part in _parts(text[match.end() : match.end() + EXPRESSION_MAX]):
            found.update(dict.fromkeys(code.places(part)))
        if len(found) > ADDED_MAX:
            break
    return list(found)


def files_in(text: bytes, named: Iterable[str]) -> Iterator[str]:
    """Files that are named by texts with variables in them: "$dir/common.pl". Those that only running tells are left out."""
    names = list(named)
    code = _code(text) if names else None
    for name in names:
        path = code.within(name, 0) if code is not None else None
        if path is not None and path.startswith((HERE, "/")) and path.count("{") <= 1:
            yield path


def _code(text: bytes) -> _Code:
    given: dict[bytes, int] = {}
    for match in _GIVEN.finditer(text):
        if len(given) < GIVEN_MAX:
            given[match[1]] = match.end()
    return _Code(text, given)


def _parts(text: bytes) -> Iterator[list[re.Match[bytes]]]:
    """The signs of each element of the list that the text begins with."""
    part: list[re.Match[bytes]] = []
    depth = 0
    for sign in _SIGN.finditer(text):
        if sign[0] == b";" or (sign[12] and depth == 0) or (sign[10] and sign[0].decode() in _CONDITIONS):
            break
        depth += bool(sign[11]) - bool(sign[12])
        # Brackets around the whole list: only those of functions keep their commas.
        if sign[0] == b"," and not any(each[10] for each in part[:-1] if depth):
            yield part
            part = []
            continue
        part.append(sign)
    yield part


class _Code:
    """The text of one file, with where its variables are given a value."""

    def __init__(self, text: bytes, given: dict[bytes, int]) -> None:
        self._text, self._given = text, given

    def places(self, part: list[re.Match[bytes]], depth: int = 0) -> list[str]:
        """What one expression comes to: one for each that "||" or "//" leaves open, more of a list of words."""
        if not any(sign[0] not in b"()[]{};,@" for sign in part):
            return []
        if words := [word for sign in part if sign[3] is not None for word in sign[3][1:-1].split()]:
            return [word.decode("utf-8", "replace") for word in words]
        if part[0][0] == b"@" and [sign[0] for sign in part[1:2]] == [b"INC"]:
            return []
        ways: list[list[re.Match[bytes]]] = [[]]
        for sign in part:
            if sign[9]:
                ways.append([])
            else:
                ways[-1].append(sign)
        found = [self._place(way, depth) for way in ways]
        if len(found) == 1:
            return [found[0] or ELSEWHERE]
        # What stands last is there where the others are not.
        kept = [
            each.replace("|", f"{_MAYBE}|", 1) if each.startswith(VARIABLE) and found[-1] else each
            for each in found
            if each
        ]
        return kept if found[-1] else [*kept, ELSEWHERE]

    def _place(self, part: list[re.Match[bytes]], depth: int) -> str | None:
        """A directory, or None where only running tells it."""
        place, is_cut = "", False
        for sign in part:
            if sign[8]:  # of a path that is taken apart by a pattern, its directory
                is_cut = True
                break
            is_cut = is_cut or sign[0].decode("utf-8", "replace") in _CUT_OFF
            value = self._of_sign(sign, depth)
            if value is None:
                return None
            if not (is_cut and place):
                place = _behind(place, value)
        return _above(place, sum(sign[0] == b"dirname" for sign in part), is_cut=is_cut)

    def _of_sign(self, sign: re.Match[bytes], depth: int) -> str | None:
        """What one sign adds to a path, nothing where it is part of how that is written; None where only running tells it."""
        double, single, _, of_environment, here, own_file, name = sign.groups()[:7]
        if double is not None or name:
            return self.within(double.decode("utf-8", "replace"), depth) if not name else self._value(name, depth)
        if single is not None:
            return str(single.decode("utf-8", "replace"))
        if of_environment:
            return f"{VARIABLE}{of_environment.decode()}|"
        if here or own_file:
            return HERE if here else _OF_FILE
        if sign[10]:
            return _OF_WORDS.get(sign[10].decode())
        return None if sign[0] in (b"@", b"%") else ""

    def _value(self, name: bytes, depth: int) -> str | None:
        """What a variable has, where that is one directory."""
        at = self._given.get(name)
        if at is None or depth >= DEPTH_MAX:
            return None
        part = next(_parts(self._text[at : at + EXPRESSION_MAX]), [])
        found = self.places(part, depth + 1)
        return found[0] if len(found) == 1 and found[0] != ELSEWHERE else None

    def within(self, text: str, depth: int) -> str | None:
        """A text in double quotes, with its variables."""
        done, at = "", 0
        for match in _WITHIN.finditer(text):
            if match[1]:
                value: str | None = f"{VARIABLE}{match[1]}|"
            elif match[2]:
                value = HERE
            else:
                value = None if match[3] else self._value(match[4].encode(), depth)
            if value is None:
                return None
            done, at = f"{done}{text[at : match.start()]}{value}", match.end()
        return done + text[at:]


def _behind(place: str, more: str) -> str:
    """A text behind what is there already, whether by "." or as the next argument of catdir."""
    return f"{place}/{more}" if place and more and not more.startswith("/") else place + more


def _above(place: str, ups: int, *, is_cut: bool) -> str | None:
    """So many directories above a place; the file itself is in one."""
    if not place or place.count("{") > 1 or (VARIABLE in place and not place.startswith(VARIABLE)):
        return None
    if place.startswith(_OF_FILE):
        ups = ups or is_cut
        rest = "" if is_cut else place.removeprefix(_OF_FILE)
        return f"{HERE}{'/..' * (ups - 1)}{rest}" if ups else None
    if place.startswith(VARIABLE):
        return None if ups else place
    if place.startswith(HERE):
        return f"{HERE}{'/..' * ups}{place.removeprefix(HERE)}"
    for _ in range(ups):
        place = posixpath.dirname(place)
    return place or None
