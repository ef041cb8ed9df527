"""Look an option up in a command line, and which files a program was told to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from imds_probe.inventory.settings.programs import Program
from imds_probe.system.rootfs import FileUnreadable

VARIABLE = "$"  # begins the name of a variable that names a file, in the place of an option
SHORT = 2  # letters of an option that its value may follow without a blank
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,31}:")


def from_arguments(arguments: Sequence[str], key: str) -> Iterator[str]:
    """Values of an option in a command line; of a mount option (no leading hyphen) in what follows -o."""
    for index, argument in enumerate(arguments):
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        if not key.startswith("-"):
            listed = following if argument == "-o" else argument[2:] if argument.startswith("-o") else ""
            yield from mount_options(listed, key)
        elif argument == key:
            yield following if following and not following.startswith("-") else "true"
        elif argument.startswith(f"{key}="):
            yield argument[len(key) + 1 :]


def mount_options(listed: str, key: str) -> Iterator[str]:
    """Values of a key in a list of mount options."""
    for option in listed.split(","):
        name, separator, value = option.partition("=")
        if name.strip() == key:
            yield value if separator else "true"


def named_files(program: Program, options: Sequence[str]) -> list[str]:
    """The paths that a program was started with, as they stand there; what variables name counts where no option does.

    Raises FileUnreadable where what is named is no file, or cannot be seen.
    """
    named = [value for option in options if option[:1] != VARIABLE for value in _named_by(program, option)]
    if not named:
        named = [value for option in options if option[:1] == VARIABLE for value in _by_variable(program, option[1:])]
    paths = [value.removeprefix("file:") for value in named if value]
    if any(_SCHEME.match(path) for path in paths):
        raise FileUnreadable(f"the configuration of {program.name} (pid {program.pid}) is not in a file")
    return paths


def _named_by(program: Program, option: str) -> Iterator[str]:
    if option.startswith("-"):
        yield from from_arguments(program.arguments, option)
        if len(option) == SHORT:
            yield from (each[SHORT:] for each in program.arguments if each.startswith(f"{option}/"))
    elif option in program.arguments:
        behind = program.arguments[program.arguments.index(option) + 1 :]
        yield from (each for each in behind if not each.startswith("-"))


def _by_variable(program: Program, name: str) -> list[str]:
    if program.environment is None:
        raise FileUnreadable(f"the environment of {program.name} (pid {program.pid}) may not be read: run as root")
    return program.environment.get(name, "").split(",")
