"""Code that a command reads from its input, as if it were an argument: python3 - <<EOF is python3 -c CODE."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence

from imds_probe.inventory.code.following.arguments import NODE, PERL, PHP, PYTHON, RUBY, Options, read

LOOKED_AT_MAX = 12  # words before the interpreter: sudo, env, timeout with their options
_SHELL = Options(values=("-o", "-O", "+o", "+O", "--rcfile", "--init-file"), text="-c", attached=False)
_INTERPRETERS: Mapping[str, tuple[Options, str]] = {
    **dict.fromkeys(("python", "pypy"), (PYTHON, "-c")),
    **{"perl": (PERL, "-e"), "ruby": (RUBY, "-e"), "php": (PHP, "-r")},
    **dict.fromkeys(("node", "nodejs"), (NODE, "-e")),
    **dict.fromkeys(("sh", "bash", "dash", "ash", "ksh", "zsh"), (_SHELL, "-c")),
}
_OF_USERS = ("su", "runuser")  # they start the shell of a user, and it reads its input
_OF_USER = "--command"
_TOLD = re.compile(r"-[a-z]{0,9}c|--c")
_FROM_INPUT = ("", "-", "/dev/stdin", "/dev/fd/0")
_PHP_TAG = re.compile(r"\s{0,40}<\?php\b")


def with_code(words: Sequence[str | None], code: str) -> tuple[str | None, ...] | None:
    """A command with the code as an argument; None of one that reads no code from its input."""
    reader = _reader(words)
    if reader is None:
        return None
    before, behind, option = reader
    return (*before, option, _PHP_TAG.sub("", code, 1) if option == "-r" else code, *behind)


def with_file(words: Sequence[str | None], file: str) -> tuple[str | None, ...] | None:
    """The same with the file that has the code."""
    reader = _reader(words)
    if reader is None:
        return None
    before, behind, option = reader
    return (*before, option, f". {shlex.quote(file)}") if option == _OF_USER else (*before, file, *behind)


def _reader(words: Sequence[str | None]) -> tuple[Sequence[str | None], Sequence[str | None], str] | None:
    """What stands before the code where it is an argument, what behind it, and the option that has code as its value."""
    for at, word in enumerate(words[:LOOKED_AT_MAX]):
        name = posixpath.basename(word or "").rstrip("0123456789.")
        if name in _OF_USERS and not any(_TOLD.match(each or "") for each in words[at:]):
            return words, (), _OF_USER
        if name not in _INTERPRETERS:
            continue
        options, option = _INTERPRETERS[name]
        given = read([each or "?" for each in words[at:]], options)
        is_shell = options is _SHELL
        by_switch = is_shell and any(each.startswith("-") and "s" in each[1:] for each in given.switches)
        if given.text is None and given.module is None and (given.script in _FROM_INPUT or by_switch):
            end = len(words) - len(given.rest) - (1 if given.script else 0)
            # What a shell is told by switches changes nothing in what it starts.
            return (
                words[: at + 1 if is_shell else end],
                words[len(words) - len(given.rest) :] if given.rest else (),
                option,
            )
    return None
