"""A manual page for each command, made of what argparse knows and of manual_texts.py."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from command_line import Argument, Command, commands
from manual_texts import MORE, OWN_STATUSES, REPORTING, STATUSES, TEXTS, Text

DIRECTORY = "packaging/man"
MADE = '.\\" Made by `make declared`.\n'
WIDTH = 126  # of the source; groff fills lines by itself
OVERVIEW = "imds-probe"


def pages() -> Iterator[tuple[str, str]]:
    """Each page by its path in the tree."""
    for command in commands():
        yield f"{DIRECTORY}/imds-probe-{command.name}.1", page(command, TEXTS[command.name])


def commands_listed() -> str:
    """The section of the overview that says which page has which command."""
    return "".join(
        f".TP\n.BR {roff(f'imds-probe-{each.name}')} (1)\n{filled(_sentence(each.line))}" for each in commands()
    )


def page(command: Command, text: Text) -> str:
    """The source of one page."""
    name = f"imds-probe-{command.name}"
    parts = [
        MADE,
        f'.TH {roff(name.upper())} 1 "" "imds\\-probe" "User Commands"\n',
        f".SH NAME\n{roff(name)} \\- {filled(command.line)}",
        ".SH SYNOPSIS\n",
        *_synopsis(command),
        ".SH DESCRIPTION\n",
        ".PP\n".join(map(filled, text.description)),
        ".SH OPTIONS\n",
        *(_argument(command, each) for each in (*command.positional, *command.options)),
        ".SH EXAMPLES\n",
        *(f".TP\n{filled(f'{what}:')}.EX\n{roff(line)}\n.EE\n" for what, line in text.examples),
        ".SH EXIT STATUS\n",
        *(
            f".TP\n.B {code}\n{filled(OWN_STATUSES.get((command.name, code), STATUSES[code]))}"
            for code in text.statuses
        ),
    ]
    if text.files:
        parts += [".SH FILES\n", *(f".TP\n.I {roff(path)}\n{filled(what)}" for path, what in text.files)]
    also = [OVERVIEW, *(f"{OVERVIEW}-{each}" for each in text.see_also)]
    parts += [
        ".SH SEE ALSO\n",
        *(f".BR {roff(each)} (1){',' if each != also[-1] else ''}\n" for each in also),
        ".PP\nThe pages in /usr/share/doc/imds\\-probe/docs say more, also which finding means what. Files such as\n"
        "packaging/iam/s3.json are in /usr/share/doc/imds\\-probe.\n.SH BUGS\n",
        ".PP\n".join(map(filled, (*text.bugs, REPORTING))),
    ]
    return "".join(parts)


def _synopsis(command: Command) -> Iterator[str]:
    yield f".B imds\\-probe {roff(command.name)}\n"
    for word in command.words:
        yield f".RB [ {roff(word)} ]\n"
    yield ".RI [ options ]\n"
    for argument in command.positional:
        before = ".B \\-\\-\n" if argument.value == "COMMAND" else ""
        many = " ..." if argument.repeated else ""
        yield f"{before}.RI [ {roff(argument.value)} ]{f' {many.strip()}' if many else ''}\n".replace("] ...", "]...")


def _argument(command: Command, argument: Argument) -> str:
    """An option with all its names, or an argument by what stands for it."""
    value = f" \\fI{roff(argument.value)}\\fR" if argument.takes_value else ""
    names = [
        f"\\fB{roff(name)}\\fR{value if name.startswith('--') or len(argument.names) == 1 else ''}"
        for name in argument.names
    ]
    said = _sentence(argument.help)
    more = next((MORE[command.name, name] for name in argument.names if (command.name, name) in MORE), "")
    return f".TP\n{', '.join(names) or value.strip()}\n{filled(f'{said} {more}'.strip())}"


def _sentence(text: str) -> str:
    """A help as a sentence or several."""
    if not text:
        return ""
    end = "" if text.endswith((".", "?", "!")) else "."
    return f"{text[0].upper()}{text[1:]}{end}"


def filled(text: str) -> str:
    """A paragraph as lines of source; what stands in backquotes is set in bold."""
    lines = textwrap.wrap(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
    quoted = roff("\n".join(lines))
    # No line of text may look like a request.
    whole = re.sub(r"^(?=[.'])", r"\\&", quoted, flags=re.MULTILINE)
    return re.sub(r"`([^`]*)`", r"\\fB\1\\fR", whole) + "\n"


def roff(text: str) -> str:
    """Text as roff has it: hyphens that are typed, and backslashes."""
    return text.replace("\\", "\\e").replace("-", "\\-")
