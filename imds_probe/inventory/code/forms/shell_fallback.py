"""Whether a command of a shell script is reached only where the script got no token: in a branch of "if", or behind "||".

The token has to be asked for whatever else is so. A test of it counts where nothing else decides with it.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms.shell_settings import Branch, branches, is_set_by_setting
from imds_probe.inventory.code.forms.shell_ways import Span, Ways

VARIABLES_MAX, ASKED_MAX, CONDITION_MAX, SETS_MAX = 20, 200, 400, 2000
_SET_BY_TOOL = re.compile(
    r"(?:^|[\s;({&|])([A-Za-z_]\w{0,60})=[\"']?(?:\$\(|`)[ \t\\\n]{0,9}[^\n;|&()`]{0,40}\Z", re.MULTILINE
)
_SET_BY_CALL = re.compile(
    r"(?:^|(?<=[\s;({&|]))([A-Za-z_]\w{0,60})=[\"']?(?:\$\([ \t]{0,9}|`)([A-Za-z_][\w-]{0,60})", re.MULTILINE
)
_OTHERWISE = re.compile(r"\|\|[ \t\\\n]{0,80}(?:[({][ \t\n]{0,80})?(?:[A-Za-z_]\w{0,60}=[\"']?(?:\$\(|`)?[ \t]{0,9})?")
_SIGN = re.compile(r"(\|\||&&)")
_HAS = re.compile(
    r"(?:-n[ \t]{1,9}|![ \t]{1,9}-z[ \t]{1,9})?[\"']?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?[\"']?|"
    r"[\"']?x?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?x?[\"']?[ \t]{1,9}!=[ \t]{1,9}(?:\"\"|''|\"?x\"?)|"
    r"\$\{#([A-Za-z_]\w{0,60})\}[ \t]{1,9}(?:-gt[ \t]{1,9}[0-4]?\d|-ne[ \t]{1,9}0)"
)
_LACKS = re.compile(
    r"(?:-z|![ \t]{1,9}-n)[ \t]{1,9}[\"']?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?[\"']?|"
    r"[\"']?x?\$\{?([A-Za-z_]\w{0,60})(?::-)?\}?x?[\"']?[ \t]{1,9}==?[ \t]{1,9}(?:\"\"|''|\"?x\"?)|"
    r"\$\{#([A-Za-z_]\w{0,60})\}[ \t]{1,9}(?:-lt[ \t]{1,9}[0-4]?\d|-eq[ \t]{1,9}0)"
)
_CAME = re.compile(r"\"?\$\?\"?[ \t]{1,9}(?:-eq|==?)[ \t]{1,9}0")
_FAILED = re.compile(r"\"?\$\?\"?[ \t]{1,9}(?:-ne|-gt|!=)[ \t]{1,9}0")
_NAMED = re.compile(r"\$\{?#?([A-Za-z_]\w{0,60}|\?)")
# Other commands that set a variable, or take its value away.
_SETS = re.compile(
    r"(?<![\w$.-])([A-Za-z_]\w{0,60})\+?=(?!=)|"
    r"(?<![\w$./-])(?:unset|read|local|declare|typeset|for|mapfile|readarray)[ \t]([^\n;&|()=]{0,200})(?![\w=])"
)
_INSTEAD = re.compile(r"[)`\"'; \t\n]{0,80}\|\|[ \t\\\n]{0,80}(?:\{[ \t\n]{0,80})?")
_URL = re.compile(r"(?:https?://|\$\{?\w)[^\s\"'`)|;&]{0,300}")
_BETWEEN = re.compile(r"[)`\"'; \t\n]{0,80}")


@dataclass(frozen=True)
class _Token:
    """A variable that holds the token, and each place where it is set, with the end of what asks for it there."""

    name: str
    places: tuple[Span, ...]


class Fallbacks:
    """Those of one script. `fetching` are its requests for a token, `carrying` those with one, by begin and end. `functions` are
    its functions by name, with the place of each. is_lost: whether nothing that sets a variable reaches a place: then the script
    never has its token there.
    """

    def __init__(
        self,
        text: str,
        fetching: Sequence[Span],
        carrying: Sequence[Span],
        set_to: Mapping[str, str],
        functions: Mapping[str, int],
        *,
        is_lost: Callable[[str, int], bool],
    ) -> None:
        self._is_lost = is_lost
        self._text, self._set, self._carrying = text, set_to, carrying
        self._fetching = fetching[:ASKED_MAX]
        self._branches = list(branches(text))
        self._ways = Ways(text, functions, self._branches)
        self._tokens = self._found()
        self._losses = {each.name: self._lost_at(each) for each in self._tokens}

    def has(self, command: Span) -> bool:
        """Whether the command at this place is one."""
        at = command[0]
        within = [each for each in self._branches if each.begin <= at < each.end]
        for token in self._tokens if within else ():
            if self._is_asked_for(token, at) and any(self._is_without(token, each) for each in within):
                return not self._is_lost(token.name, at) and not is_set_by_setting(
                    self._text, token.name, self._set, at
                )
        return any(self._is_asked_instead(each, command) for each in self._carrying)

    def _is_asked_instead(self, first: Span, command: Span) -> bool:
        """Whether it asks for the same as a request with a token, where that one failed."""
        (begin, end), (at, until) = first, command
        otherwise = _OTHERWISE.match(self._text, end) if end <= at else None
        if otherwise is None or otherwise.end() < at:
            return False
        asked, urls = _URL.findall(self._text, at, until), _URL.findall(self._text, begin, end)
        has_token = any(begin < each < end for each, _ in self._fetching)
        return set(asked) <= set(urls) and (has_token or any(self._is_asked_for(each, begin) for each in self._tokens))

    def _found(self) -> list[_Token]:
        found: dict[str, list[Span]] = {}
        for begin, end in self._fetching:
            if match := _SET_BY_TOOL.search(self._text, max(0, begin - ASKED_MAX), begin):
                found.setdefault(match[1], []).append((match.start(1), end))
        bodies = self._ways.bodies.items()
        asks = {name for name, (at, end) in bodies if any(at <= begin < end for begin, _ in self._fetching)}
        for match in _SET_BY_CALL.finditer(self._text) if asks else ():
            if match[2] in asks:
                end = self._text.find("\n", match.end())
                found.setdefault(match[1], []).append((match.start(1), end if end >= 0 else len(self._text)))
        return [_Token(name, tuple(places)) for name, places in found.items()][:VARIABLES_MAX]

    def _lost_at(self, token: _Token) -> list[int]:
        """Where the variable is set to something else, or emptied, once it has the token."""
        first, lost = min(begin for begin, _ in token.places), []
        for match in itertools.islice(_SETS.finditer(self._text, first), SETS_MAX):
            at = match.start(1) if match[1] else match.start()
            names = (match[1],) if match[1] else match[2].split()[:1] if "for" in match[0][:4] else match[2].split()
            if token.name in names and not self._is_no_loss(token, at):
                lost.append(at)
        return lost

    def _is_no_loss(self, token: _Token, at: int) -> bool:
        """Whether it is set there by the request itself, or where that came to nothing."""
        if any(begin == at for begin, _ in token.places):
            return True
        last = max((end for _, end in token.places if end <= at), default=-1)
        instead = _INSTEAD.match(self._text, last, at) if last >= 0 else None
        if instead is not None and instead.end() == at:
            return True
        return any(self._is_without(token, each) for each in self._branches if each.begin <= at < each.end)

    def _is_asked_for(self, token: _Token, at: int) -> bool:
        """Whether one of the requests is made on each way to a place."""
        if any(self._ways.may_come_after(lost, at) for lost in self._losses[token.name]):
            return False
        before = sorted(begin for begin, _ in token.places)
        before = before[bisect(before, at) :] + before[: bisect(before, at)]  # the nearest one last
        return any(self._ways.leads(begin, at) for begin in reversed(before))

    def _is_without(self, token: _Token, own: Branch) -> bool:
        """Whether a branch is the one without a token: by its condition, or by one before it in the same "if"."""
        if _says(own.condition, token.name, _LACKS, "&&") or self._by_status(token, own, _FAILED):
            return True
        if own.condition.startswith("!") and self._by_request(token, own, "&&"):
            return True
        before = [each for each in self._branches if each.of == own.of and each.begin < own.begin]
        return any(
            _says(each.condition, token.name, _HAS, "||")
            or self._by_status(token, each, _CAME)
            or (not each.condition.startswith("!") and self._by_request(token, each, "||"))
            for each in before
        )

    def _by_request(self, token: _Token, branch: Branch, sign: str) -> bool:
        """Whether a condition is the request itself. Something else may stand behind `sign` alone."""
        asked = branch.condition.removeprefix("!").lstrip()
        within = [end for begin, end in token.places if branch.of <= begin < branch.begin]
        if not asked.startswith(f"{token.name}=") or not within:
            return False
        return set(_SIGN.findall(self._text, max(within), branch.begin)) <= {sign}

    def _by_status(self, token: _Token, branch: Branch, form: re.Pattern[str]) -> bool:
        """Whether a condition is about what the request right before it came to."""
        if form.fullmatch(_bare(branch.condition)) is None:
            return False
        first = max((end for _, end in token.places if end <= branch.of), default=-1)
        between = _BETWEEN.match(self._text, first, branch.of) if first >= 0 else None
        return between is not None and between.end() >= branch.of


def _says(condition: str, name: str, form: re.Pattern[str], sign: str) -> bool:
    """Whether a condition says so of a variable. Parts of it that are about something else may stand behind `sign` alone."""
    if not condition or len(condition) > CONDITION_MAX:
        return False
    first, *others = _SIGN.split(condition)
    signs, pieces = set(others[::2]), [first, *others[1::2]]
    if signs - {sign} and any(set(_NAMED.findall(piece)) != {name} for piece in pieces):
        return False
    matches = [form.fullmatch(_bare(piece)) for piece in pieces]
    return any(match is not None and name in match.groups() for match in matches)


def _bare(condition: str) -> str:
    """What is tested, without brackets."""
    bare = condition.strip()
    for before in ("[[", "[", "test "):
        bare = bare.removeprefix(before)
    return bare.strip().rstrip("]").strip()
