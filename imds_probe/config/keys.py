"""A key of the configuration file, declared where its value is used: as a field of a section of settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any, NamedTuple

from imds_probe.dataclass import dataclass

_KEY = "key"  # in a field's metadata


@dataclass(frozen=True)
class Key:
    """`name` as the file has it: "key" or "table.key". `default` as it would stand there; None where the key has none, then
    `help` says what happens without it, and `example` stands in the shipped file.

    `read` makes the value of what stands in the file; it raises ValueError with the end of a sentence.
    `help` is the comment above the key in the shipped file, empty where the one before speaks for both; `table_help`, at the
    first key of a table, the comment above that.
    `below_file`: its relative paths begin at the directory of the file that has them.
    `adds_up`: the values of several files are one list. What `read` makes of each file has members that are `placed`: see
    acceptances.py.
    """

    name: str
    default: Any
    read: Callable[[object], Any]
    help: str = ""
    example: Any = None
    table_help: str = ""
    below_file: bool = False
    adds_up: bool = False

    def initial(self) -> Any:
        """The value without any file."""
        return None if self.default is None else self.read(self.default)


def setting(name: str, default: Any, read: Callable[[object], Any], help: str = "", **more: Any) -> Any:
    """A field of a Section, with its Key: see there."""
    key = Key(name, default, read, help, **more)
    return field(default_factory=key.initial, metadata={_KEY: key})


class Conflict(NamedTuple):
    """A key, and what is wrong about its value beside those of others: the end of a sentence."""

    key: str
    what: str


class Section:
    """Settings that are used together: a frozen dataclass, each field of which is a `setting`."""

    def conflict(self) -> Conflict | None:
        """What is wrong about values together, or by itself only where it is used."""
        return None


def fields_of(section: type[Section]) -> Mapping[str, Key]:
    """The keys of a section, by the names of its fields."""
    return {each.name: each.metadata[_KEY] for each in fields(section)}  # type: ignore[arg-type]


def keys_of(sections: tuple[type[Section], ...]) -> tuple[Key, ...]:
    """The keys of all these, in the order of the file: those that are in no table come first, as TOML wants it."""
    keys = [key for section in sections for key in fields_of(section).values()]
    return tuple(sorted(keys, key=lambda key: "." in key.name))
