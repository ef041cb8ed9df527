"""The command line of an interpreter: which argument is the script, and what its options name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass

ARGUMENTS_MAX = 2000


@dataclass(frozen=True)
class Options:
    """Of an interpreter: options with a value behind them; `text` is the one whose value is code, `module` one whose value is the
    name of what to start with, and those of `required` name what is loaded before. `attached`: a value may be written to a
    short option without a space.
    """

    values: tuple[str, ...] = ()
    text: str | tuple[str, ...] = ()
    module: str = ""
    required: tuple[str, ...] = ()
    attached: bool = True


@dataclass
class Given:
    """What was given. `required` has option and value; `switches` are all other options; `rest` follows the script."""

    script: str = ""
    text: str | None = None
    module: str | None = None
    required: list[tuple[str, str]] = field(default_factory=list)
    switches: list[str] = field(default_factory=list)
    rest: tuple[str, ...] = ()

    def has(self, letter: str) -> bool:
        """Whether a switch of one letter is there, also among others: -IE."""
        return any(letter in each for each in self.switches if not each.startswith("--"))


def read(arguments: Sequence[str], options: Options) -> Given:
    """The command line from the program's own name on."""
    given = Given()
    texts = (options.text,) if isinstance(options.text, str) else options.text
    valued = (*options.values, *texts, *options.required, *((options.module,) if options.module else ()))
    ahead = list(arguments[1 : ARGUMENTS_MAX + 1])
    while ahead:
        argument = ahead.pop(0)
        if argument == "--":
            argument = ahead.pop(0) if ahead else ""
        elif argument.startswith("-") and len(argument) > 1:
            name, value = _option(argument, valued, attached=options.attached)
            if name is None:
                given.switches.append(argument)
                continue
            if value is None:
                value = ahead.pop(0) if ahead else ""
            if name in texts:
                given.text = f"{given.text}\n{value}" if given.text is not None else value
                if len(texts) == 1:
                    given.rest = tuple(ahead)
                    return given
            elif name == options.module:
                given.module = value
                given.rest = tuple(ahead)
                return given
            elif name in options.required:
                given.required.append((name, value))
            continue
        if given.text is None:
            given.script = argument
        given.rest = tuple(ahead)
        break
    return given


def _option(argument: str, valued: Sequence[str], *, attached: bool) -> tuple[str | None, str | None]:
    """The option with a value that this is, and the value where it is in the same argument."""
    name, equals, value = argument.partition("=")
    if argument in valued:
        return argument, None
    if name in valued and name.startswith("--") and equals:
        return name, value
    if attached and not argument.startswith("--"):
        for at in range(1, len(argument)):
            short = f"-{argument[at]}"
            if short in valued:
                return short, argument[at + 1 :] or None
            if not argument[at].isalpha():
                break
    return None, None
