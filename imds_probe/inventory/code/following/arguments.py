"""The command line of an interpreter: which argument is the script, and what its options name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass

ARGUMENTS_MAX, INCLUDED_MAX = 2000, 60


@dataclass(frozen=True)
class Options:
    """Of an interpreter: options with a value behind them; `text` is the one whose value is code, `module` one whose value is the
    name of what to start with, and those of `required` name what is loaded before. `attached`: a value may be written to a
    short option without a space. Of `numbered`, the value is digits right behind it, if any, and other switches may follow; of
    `inside`, the value is the rest of the same argument.
    """

    values: tuple[str, ...] = ()
    text: str | tuple[str, ...] = ()
    module: str = ""
    required: tuple[str, ...] = ()
    attached: bool = True
    numbered: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


PYTHON = Options(values=("-W", "-X", "--check-hash-based-pycs"), text="-c", module="-m")
PERL = Options(
    values=("-I",),
    text=("-e", "-E"),
    required=("-M", "-m"),
    numbered=("-l", "-0"),
    inside=("-i", "-F", "-C", "-D", "-x"),
)
RUBY = Options(
    values=("-I", "-C", "-E"), text="-e", required=("-r",), numbered=("-l", "-0"), inside=("-i", "-F", "-K", "-x", "-T")
)
NODE = Options(
    values=("-C", "--conditions", "--env-file", "--max-old-space-size", "--title", "--input-type"),
    text=("-e", "--eval", "-p", "--print", "-pe"),
    required=("-r", "--require", "--import", "--loader", "--experimental-loader"),
    attached=False,
)
PHP = Options(values=("-d", "-c", "-t", "-S", "-z"), text="-r", required=("-f",))


@dataclass
class Given:
    """What was given. `required` has option and value; `switches` are all other options; `rest` follows the script. `texts_at`
    are the places of the arguments that `text` stands in.
    """

    script: str = ""
    text: str | None = None
    texts_at: list[int] = field(default_factory=list)
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
            name, value = _option(argument, valued, options)
            if name is None:
                given.switches.append(argument)
                continue
            if value is None:
                value = ahead.pop(0) if ahead else ""
            if name in texts:
                given.texts_at.append(min(len(arguments), ARGUMENTS_MAX + 1) - len(ahead) - 1)
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


def included(arguments: Sequence[str]) -> list[str]:
    """Directories that Perl and Ruby are told to look in by -I, right behind it or as the next argument."""
    found: list[str] = []
    words = list(arguments[1:ARGUMENTS_MAX])
    for number, word in enumerate(words[:INCLUDED_MAX]):
        if word == "--" or (not word.startswith("-") and words[number - 1 : number] != ["-I"]):
            break  # the script, whose own arguments follow
        if word.startswith("-I"):
            value = word[2:] or next(iter(words[number + 1 : number + 2]), "")
            found += [each for each in value.split(":") if each]
    return found


def _option(argument: str, valued: Sequence[str], options: Options) -> tuple[str | None, str | None]:
    """The option with a value that this is, and the value where it is in the same argument."""
    name, equals, value = argument.partition("=")
    if argument in valued:
        return argument, None
    if name in valued and name.startswith("--") and equals:
        return name, value
    if not options.attached or argument.startswith("--"):
        return None, None
    at = 1
    while at < len(argument) and argument[at].isalnum() and f"-{argument[at]}" not in options.inside:
        short = f"-{argument[at]}"
        if short in valued:
            return short, argument[at + 1 :] or None
        at += 1
        while short in options.numbered and argument[at : at + 1].isdigit():
            at += 1
    return None, None
