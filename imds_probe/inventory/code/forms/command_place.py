"""Whether a word of a shell script is a command, or only stands in a text: a message for the log, a help text.

Some tools have names that are everyday words. Those count only where a command can stand: at the beginning of a line, behind an
operator, behind a word as sudo or timeout, and where a text begins that may be run.
"""

from __future__ import annotations

import functools
import re

from imds_probe.inventory.code.forms.shell_quotes import is_only_said

BEFORE_MAX = 400  # characters of the line before it that are looked at
_NO_EVERYDAY_WORD = re.compile(
    r"(?:[\w./-]{0,60}/)?(?:curl|curlie|wget2?|axel|check_(?:http|curl)|aria2c|lwp-\w{1,20}|(?:python|perl|ruby|php)[\d.]{0,6})|/.{0,200}",
    re.DOTALL,
)
_STANDS_APART = re.compile(r"[;|&(){}`!\"'\[,<>]|\$\(")
# Words that a command may stand behind, with whatever options they have.
_BEFORE_A_COMMAND = frozenset(
    """
    if then else elif do while until time exec eval command builtin sudo doas env nice ionice nohup timeout setsid stdbuf xargs
    flock chronic su runuser retry run watch strace proxychains torsocks docker podman kubectl ssh sh bash which type - RUN CMD
    unbuffer sshpass coproc systemd-cat chrt chroot gosu su-exec run-one
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
_ASSIGNMENT = re.compile(r"[\w.-]{1,60}(?:\[[^\]]{0,60}\])?\+?[=:].{0,300}", re.DOTALL)
_CRON = re.compile(
    r"(?:@\w{1,20}|(?:[\d*/,A-Za-z-]{1,60}[ \t]{1,20}){4}[\d*/,A-Za-z-]{1,60})(?:[ \t]{1,20}[\w-]{1,40})?"
)
_IN_VALUE = re.compile(r"(?:^|[\s;])[A-Za-z_]\w{0,60}=[\"']([^\"']{0,300})\Z")
_NAME_USED = re.compile(r"\$\{?([A-Za-z_]\w{0,60})")
_LABEL = re.compile(r"\w:[ \t]{0,20}\Z")
_LOGS = re.compile(r"(?:^|[;|&({]|\b(?:then|do|else))[ \t]{0,80}(?:/usr)?(?:/bin/)?logger[ \t]")


def is_command(text: str, match: re.Match[str]) -> bool:
    """Whether what is matched, the name of a tool, stands where a command stands."""
    begin = match.start()
    since = max(0, begin - BEFORE_MAX)
    before = text[max(text.rfind("\n", since, begin) + 1, since) : begin]
    value = _IN_VALUE.search(before)
    if value is not None and _LABEL.search(value[1]):
        return False  # "Try: curl"
    # The place costs least to look at, and an everyday word is mostly in none.
    placed = value is None and _NO_EVERYDAY_WORD.fullmatch(match[0]) is not None
    if not placed and not _can_begin(value[1] if value is not None else before):
        return False
    return not _is_logged(before) and not is_only_said(before, _rest(text, begin), is_used=_used(text).__contains__)


@functools.lru_cache(maxsize=1)
def _used(text: str) -> frozenset[str]:
    """The variables that a text uses: it is gone through once for all of its commands."""
    return frozenset(match[1] for match in _NAME_USED.finditer(text))


def _rest(text: str, at: int) -> str:
    """The rest of the line."""
    end = text.find("\n", at, at + BEFORE_MAX)
    return text[at : end if end >= 0 else at + BEFORE_MAX]


def _is_logged(before: str) -> bool:
    """Whether it stands in a message for the log, and not in a command that the message is made by."""
    logs = None
    for logs in _LOGS.finditer(before):  # noqa: B007 - the last one
        pass
    if logs is None:
        return False
    message = before[logs.end() :]
    if "$(" in message or "`" in message:
        return False
    quoted = message.count('"') % 2 or message.count("'") % 2
    return bool(quoted) or not set(message) & set(";|&")


def _can_begin(before: str) -> bool:
    parts = list(_STANDS_APART.finditer(before))
    words = before[parts[-1].end() if parts else 0 :].split()
    if not words or words[0].rpartition("/")[2] in _BEFORE_A_COMMAND:
        return True
    if all(_ASSIGNMENT.fullmatch(word) for word in words):
        return True
    return _CRON.fullmatch(" ".join(words)) is not None
