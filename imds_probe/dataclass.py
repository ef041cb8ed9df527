"""Dataclasses that cost little to make: `dataclass` as in the standard library, without slots and the rarer options.

The library's own writes and compiles six functions for each frozen class, half a millisecond each time a program starts. Of
two hundred classes that was a quarter of a run. Here only the constructor is written, and not before there is something to be
made: a run makes instances of one class in three. The other methods are closures.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]
_ABSENT: Any = object()
_WRITES = "def __init__(self, {}):\n {}"

if TYPE_CHECKING:  # whoever checks types knows the library's
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False) -> Any:
        """See dataclasses.dataclass. An instance of a frozen one cannot be changed and can be hashed."""
        return (lambda kind: _made(kind, frozen)) if cls is None else _made(cls, frozen)


def _made(kind: type, frozen: bool) -> type:
    own = dict(vars(kind))
    dataclasses.dataclass(init=False, repr=False, eq=False)(kind)
    fields = dataclasses.fields(kind)
    methods: dict[str, Any] = {
        "__init__": _later(kind, fields, frozen),
        "__repr__": _representation([each.name for each in fields if each.repr]),
    }
    values = _values([each.name for each in fields if each.compare])
    methods |= {"__eq__": _equality(values), "__hash__": None}
    if frozen:
        methods |= {"__hash__": lambda self: hash(values(self)), "__setattr__": _refuse, "__delattr__": _refuse}
    for name, method in methods.items():
        # Python itself writes that what has its own __eq__ has no hash.
        if name not in own or (name == "__hash__" and own[name] is None):
            setattr(kind, name, method)
    return kind


def _later(kind: type, fields: Sequence[dataclasses.Field[Any]], frozen: bool) -> Callable[..., None]:
    """A constructor that has the real one written when it is called first, and is replaced by it."""

    def __init__(self: object, *given: Any, **named: Any) -> None:
        made = _constructor(kind, fields, frozen)
        kind.__init__ = made  # type: ignore[misc]
        made(self, *given, **named)

    return __init__


def _constructor(kind: type, fields: Sequence[dataclasses.Field[Any]], frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"__name__": kind.__module__, "_put_": object.__setattr__, "_absent_": _ABSENT}
    given: list[str] = []
    named: list[str] = []
    steps: list[str] = []
    for each in fields:
        name = value = each.name
        parameter = name
        if each.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = each.default
            parameter = f"{name}=_default_{name}"
            value = name if each.init else f"_default_{name}"
        elif each.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = each.default_factory
            parameter, value = f"{name}=_absent_", f"_make_{name}()"
            value = f"{value} if {name} is _absent_ else {name}" if each.init else value
        elif not each.init:
            continue  # __post_init__ puts it there
        if each.init:
            (named if each.kw_only else given).append(parameter)
        steps.append(f"_put_(self, '{name}', {value})" if frozen else f"self.{name} = {value}")
    if hasattr(kind, "__post_init__"):
        steps.append("self.__post_init__()")
    parameters = [*given, *(["*", *named] if named else [])]
    exec(_WRITES.format(", ".join(parameters), "\n ".join(steps) or "pass"), known)  # noqa: S102 - of names in our code
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"
    return made


def _values(names: Sequence[str]) -> Callable[[object], object]:
    """What makes instances equal, and their hash."""
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _equality(values: Callable[[object], object]) -> Callable[[object, object], bool]:
    def equal(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _representation(names: Sequence[str]) -> Callable[[object], str]:
    def shown(self: object) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return shown


def _refuse(self: object, name: str, *value: object) -> None:
    del self, value
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")
