"""Whether a command passes over some of its starts: it does something only on some days, by chance, or once a file is there.

A test of what stays as it is on a host, such as whether a program is installed, does not count. Nor does waiting for some time.
"""

from __future__ import annotations

import re

TEXT_MAX, SEGMENTS_MAX = 64 * 1024, 2000
_SEPARATOR_OF_TESTS = re.compile(r"&&|\|\||;;|[;\n|]|\b(?:then|do|in)\b")
# Behind the words of the language, and as the text that a shell is given.
_TEST = re.compile(
    r"\s{0,80}(?:(?:if|elif|while|until|then|else|do|!|\{|\(|"
    r"(?:\S{0,60}/)?(?:ba|da|k|z)?sh\s{1,9}-\w{0,4}c)\s{0,9}[\"']?){0,4}[!({ ]{0,4}"
    r"(?:/(?:usr/)?bin/)?(\[\[?|test|\(\(|case|expr|(?:e|f|z)?grep|pgrep|pidof|mountpoint|ping|nc|cmp|diff|systemctl\s{1,9}is-\w{1,12})(?=[\s($])"
)
_LOOKS = frozenset(("[", "[[", "test", "((", "case", "expr"))
_CALENDAR = re.compile(r"\bdate\b[^|;&\n]{0,80}\+[\"'\\]{0,2}\\?%-?[adejmuwAbBHUVW](?![%\w:/-])|\bRANDOM\b|\bshuf\b")
_VARIES = re.compile(
    r"\$\((?!\(?\s{0,5}(?:id|hostname|uname|whoami|command|which|arch|nproc)\b)|`|\bRANDOM\b|\bEPOCH|\s-[no]t\s"
)
_OF_FILE = re.compile(r"\s-[bcdefghkLOprsSuw]\s{1,9}[\"']?([^\s\"'\]]{1,300})")
_STAYS = re.compile(r"/(?:bin|sbin|usr|etc|opt|lib|lib64|boot|home|root)/|/run/systemd/system/?\Z|\$\{?[A-Za-z_0-9]")
_GIVEN_BY = re.compile(r"(?:^|[\s;&|(])([A-Za-z_]\w{0,60})=[\"']?(?:\$\(|`)([^)`\n]{0,200})")
_USED_IN_TEST = re.compile(r"\$?\{?\b([A-Za-z_]\w{0,60})")
_GUARDS = ("&&", "||", "then", "do", "in")


def passes_over(command: str) -> bool:
    """Of a schedule's own command: whether some starts come to nothing."""
    named = _calendar_variables(command)
    return any(_is_varying(kind, test, named) for kind, test in _tests(command))


def of_calendar(script: str) -> bool:
    """Of a script, which may test many a thing: whether it does something only on some days or at some hours, or by chance."""
    if not _CALENDAR.search(script, 0, TEXT_MAX):
        return False
    named = _calendar_variables(script)
    return any(
        kind in _LOOKS and (_CALENDAR.search(test) or not named.isdisjoint(_USED_IN_TEST.findall(test)))
        for kind, test in _tests(script)
    )


def _tests(text: str) -> list[tuple[str, str]]:
    """The tests on which something depends, each with its first word."""
    found = []
    at = 0
    text = text[:TEXT_MAX]
    for number, sign in enumerate(_SEPARATOR_OF_TESTS.finditer(text)):
        if number >= SEGMENTS_MAX:
            break
        segment = text[at : sign.start()]
        begun = _TEST.match(segment)
        if begun is not None and (sign[0] in _GUARDS or begun[1] == "((" or _closes(text, sign.end())):
            found.append((begun[1].split()[0], segment[begun.end() :]))
        at = sign.end()
    return found


def _closes(text: str, at: int) -> bool:
    """Whether the word behind a semicolon or a line's end is one by which a condition goes on."""
    return text[at : at + 40].split(None, 1)[:1] in (["then"], ["do"])


def _is_varying(kind: str, test: str, named: frozenset[str]) -> bool:
    if kind not in _LOOKS:
        return True
    files = _OF_FILE.findall(f" {test}")
    return (
        _VARIES.search(f" {test} ") is not None
        or any(_STAYS.match(path) is None for path in files)
        or not named.isdisjoint(_USED_IN_TEST.findall(test))
    )


def _calendar_variables(text: str) -> frozenset[str]:
    given = (match.groups() for match in _GIVEN_BY.finditer(text, 0, TEXT_MAX))
    return frozenset(name for name, command in given if _CALENDAR.search(command))
