"""What tmux starts in its windows, and what is typed there for somebody: tmux(1)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

Words = Sequence[str | None]
UNKNOWN_TEXT = "$?"  # in a text for a shell: what only running tells
COMMANDS_MAX = 50  # of one call
_VALUED = ("-f", "-L", "-S", "-T")
_NEW = ("-c", "-e", "-F", "-f", "-n", "-s", "-t", "-x", "-y")
_PANE = ("-c", "-e", "-F", "-l", "-p", "-t")
_POPUP = ("-b", "-c", "-d", "-e", "-h", "-s", "-S", "-t", "-T", "-w", "-x", "-y")
# Its commands that start something, by the options that have a value.
_STARTING: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("new-session", "new"), _NEW),
    **dict.fromkeys(("new-window", "neww", "split-window", "splitw"), (*_PANE, "-n")),
    **dict.fromkeys(("respawn-pane", "respawnp", "respawn-window", "respawnw"), ("-c", "-e", "-t")),
    **dict.fromkeys(("display-popup", "popup"), _POPUP),
    **dict.fromkeys(("run-shell", "run"), ("-c", "-d", "-t")),
    **dict.fromkeys(("if-shell", "if", "pipe-pane", "pipep"), ("-t",)),
}
_TYPING = ("send-keys", "send")
_ENTER = ("Enter", "C-m", "C-j", "KPEnter")


def text_of(arguments: Words) -> str:
    """All that these arguments have tmux start, as a text for a shell; empty where that is nothing."""
    rest = _behind_options(arguments, (*_VALUED, "-c"))
    told = arguments[: len(arguments) - len(rest)]
    lines = [told[at + 1] or UNKNOWN_TEXT for at, word in enumerate(told[:-1]) if word == "-c"]
    for name, *words in list(_commands(rest))[:COMMANDS_MAX]:
        if name in _TYPING:
            lines.append(_typed(_behind_options(words, ("-t", "-N", "-c"))))
        elif name is not None and name in _STARTING:
            started = _behind_options(words, _STARTING[name])
            lines += _entered(words[: len(words) - len(started)])
            lines.append(_as_text(started))
    return "\n".join(filter(None, lines))


def _commands(words: Words) -> Iterator[Words]:
    """They stand behind each other with a semicolon between them."""
    begin = 0
    for at, word in enumerate((*words, ";")):
        if word == ";":
            if at > begin:
                yield words[begin:at]
            begin = at + 1


def _behind_options(words: Words, valued: tuple[str, ...]) -> Words:
    at = 0
    while at < len(words) and (word := words[at] or "").startswith("-") and word != "-":
        if word == "--":
            return words[at + 1 :]
        letter = next((letter for letter in word[1:] if f"-{letter}" in valued), "")
        at += 2 if letter and word.endswith(letter) else 1
    return words[at:]


def _entered(options: Words) -> Iterator[str]:
    """The directory that something is started in."""
    for at, word in enumerate(options[:-1]):
        if word == "-c":
            yield f"cd {shlex.quote(options[at + 1] or '') if options[at + 1] else UNKNOWN_TEXT}"


def _as_text(words: Words) -> str:
    """One word is a text for a shell, several are a program with its arguments."""
    if len(words) == 1:
        return words[0] or UNKNOWN_TEXT
    return " ".join(UNKNOWN_TEXT if word is None else shlex.quote(word) for word in words)


def _typed(keys: Words) -> str:
    """The lines that are typed. Where that is, nobody knows."""
    text = "".join("\n" if key in _ENTER else UNKNOWN_TEXT if key is None else key for key in keys).strip("\n")
    return "\n".join(f"{UNKNOWN_TEXT}{line[1:]}" if line.startswith("./") else line for line in text.split("\n"))
