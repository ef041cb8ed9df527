"""Completion for fish: a line for each command and option, with what it means."""

from __future__ import annotations

from collections.abc import Iterator

from command_line import DIRECTORY, Argument, Command, commands
from completion_zsh import short

HEAD = """\
# fish completion for imds-probe
complete -c imds-probe -n __fish_use_subcommand -f
complete -c imds-probe -n __fish_use_subcommand -l help -d 'show a help message and exit'
complete -c imds-probe -n __fish_use_subcommand -l version -d 'show the version and exit'
"""


def script() -> str:
    """The text of the file that fish finds."""
    return HEAD + "".join(f"{line}\n" for command in commands() for line in _command(command))


def _command(command: Command) -> Iterator[str]:
    yield f"complete -c imds-probe -n __fish_use_subcommand -a {command.name} -d {_quoted(command.line)}"
    inside = f"complete -c imds-probe -n {_quoted(f'__fish_seen_subcommand_from {command.name}')}"
    words = [*command.words, *(value for each in command.positional for value in each.values)]
    if words:
        yield f"{inside} -a {_quoted(' '.join(words))}"
    if not any(each.path for each in command.positional):
        yield f"{inside} -f"
    for option in command.options:
        yield f"{inside} {' '.join([*_names(option), *_value(option)])} -d {_quoted(short(option.help))}"


def _names(option: Argument) -> list[str]:
    return [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]


def _value(option: Argument) -> list[str]:
    if not option.takes_value:
        return []
    if option.listed:
        return ["-x", "-a", _quoted(f"(__fish_append , {' '.join(option.values)})")]
    if option.values:
        return ["-x", "-a", _quoted(" ".join(option.values))]
    if option.path == DIRECTORY:
        return ["-x", "-a", "'(__fish_complete_directories)'"]
    return ["-r", "-F"] if option.path else ["-x"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
