"""Reading one JSON object of a catalog file key by key, so that every complaint says where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from imds_probe.catalog.upstream import numbers
from imds_probe.documents import document
from imds_probe.ecosystems.version_error import VersionError
from imds_probe.errors import UsageError

_NO_DEFAULT = object()
_Choice = TypeVar("_Choice", bound=str)


class CatalogError(UsageError):
    """A catalog file that cannot be read, or whose content is not of the catalog's shape."""

    page = "catalog.md"


class Entry:
    """One JSON object: knows where it stands, and which keys nobody asked for. Every method raises CatalogError."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise wrong(where, "must be an object")
        self.where = where
        self._left: dict[str, Any] = dict(value)

    def take(self, key: str, default: object = _NO_DEFAULT) -> Any:
        value = self._left.pop(key, default)
        if value is _NO_DEFAULT:
            raise wrong(self.where, f"has no {key}")
        return value

    def left(self) -> list[str]:
        """The keys that nobody took yet."""
        return list(self._left)

    def text(self, key: str) -> str:
        return _text(self.take(key), f"{self.where}.{key}")

    def optional_text(self, key: str) -> str | None:
        value = self.take(key, None)
        return None if value is None else _text(value, f"{self.where}.{key}")

    def figure(self, key: str) -> str | None:
        """A plain dotted upstream number, or None."""
        value = self.optional_text(key)
        if value is not None:
            check_figure(value, f"{self.where}.{key}")
        return value

    def texts(self, key: str, default: object = _NO_DEFAULT) -> tuple[str, ...]:
        value = self.take(key, default)
        if not isinstance(value, list):
            raise wrong(f"{self.where}.{key}", "must be a list")
        return tuple(_text(item, f"{self.where}.{key}") for item in value)

    def choice(self, key: str, choices: Sequence[_Choice]) -> _Choice:
        value = self.text(key)
        for choice in choices:
            if value == choice:
                return choice
        raise wrong(f"{self.where}.{key}", f"must be one of {', '.join(choices)}")

    def optional_choice(self, key: str, choices: Sequence[_Choice]) -> _Choice | None:
        return self.choice(key, choices) if key in self._left else None

    def entries(self, key: str) -> list[Entry]:
        value = self.take(key, [])
        if not isinstance(value, list):
            raise wrong(f"{self.where}.{key}", "must be a list")
        return [Entry(item, f"{self.where}.{key}[{index}]") for index, item in enumerate(value)]

    def entry(self, key: str) -> Entry | None:
        value = self.take(key, None)
        return None if value is None else Entry(value, f"{self.where}.{key}")

    def done(self) -> None:
        if self._left:
            raise wrong(self.where, f"has unknown keys: {', '.join(sorted(self._left))}")


def check_figure(value: str, where: str) -> None:
    try:
        numbers(value)
    except VersionError as error:
        raise wrong(where, error.problem) from None


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise wrong(where, "must be a text that is not empty")
    return value


def flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(where, "must be true or false")
    return value


def wrong(where: str, what: str) -> CatalogError:
    return CatalogError(
        f"{where} {what}", f"Compare the file with the schema {document('imds_probe/schema/catalog-v1.json')}."
    )
