"""Whether a variable of a shell script is empty where a request takes it: what sets it runs in another shell.

curl sends no header that has no value. A request that hands over a token of such a variable is one without a token.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from imds_probe.inventory.code.forms.shell_scopes import TEXT_MAX, Scope, has_last_here, scopes_of, within

LOST = "x-aws-ec2-metadata-token with an empty variable"  # a word to show
SITES_MAX, PATHS_MAX, CALLS_MAX, DEPTH = 50, 60, 30, 6
BEFORE_MAX = 300  # characters of a command
# What a variable's name stands behind where a command sets it: up to the name, in the same command.
_SETTERS = (
    r"(?:\b(?:read|mapfile|readarray|getopts|setenv|set|for|foreach|select|let|vared|ENV|ARG)"
    r"|\bprintf[ \t]{1,9}-v|\b(?:declare|typeset|local)[ \t]{1,9}-\w{0,5}n)\b[^\n;|&]{0,200}?[ \t\"']"
)
# These give another program's shell none of their variables, but for options that say so.
_KEEPS_NONE = re.compile(
    r"\b(?:sudo|doas)\b(?![^\n;|&]{0,100}?[ \t](?:-\w{0,5}E|--preserve-env))|\b(?:docker|podman|nerdctl|kubectl|crictl|lxc)\b"
    r"|\b(?:su|runuser)[ \t][^\n;|&]{0,60}?(?:[ \t]-[ \t]|-\w{0,5}l|[ \t]--login)"
    r"|\benv[ \t]{1,9}-(?:i\b|[ \t]|-ignore)"
)
_ALL_KEPT = re.compile(r"\bset[ \t]{1,9}-(?:\w{0,5}a\b|o[ \t]{1,9}allexport)")
_COMMAND_START = re.compile(r";|(?<!\\)\n|&&|\|\|?")
# What is said or written may come back: from a file that is sourced, or that a unit or a container has its environment from.
_SAYS = re.compile(r"\b(?:echo|printf|sed|set-environment)\b")
_TAKES_BACK = re.compile(
    r"(?:^|[;&|\s])(?:\.|source)[ \t]{1,9}[\w/$\"'<{~.-]|\bEnvironmentFile=|--env-file\b|\bset-environment\b|\beval\b|_ENV\b",
    re.MULTILINE,
)
# Functions that set the variable whose name they are given.
_SETS_NAMED = re.compile(
    r"\beval\b|\b(?:read|mapfile|readarray|printf|declare|typeset|local)[ \t]{1,9}(?:-\w{0,5}n\b|[^\n;|&]{0,80}?\$)"
)


class Lost:
    """Asks of the variables of one script. `text` is it without comments and what is only printed, `whole` with them."""

    def __init__(self, text: str, whole: str) -> None:
        self._text, self._whole = text, whole
        self._known: dict[tuple[str, int], bool] = {}

    def is_lost(self, name: str, at: int) -> bool:
        """Whether nothing that this script sets a variable by can reach the command at a place, and the script ought to set it."""
        if len(self._text) > TEXT_MAX:
            return False
        key = name, at
        if key not in self._known:
            self._known[key] = self._is_lost(name, at)
        return self._known[key]

    def _is_lost(self, name: str, at: int) -> bool:
        paths = _Paths(self._text, name, last_here=has_last_here(self._whole))
        uses = paths.of(at)
        if not uses or paths.is_called_elsewhere(at) or self._is_given_by_name(name, paths):
            return False  # another script may have set it, or a function
        sites = [match.end() for match in itertools.islice(_set_by(name).finditer(self._text), SITES_MAX)]
        if not sites and not self._is_asked_for(name):
            return False
        escaped = self._text[at - 1 : at] == "\\"
        if _TAKES_BACK.search(self._text) and any(self._is_said(site, paths) for site in sites):
            return False
        return not any(
            self._reaches(site, use, name, escaped=escaped)
            for each in sites
            for site in paths.of(each) or [()]
            for use in uses
        )

    def _is_asked_for(self, name: str) -> bool:
        """Whether a variable that nothing sets has to be: the script asks for a token, or has a comment that sets it."""
        if "api/token" in self._text:
            return True
        return re.search(rf"#[^\n]{{0,200}}\b{name}=[^\n]{{0,400}}api/token", self._whole) is not None

    def _is_given_by_name(self, name: str, paths: _Paths) -> bool:
        """Whether a function of the script is given the variable's name, and there is one that sets such a variable."""
        if not _SETS_NAMED.search(self._text):
            return False
        words = re.compile(rf"(?<![\w$.{{-])[\"']?{name}(?![\w=.-])").finditer(self._text)
        begun = (self._command_before(word.start(), BEFORE_MAX).split() for word in itertools.islice(words, SITES_MAX))
        return any(before and before[0] in paths.functions for before in begun)

    def _is_said(self, site: int, paths: _Paths) -> bool:
        """Whether a command does not set the variable, but says what does, or writes it."""
        written = any(
            scope.handed and self._text[scope.begin - 1 : scope.begin] == "\n" for scope in paths.around(site)
        )
        return written or _SAYS.search(self._command_before(site, BEFORE_MAX)) is not None

    def _command_before(self, at: int, most: int) -> str:
        """The command that a place is in, up to there."""
        since = max(0, at - most)
        return self._text[
            max((match.end() for match in _COMMAND_START.finditer(self._text, since, at)), default=since) : at
        ]

    def _reaches(self, site: tuple[Scope, ...], use: tuple[Scope, ...], name: str, *, escaped: bool) -> bool:
        if site != use[: len(site)]:
            return False
        # What this shell puts into another one's text is its own.
        handed = [scope for scope in use[len(site) :] if scope.handed and (scope.plain or escaped)]
        return all(self._is_handed_on(name, scope) for scope in handed)

    def _is_handed_on(self, name: str, scope: Scope) -> bool:
        """Whether another program's shell has a variable of this one."""
        before = self._command_before(scope.begin, 600)
        if re.search(
            rf"(?<![\w$])(?:{name}=|(?:-e|--env)[ \t=]{{0,3}}{name}\b|--preserve-env=[\w,]{{0,200}}\b{name}\b)", before
        ):
            return True
        if _KEEPS_NONE.search(before):
            return False
        return _ALL_KEPT.search(self._text) is not None or _exported(name).search(self._text) is not None


