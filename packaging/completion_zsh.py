"""Completion for zsh: a function that _arguments is given all options by, with what they mean."""

from __future__ import annotations

import re

from command_line import DIRECTORY, Argument, Command, commands

HEAD = """\
#compdef imds-probe
# zsh completion for imds-probe

local curcontext=$curcontext state line
typeset -A opt_args

_arguments -C \\
    '(- *)--help[show a help message and exit]' \\
    '(- *)--version[show the version and exit]' \\
    '1:command:->command' \\
    '*::argument:->argument' && return 0

case $state in
command)
    local -a commands=(
"""
MEANING_MAX = 90  # columns; --help says it all


def script() -> str:
    """The text of the file that zsh's compinit finds."""
    every = tuple(commands())
    lines = [f"        {_quoted(f'{each.name}:{each.line}')}\n" for each in every]
    return "".join(
        [
            HEAD,
            *lines,
            "    )\n    _describe -t commands command commands ;;\nargument)\n    case $words[1] in\n",
            *map(_command, every),
            "    esac ;;\nesac\n",
        ]
    )


def _command(command: Command) -> str:
    specs = [spec for option in command.options for spec in _option(option)]
    specs += [_positional(command, each, first=not number) for number, each in enumerate(command.positional)]
    joined = " \\\n            ".join(specs)
    return f"    {command.name})\n        _arguments -s -S \\\n            {joined} ;;\n"


def _option(option: Argument) -> list[str]:
    meaning = re.sub(r"([\[\]\\])", r"\\\1", short(option.help))
    value = f":{_message(option.value)}:{_values(option)}" if option.takes_value else ""
    again = "*" if option.repeated else f"({' '.join(option.names)})" if len(option.names) > 1 else ""
    return [_quoted(f"{again}{name}[{meaning}]{value}") for name in option.names]


def _positional(command: Command, argument: Argument, *, first: bool) -> str:
    number = "*" if argument.repeated else ""
    if command.words and first:  # the word may stand in the first one's place
        words = " ".join(command.words)
        return _quoted(f"*:{_message(argument.value)}:{{ (( CURRENT == 2 )) && compadd - {words}; _files }}")
    return _quoted(f"{number}:{_message(argument.value)}:{_values(argument)}")


def _values(argument: Argument) -> str:
    if argument.listed:
        return f"_values -s , {argument.value.rstrip(',.').lower()} {' '.join(argument.values)}"
    if argument.values:
        return f"({' '.join(argument.values)})"
    if argument.path:
        return "_files -/" if argument.path == DIRECTORY else "_files"
    return " "


def _message(text: str) -> str:
    return text.replace(":", "\\:")


def short(text: str) -> str:
    """The first clause of a help, in one line."""
    first = re.split(r"[;:] |\. ", text)[0]
    if first.count("(") > first.count(")"):
        first = first.rpartition(" (")[0]
    return first if len(first) <= MEANING_MAX else f"{first[:MEANING_MAX].rsplit(' ', 1)[0]} ..."


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
