"""The commands with their options, as argparse knows them: what completion, manual pages and reference pages are made of."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from dataclasses import dataclass

from imds_probe.commands import COMMANDS
from imds_probe.fleet.grouping import KEYS
from imds_probe.rules import RULES
from imds_probe.sinks import SINKS

RULE_IDS = tuple(rule.id for rule in RULES)
FINDINGS = tuple(kind.id for rule in RULES for kind in rule.kinds)
# What arguments take that argparse knows no choices of, by the command and the argument; these take several, by commas.
LISTS = {
    ("run", "--report"): tuple(SINKS),
    ("run", "--only"): RULE_IDS,
    ("run", "--skip"): RULE_IDS,
    ("fleet", "--by"): tuple(KEYS),
}
# And these one.
WORDS = {("explain", "id"): (*FINDINGS, "switch")}
DIRECTORY, FILE = "directory", "file"
_PATHS = {"DIR": DIRECTORY, "FILE": FILE, "PATH": FILE, "REPORT": FILE, "COMMAND": FILE}


@dataclass(frozen=True)
class Argument:
    """An option, or an argument without a name. `written` is how --help writes it, `help` what it says of it. `value` is what
    stands for its value, empty where it takes none; `values` are all that it takes, where they are known, and `listed` says
    that several of them go together, by commas. `path` is DIRECTORY or FILE where it takes one. `repeated`: it may be given
    again.
    """

    names: tuple[str, ...]
    written: str
    help: str
    value: str
    values: tuple[str, ...]
    listed: bool
    path: str
    repeated: bool

    @property
    def takes_value(self) -> bool:
        return bool(self.value)


@dataclass(frozen=True)
class Command:
    """`words` make another command of it, where they stand first."""

    name: str
    line: str
    options: tuple[Argument, ...]
    positional: tuple[Argument, ...]
    words: tuple[str, ...]


def commands() -> Iterator[Command]:
    """All commands, in the order of --help."""
    for name, line in COMMANDS.items():
        module = importlib.import_module(f"imds_probe.commands.{name}")
        parser = argparse.ArgumentParser(prog=f"imds-probe {name}")
        module.add_arguments(parser)
        arguments = [_argument(name, parser, action) for action in parser._actions]
        yield Command(
            name,
            line,
            tuple(each for each in arguments if each.names),
            tuple(each for each in arguments if not each.names),
            tuple(getattr(module, "WORDS", ())),
        )


def _argument(command: str, parser: argparse.ArgumentParser, action: argparse.Action) -> Argument:
    formatter = parser._get_formatter()
    keys = [(command, name) for name in action.option_strings or (action.dest,)]
    listed = next((LISTS[key] for key in keys if key in LISTS), ())
    words = next((WORDS[key] for key in keys if key in WORDS), ())
    value = ""
    if action.nargs != 0:
        value = action.metavar if isinstance(action.metavar, str) else "|".join(map(str, action.choices or ()))
    return Argument(
        tuple(action.option_strings),
        formatter._format_action_invocation(action),
        " ".join(formatter._expand_help(action).split()) if action.help else "",
        value or ("" if action.nargs == 0 else action.dest.upper()),
        tuple(map(str, action.choices or ())) or listed or words,
        bool(listed),
        _PATHS.get(value, ""),
        isinstance(action, argparse._AppendAction) or action.nargs in ("*", "+"),
    )
