"""Whether a command passes over some of its starts: it does something only on some days, by chance, or once a file is there.

A test of what stays as it is on a host, such as whether a program is installed, does not count. Nor does waiting for some time.
"""

from __future__ import annotations

import re

TEXT_MAX, SEGMENTS_MAX = 64 * 1024, 2000
_SEPARATOR_OF_TESTS = re.compile(r"&&|\|\||;;|[;\n|]|\b(?:then|do|in)\b")
# Behind the words of the language, and as the text that a shell is given.
_TEST = re.compile(
    r"\s{0,80}(?:(?:if|elif|while|until|then|else|do|!|\{|\(|[A-Za-z_]\w{0,60}\s{0,3}\(\)|"
    r"(?:\S{0,60}/)?(?:ba|da|k|z)?sh\s{1,9}-\w{0,4}c)\s{0,9}[\"']?){0,4}[!({ ]{0,4}"
    r"(?:/(?:usr/)?bin/)?(\[\[?|test|\(\(|case|expr|(?:e|f|z)?grep|pgrep|pidof|mountpoint|ping|nc|cmp|diff|systemctl\s{1,9}is-\w{1,12})(?=[\s($])"
)
_LOOKS = frozenset(("[", "[[", "test", "((", "case", "expr"))
_CALENDAR = re.compile(r"\bdate\b[^|;&\n]{0,80}\+[\"'\\]{0,2}\\?%-?[adejmuwAbBHUVW](?![%\w:/-])|\bRANDOM\b|\bshuf\b")
# A day or a week in other words, which scripts also name files by: it decides only where it is compared.
_DAY = re.compile(
    r"\bdate\b[^|;&\n)]{0,80}(?:\+[\"'\\]{0,2}[^\s)\"'`]{0,20}%-?[FDdejmuwAbBHUVWx]|\s-I|\s--iso)|%\([^)\n]{0,20}\)T|"
    r"(?:\+%s|\bEPOCHSECONDS\b)[^\n%]{0,40}%\s{0,3}\d"
)
_COMPARES = re.compile(r"\s(?:[=!]=?|=~|-(?:eq|ne|lt|le|gt|ge))\s")
_AGE_OF_FILE = re.compile(r"\bfind\b[^|;&\n)]{0,200}\s-(?:[acm](?:time|min)|newer\w{0,2})\s")
_VARIES = re.compile(
    r"\$\((?!\(?\s{0,5}(?:id|hostname|uname|whoami|command|which|arch|nproc)\b)|`|\bRANDOM\b|\bEPOCH|\s-[no]t\s"
)
_OF_FILE = re.compile(r"\s-[bcdefghkLOprsSuw]\s{1,9}[\"']?([^\s\"'\]]{1,300})")
_STAYS = re.compile(r"/(?:bin|sbin|usr|etc|opt|lib|lib64|boot|home|root)/|/run/systemd/system/?\Z|\$\{?[A-Za-z_0-9]")
_GIVEN_BY = re.compile(r"(?:^|[\s;&|(])([A-Za-z_]\w{0,60})=[\"']?(?:\$\(|`)([^)`\n]{0,200})")
_PRINTED_INTO = re.compile(r"\bprintf\s{1,9}-v\s{1,9}([A-Za-z_]\w{0,60})\s{1,9}([^\n]{0,80})")
_USED_IN_TEST = re.compile(r"\$?\{?\b([A-Za-z_]\w{0,60})")
_GUARDS = ("&&", "||", "then", "do", "in")


def passes_over(command: str) -> bool:
    """Of a schedule's own command: whether some starts come to nothing."""
    named = _calendar_variables(command)
    return any(_is_varying(kind, test, named) for kind, test in _tests(command))


def of_calendar(script: str) -> bool:
    """Of a script, which may test many a thing: whether it does something only on some days or at some hours, by chance, or once a
    file is so old.
    """
    if not any(form.search(script, 0, TEXT_MAX) for form in (_CALENDAR, _DAY, _AGE_OF_FILE)):
        return False
    named, days = _calendar_variables(script), _variables_given(script, _DAY)
    for kind, test in _tests(script):
        if kind not in _LOOKS:
            continue
        used = _USED_IN_TEST.findall(test)
        if _CALENDAR.search(test) or _AGE_OF_FILE.search(test) or not named.isdisjoint(used):
            return True
        compares = kind in ("case", "((", "expr") or _COMPARES.search(test) is not None
        if compares and (_DAY.search(test) or not days.isdisjoint(used)):
            return True
    return False


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
    """Whether the word behind a semicolon or a line's end is one by which a condition goes on, or ends the function that it is."""
    return text[at : at + 40].split(None, 1)[:1] in (["then"], ["do"], ["}"])


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
    return _variables_given(text, _CALENDAR)


def _variables_given(text: str, form: re.Pattern[str]) -> frozenset[str]:
    """The variables that get what a command of this form prints."""
    given = (match.groups() for by in (_GIVEN_BY, _PRINTED_INTO) for match in by.finditer(text, 0, TEXT_MAX))
    return frozenset(name for name, command in given if form.search(command))