def _set_by(name: str) -> re.Pattern[str]:
    """What sets a variable; what matches ends where the name begins."""
    return re.compile(
        rf"(?<![\w$.-])(?={name}[ \t]{{0,5}}[:?+]?=(?!=))|(?<![\w$.{{-])(?={name}[\"']?[ \t]{{0,5}}:[ \t])"
        rf"|\$\{{(?={name}:?=)|{_SETTERS}(?={name}\b)",
    )


def _exported(name: str) -> re.Pattern[str]:
    return re.compile(
        r"\b(?:export|(?:declare|typeset|readonly|local)[ \t]{1,9}-\w{0,5}x\w{0,5})\b"
        rf"[^\n;|&]{{0,200}}?[ \t]{name}\b|\bsetenv[ \t]{{1,9}}{name}\b"
    )


class _Paths:
    """By which shells within others a place of a script is come to, through calls of its functions."""

    def __init__(self, text: str, name: str, *, last_here: bool) -> None:
        self._text = text
        self._scopes = scopes_of(text, last_here=last_here)
        self._known: dict[Scope, list[int]] = {}
        self._local = re.compile(
            rf"\b(?:local|declare|typeset)\b(?![ \t]{{1,9}}-\w{{0,5}}g)[^\n;|&]{{0,200}}?[ \t]{name}\b"
        )

    def of(self, at: int) -> list[tuple[Scope, ...]]:
        return list(itertools.islice(self._of(at, DEPTH), PATHS_MAX))

    def around(self, at: int) -> list[Scope]:
        return list(within(self._scopes, at))

    @property
    def functions(self) -> set[str]:
        return {scope.function for scope in self._scopes if scope.function}

    def is_called_elsewhere(self, at: int) -> bool:
        """Whether a place is in a function that nothing here calls, or only such functions do."""
        left, done = [at], set[Scope]()
        while left and len(done) < PATHS_MAX:
            for scope in within(self._scopes, left.pop()):
                if scope.function and scope not in done:
                    done.add(scope)
                    calls = self._calls(scope)
                    if not calls:
                        return True
                    left += calls
        return False

    def _of(self, at: int, depth: int) -> Iterator[tuple[Scope, ...]]:
        around = list(within(self._scopes, at))
        body = next((index for index in reversed(range(len(around))) if around[index].function), None)
        if body is None:
            yield tuple(around)
            return
        function = around[body]
        own = tuple(around[body + 1 :])
        if self._local.search(self._text, function.begin, function.end):
            own = (function, *own)
        calls = self._calls(function) if depth else []
        for call in calls:
            yield from ((*path, *own) for path in self._of(call, depth - 1))
        if not calls:
            yield own

    def _calls(self, function: Scope) -> list[int]:
        """Where a function is named in this script but for its own body: called, or handed to what calls it."""
        if function not in self._known:
            called = re.compile(rf"(?<![\w$./-]){re.escape(function.function)}(?![\w.=/-]|[ \t]{{0,10}}\()")
            places = (match.start() for match in itertools.islice(called.finditer(self._text), CALLS_MAX))
            self._known[function] = [
                at
                for at in places
                if not function.begin <= at < function.end
                and not self._text[max(0, at - 12) : at].rstrip().endswith("function")
            ]
        return self._known[function]
