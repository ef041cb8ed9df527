"""Whether a command of a shell script is reached only where the script got no token: in a branch of "if", or behind "||".

The token has to be asked for whatever else is so. A test of it counts where nothing else decides with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms.shell_settings import Branch, branches, is_set_by_setting

VARIABLES_MAX, ASKED_MAX, CONDITION_MAX = 20, 200, 400
_SET_BY_TOOL = re.compile(
    r"(?:^|[\s;({&|])([A-Za-z_]\w{0,60})=[\"']?(?:\$\(|`)[ \t\\\n]{0,9}[^\n;|&()`]{0,40}\Z", re.MULTILINE
)
_SET_BY_CALL = re.compile(
    r"(?:^|(?<=[\s;({&|]))([A-Za-z_]\w{0,60})=[\"']?(?:\$\([ \t]{0,9}|`)([A-Za-z_][\w-]{0,60})", re.MULTILINE
)
_GUARD = re.compile(r"(?:&&|\|\|)[ \t\\]{0,9}(?:\{[ \t]{0,9})?(?:(?:export|local|readonly)[ \t]{1,9})?\Z")
_OTHERWISE = re.compile(r"\|\|[ \t\\\n]{0,80}(?:[({][ \t\n]{0,80})?(?:[A-Za-z_]\w{0,60}=[\"']?(?:\$\(|`)?[ \t]{0,9})?")
_WORD = re.compile(r"(?<![\w./$-])[A-Za-z_][\w-]{0,60}(?![\w/-])")
_SIGN = re.compile(r"(\|\||&&)")
_HAS = re.compile(
    r"(?:-n[ \t]{1,9}|![ \t]{1,9}-z[ \t]{1,9})?[\"']?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?[\"']?|"
    r"[\"']?x?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?x?[\"']?[ \t]{1,9}!=[ \t]{1,9}(?:\"\"|''|\"?x\"?)|"
    r"\$\{#([A-Za-z_]\w{0,60})\}[ \t]{1,9}(?:-gt[ \t]{1,9}\d{1,4}|-ne[ \t]{1,9}0)"
)
_LACKS = re.compile(
    r"(?:-z|![ \t]{1,9}-n)[ \t]{1,9}[\"']?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?[\"']?|"
    r"[\"']?x?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?x?[\"']?[ \t]{1,9}==?[ \t]{1,9}(?:\"\"|''|\"?x\"?)|"
    r"\$\{#([A-Za-z_]\w{0,60})\}[ \t]{1,9}(?:-lt[ \t]{1,9}\d{1,4}|-eq[ \t]{1,9}0)"
)
_CAME = re.compile(r"\"?\$\?\"?[ \t]{1,9}(?:-eq|==?)[ \t]{1,9}0")
_FAILED = re.compile(r"\"?\$\?\"?[ \t]{1,9}(?:-ne|-gt|!=)[ \t]{1,9}0")
_NAMED = re.compile(r"\$\{?#?([A-Za-z_]\w{0,60}|\?)")
_BETWEEN = re.compile(r"[)`\"'; \t\n]{0,80}")


@dataclass(frozen=True)
class _Token:
    """A variable that holds the token, and each place where it is set, with the end of what asks for it there."""

    name: str
    places: tuple[tuple[int, int], ...]


class Fallbacks:
    """Those of one script. `fetching` are its requests for a token, `carrying` those with one, by begin and end. `functions` are
    its functions by name, with the place of each. is_lost: whether nothing that sets a variable reaches a place: then the script
    never has its token there.
    """

    def __init__(
        self,
        text: str,
        fetching: Sequence[tuple[int, int]],
        carrying: Sequence[tuple[int, int]],
        set_to: Mapping[str, str],
        functions: Mapping[str, int],
        *,
        is_lost: Callable[[str, int], bool],
    ) -> None:
        self._is_lost = is_lost
        self._text, self._set, self._carrying = text, set_to, carrying
        self._bodies = {name: (at, _end(text, "\n}", at)) for name, at in functions.items()}
        self._words = Counter(match[0] for match in _WORD.finditer(text)) if functions else Counter()
        self._branches = list(branches(text))
        self._tokens = self._found(fetching[:ASKED_MAX])

    def has(self, at: int) -> bool:
        """Whether the command at this place is one."""
        within = [each for each in self._branches if each.begin <= at < each.end]
        for token in self._tokens if within else ():
            if self._is_asked_for(token, at) and any(self._is_without(token, each) for each in within):
                return not self._is_lost(token.name, at) and not is_set_by_setting(
                    self._text, token.name, self._set, at
                )
        for _, end in self._carrying:
            otherwise = _OTHERWISE.match(self._text, end) if end <= at else None
            if otherwise is not None and otherwise.end() >= at:
                return True
        return False

    def _found(self, fetching: Sequence[tuple[int, int]]) -> list[_Token]:
        found: dict[str, list[tuple[int, int]]] = {}
        for begin, end in fetching:
            if match := _SET_BY_TOOL.search(self._text, max(0, begin - ASKED_MAX), begin):
                found.setdefault(match[1], []).append((match.start(1), end))
        asks = {name for name, (at, end) in self._bodies.items() if any(at <= begin < end for begin, _ in fetching)}
        for match in _SET_BY_CALL.finditer(self._text) if asks else ():
            if match[2] in asks:
                found.setdefault(match[1], []).append((match.start(1), _end(self._text, "\n", match.end())))
        return [_Token(name, tuple(places)) for name, places in found.items()][:VARIABLES_MAX]

    def _is_asked_for(self, token: _Token, at: int) -> bool:
        """Whether one of the requests is made on each way to a place."""
        return any(end <= at and self._is_on_the_way(begin, at) for begin, end in token.places)

    def _is_on_the_way(self, begin: int, at: int) -> bool:
        text = self._text
        line = text.rfind("\n", 0, begin) + 1
        if _GUARD.search(text, line, begin) or any(
            each.begin <= begin < each.end and not each.begin <= at < each.end for each in self._branches
        ):
            return False
        if text.rfind("case ", 0, begin) > text.rfind("esac", 0, begin) and "esac" in text[begin:at]:
            return False
        bodies = [name for name, (first, end) in self._bodies.items() if first <= begin < end and not first <= at < end]
        return all(self._words[name] > 1 for name in bodies)

    def _is_without(self, token: _Token, own: Branch) -> bool:
        """Whether a branch is the one without a token: by its condition, or by one before it in the same "if"."""
        if _says(own.condition, token.name, _LACKS, "&&") or self._by_status(token, own, _FAILED):
            return True
        before = [each for each in self._branches if each.of == own.of and each.begin < own.begin]
        return any(
            _says(each.condition, token.name, _HAS, "||") or self._by_status(token, each, _CAME) for each in before
        )

    def _by_status(self, token: _Token, branch: Branch, form: re.Pattern[str]) -> bool:
        """Whether a condition is about what the request right before it came to."""
        if form.fullmatch(_bare(branch.condition)) is None:
            return False
        first = max((end for _, end in token.places if end <= branch.of), default=-1)
        between = _BETWEEN.match(self._text, first, branch.of) if first >= 0 else None
        return between is not None and between.end() >= branch.of


def _end(text: str, sign: str, at: int) -> int:
    found = text.find(sign, at)
    return found if found >= 0 else len(text)


def _says(condition: str, name: str, form: re.Pattern[str], sign: str) -> bool:
    """Whether a condition says so of a variable. Parts of it that are about something else may stand behind `sign` alone."""
    if not condition or len(condition) > CONDITION_MAX:
        return False
    request = condition.removeprefix("!").lstrip()
    if request.startswith(f"{name}=") and condition.startswith("!") == (form is _LACKS):
        return True
    first, *others = _SIGN.split(condition)
    signs, pieces = set(others[::2]), [first, *others[1::2]]
    if signs - {sign} and {each for each in _NAMED.findall(condition) if each != name}:
        return False
    matches = [form.fullmatch(_bare(piece)) for piece in pieces]
    return any(match is not None and name in match.groups() for match in matches)


def _bare(condition: str) -> str:
    """What is tested, without brackets."""
    bare = condition.strip()
    for before in ("[[", "[", "test "):
        bare = bare.removeprefix(before)
    return bare.strip().rstrip("]").strip()
