"""What a shell script only prints, keeps as a comment, or writes to a file that people read."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence

from imds_probe.inventory.code.forms.shell_quotes import is_document
from imds_probe.inventory.code.forms.shell_variables import is_variable_only_said, uses

SIGNS_MAX = 20  # in one line that may begin a comment
_PRINTS = re.compile(r"[ \t]{0,80}@?(?:echo|printf|(?:/usr)?(?:/bin/)?logger)[ \t]")
_SINGLE = re.compile(r"'[^'\n]*'")
_DOUBLE = re.compile(r'"[^"\n]*"')
REPLACED = re.compile(r"(?<!\\)(?:\\\\){0,20}(?:\$\(|`)")  # behind a backslash, neither sign is more than a sign
_TO_ERRORS = re.compile(r"1?>&2")
_HERE = re.compile(
    r"[ \t]{0,80}cat[ \t]{0,20}(?:1?>&2[ \t]{0,20})?<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\1[ \t]{0,20}(?:1?>&2)?[ \t]{0,20}"
)
_NO_HERE = re.compile(r"[ \t]{0,80}(?::|true)[ \t]{0,20}<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\1[ \t]{0,20}")
_TO_DOCUMENT = re.compile(
    r"[ \t]{0,80}(?:sudo[ \t]{1,10})?(?:cat|tee)[ \t][^\n]{0,300}?<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\1(?=[ \t>]|\Z)"
)
_PIPED_TO_FILE = re.compile(r"\|\||\|[ \t]{0,10}(?:sudo[ \t]{1,10})?(?=tee\b)")
_KEPT_HERE = re.compile(
    r"[^\n]{0,200}?(?:\bread\b[^\n<]{0,100}?[ \t]([A-Za-z_]\w{0,60})[ \t]{0,10}"
    r"|\b([A-Za-z_]\w{0,60})=[\"']?\$\([ \t]{0,5}cat[ \t]{0,10})"
    r"<<-?[ \t]{0,20}(['\"]?)([A-Za-z_]\w{0,60})\3[ \t]{0,20}"
)
_KEPT_TEXT = re.compile(r"[ \t]{0,40}(?:(?:local|export|readonly|declare)[ \t]{1,10})?([A-Za-z_]\w{0,60})=\"")
_SHELL_FILE = re.compile(r"(?:>{1,2}[ \t]{0,10}|\btee[ \t]{1,10}(?:-a[ \t]{1,10})?)[\"']?([^\s\"'<>|]{1,200})")
_FUNCTION = re.compile(r"[ \t]{0,40}(?:function[ \t]{1,9}([\w-]{1,60})|([\w-]{1,60})[ \t]{0,9}\([ \t]{0,9}\))")
_OPENS = re.compile(r"[{(][ \t]{0,40}\Z")
_CLOSES = re.compile(r"[ \t]{0,200}[})]")
_TO_SHELL = re.compile(r"\|[ \t]{0,9}(?:sudo[ \t]{1,9})?(?:/(?:usr/)?bin/)?(?:ba|da|k|z)?sh\b")
_STARTED = re.compile(r"(?:\A|[;&|])[ \t]{0,80}([A-Za-z_][\w-]{0,60})(?=[ \t>|])([^;&\n]{0,300})")
_KEPT_OF = re.compile(r"\b([A-Za-z_]\w{0,60})=[\"']?(?:\$\(|`)[ \t]{0,9}([A-Za-z_][\w-]{0,60})")
_NOTHING_DONE = re.compile(r"^([ \t]{0,40}:[ \t]{1,10})('[^']{0,4000}'|\"[^\"$`]{0,4000}\")", re.MULTILINE)


def uncommented(text: str) -> str:
    """The same length, with blanks for comments."""
    lines = []
    for line in text.split("\n"):
        at = line.find("#")
        for _ in range(SIGNS_MAX):
            if at < 0:
                break
            before = line[:at]
            if (not before or before[-1].isspace()) and before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
                line = before + " " * (len(line) - at)  # noqa: PLW2901 - what is left of it
                break
            at = line.find("#", at + 1)
        lines.append(line)
    return "\n".join(lines)


def unprinted(text: str) -> str:
    """The same length, with blanks for what the script only prints or keeps as a comment: by echo, from a here-document to cat or
    to a file that people read, as an argument of ":". What goes on to a pipe or another file may be run, and so is what the shell
    itself replaces.
    """
    text = _NOTHING_DONE.sub(lambda match: match[1] + re.sub(r"[^\n]", " ", match[2]), text)
    lines, until, replaced, open_, goes_on = [], "", False, False, False
    used = uses(text)
    said = functools.cache(lambda name: is_variable_only_said(text, used.get(name, ())))
    given = text.split("\n")
    handed_on = _handed_on(given, said) if "<<" in text else ()
    for number, line in enumerate(given):
        if until:
            if line.strip() == until:
                until = ""
            printed = not (goes_on or (replaced and REPLACED.search(line)))
        elif open_:
            open_ = line.count('"') % 2 == 0
            printed = not REPLACED.search(line) and (open_ or _ends_plainly(line))
        else:
            printed = _is_printed(line)
            open_ = _PRINTS.match(line) is not None and line.count('"') % 2 == 1 and not REPLACED.search(line)
            if match := _HERE.fullmatch(line) or _NO_HERE.fullmatch(line) or _document(line):
                until, replaced = match[2], not match[1]
                goes_on = number in handed_on and _HERE.fullmatch(line) is not None and not _TO_ERRORS.search(line)
            elif "<<" in line and (kept := _KEPT_HERE.fullmatch(line)) and said(kept[1] or kept[2]):
                until, replaced, goes_on = kept[4], not kept[3], False
            elif (kept := _KEPT_TEXT.match(line)) and line.count('"') % 2 and said(kept[1]):
                open_ = printed = True
        lines.append(" " * len(line) if printed else line)
    return "\n".join(lines)


def _handed_on(lines: Sequence[str], said: Callable[[str], bool]) -> set[int]:
    """The lines in groups and functions whose output goes to a shell, to a file that something may run, or to a variable that is
    not only said to people.
    """
    used = {match[1] for line in lines for match in _STARTED.finditer(line) if _goes_on(match[2])}
    used |= {match[2] for line in lines for match in _KEPT_OF.finditer(line) if not said(match[1])}
    begun: list[int] = []
    more = [0] * (len(lines) + 1)  # of groups around a line than around the one before
    for number, line in enumerate(lines):
        if _CLOSES.match(line):
            begin = begun.pop() if begun else number
            name = _FUNCTION.match(lines[begin]) or (_FUNCTION.match(lines[begin - 1]) if begin else None)
            if _goes_on(line) or (name is not None and (name[1] or name[2]) in used):
                more[begin] += 1
                more[number] -= 1
        if _OPENS.search(line):
            begun.append(number)
    return {number for number, groups in enumerate(itertools.accumulate(more)) if groups}


def _goes_on(command: str) -> bool:
    """Whether a command's output goes to a shell, or to a file that is no text for people."""
    if _TO_SHELL.search(command):
        return True
    files = (match for match in _SHELL_FILE.finditer(command) if command[match.start() - 1 : match.start()] != "2")
    return any(not (match[1].startswith(("&", "/dev/")) or is_document(match[1])) for match in files)


def _ends_plainly(line: str) -> bool:
    """Whether nothing is done with a text of several lines that ends here."""
    return not set(_TO_ERRORS.sub("", line.rpartition('"')[2])) & set("|>;&'(){}")


def _document(line: str) -> re.Match[str] | None:
    """A here-document that is written to a file that people read."""
    match = _TO_DOCUMENT.match(line)
    piped = "|" in _PIPED_TO_FILE.sub(" ", line)
    file = _SHELL_FILE.search(line) if match is not None and not piped else None
    return match if file is not None and is_document(file[1]) else None


def _is_printed(line: str) -> bool:
    """Whether a line is one command that prints its arguments, and no more."""
    if not _PRINTS.match(line):
        return False
    # Within double quotes a single one is a sign as any other.
    rest = line if '"' in line else _SINGLE.sub("", line)
    if REPLACED.search(rest):
        return False
    return not set(_TO_ERRORS.sub("", _DOUBLE.sub("", rest))) & set("|>;&'\"(){}")
