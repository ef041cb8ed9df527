"""Names of the command line and of the configuration that still work and will go. All of them stand in DEPRECATED.

docs/versions.md has the promise behind it. A name that goes at once is a bug in the release that drops it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.dataclass import dataclass

MINORS = 2  # for so many minor versions a name goes on to work after the one that deprecates it


@dataclass(frozen=True)
class Deprecated:
    """One name: "COMMAND --option", or "key" or "table.key" of the configuration.

    `instead` is its new name, an option without its command. None: nothing takes its place; then the option or key stays declared
    where it is until it goes. `since` is the version that deprecates it, `until` the one that no longer knows it, both "x.y.z".
    """

    name: str
    instead: str | None
    since: str
    until: str

    @property
    def option(self) -> tuple[str, str] | None:
        """Command and option, None where it is a key of the configuration."""
        command, space, option = self.name.partition(" ")
        return (command, option) if space else None

    def warning(self, place: str = "") -> str:
        """One line for who uses it; `place` is the file and the line that it stands in."""
        _, name = self.option or ("", self.name)
        use = f"Use {self.instead}" if self.instead else "Leave it out"
        return f"{f'{place}: ' if place else ''}{name} is deprecated. {use}: version {self.until} will not know {name}."


DEPRECATED: tuple[Deprecated, ...] = ()


def numbers(version: str) -> tuple[int, ...]:
    """A version "x.y.z" as what can be compared. Raises ValueError."""
    return tuple(map(int, version.split(".")))


def in_current_words(
    arguments: Sequence[str], command: str | None, deprecated: Iterable[Deprecated] | None = None
) -> tuple[list[str], list[str]]:
    """The arguments of a command line with new names for old ones, and a warning for each old name, once. Words after "--" are
    somebody else's.
    """
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    made = list(arguments)
    warnings: dict[str, None] = {}
    for each in DEPRECATED if deprecated is None else deprecated:
        if each.option is None or each.option[0] != command:
            continue
        for at, argument in enumerate(made[:end]):
            name, equals, value = argument.partition("=")
            if name == each.option[1]:
                made[at] = f"{each.instead or name}{equals}{value}"
                warnings[each.warning()] = None
    return made, list(warnings)


def due(version: str, deprecated: Iterable[Deprecated] | None = None) -> list[Deprecated]:
    """What a version must not know any more."""
    return [
        each for each in (DEPRECATED if deprecated is None else deprecated) if numbers(each.until) <= numbers(version)
    ]
