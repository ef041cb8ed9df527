"""As much of CloudWatch Logs Insights as the saved queries use, to run them over real reports.

It is an approximation after AWS's description of the language, and strict where that names a limit: lists and objects
cannot be grouped, sorted or counted; after `stats` only its results exist; `latest` needs events with a time; two
`stats` at most; an unknown command, function or name is an error. A member that is absent, or null, is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(r'\s*(?:(\d+(?:\.\d+)?)|"([^"]*)"|(@?[A-Za-z_]\w*(?:\.\w+)*)|(!=|>=|<=|[-+*/()=<>,]))')
AGGREGATES = {"count", "count_distinct", "sum", "min", "max", "latest", "sortsFirst"}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "jsonParse": json.loads,
    "jsonStringify": lambda value: None if value is None else json.dumps(value),
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "toMillis": lambda value: value,
}


@dataclass(frozen=True)
class Name:
    """A field: a system field, an alias, or a member of an alias."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Value:
    value: float | str


@dataclass(frozen=True)
class Call:
    """A function, or an operator, of arguments."""

    function: str
    arguments: tuple[Any, ...]


Expression = Name | Value | Call


@dataclass(frozen=True)
class Command:
    """`columns`: what is computed, by name. `by`: what is grouped by. `word`: asc, desc, or the name of what is unnested."""

    verb: str
    columns: tuple[tuple[str, Expression], ...]
    by: tuple[str, ...] = ()
    word: str = ""


class _Words:
    """One command's tokens, read from the left."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at, text = 0, text.strip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise SyntaxError(f"what is {text[at:]!r}?")
            kind = next(index for index, group in enumerate(match.groups()) if group is not None)
            self._tokens.append((("number", "string", "name", "sign")[kind], match.groups()[kind]))
            at = match.end()

    def peek(self) -> str:
        return self._tokens[0][1] if self._tokens and self._tokens[0][0] != "string" else ""

    def take(self, *expected: str) -> str:
        if not self._tokens or (expected and self.peek() not in expected):
            raise SyntaxError(f"{expected} was expected, before {self._tokens[:3]}")
        return self._tokens.pop(0)[1]

    def found(self, *words: str) -> str:
        """The next word, taken, if it is one of these."""
        return self.take() if self.peek() in words else ""

    def end(self) -> None:
        if self._tokens:
            raise SyntaxError(f"nothing was expected, before {self._tokens}")

    def expression(self, levels: tuple[tuple[str, ...], ...] = ()) -> Expression:
        order = (("or",), ("and",), ("=", "!=", "<", ">", "<=", ">="), ("+", "-"), ("*", "/"))
        levels = levels or order
        if levels == ((),):
            return self._atom()
        rest = levels[1:] or ((),)
        left = self.expression(rest)
        while operator := self.found(*levels[0]):
            left = Call(operator, (left, self.expression(rest)))
        return left

    def _atom(self) -> Expression:
        if self.found("("):
            inner = self.expression()
            self.take(")")
            return inner
        kind = self._tokens[0][0] if self._tokens else "nothing"
        word = self.take()
        if kind == "number":
            return Value(float(word))
        if kind == "string":
            return Value(word)
        if kind != "name":
            raise SyntaxError(f"what is {word!r} here?")
        if not self.found("("):
            return Name(tuple(word.split(".")))
        arguments = []
        while not self.found(")"):
            arguments.append(Name(("*",)) if self.found("*") else self.expression())
            if self.peek() != ")":
                self.take(",")
        if word not in AGGREGATES | {"now"} | set(FUNCTIONS):
            raise SyntaxError(f"there is no function {word}")
        return Call(word, tuple(arguments))


def parse(query: str) -> list[Command]:
    """The commands of a query. Raises SyntaxError."""
    return [_command(text) for text in query.split("|")]


def _command(text: str) -> Command:
    words = _Words(text)
    verb = words.take("fields", "filter", "unnest", "stats", "sort", "limit")
    columns: list[tuple[str, Expression]] = []
    by: list[str] = []
    word = ""
    if verb in ("filter", "sort", "limit", "unnest"):
        columns.append(("", words.expression()))
        word = (
            words.take("asc", "desc")
            if verb == "sort"
            else words.take("into") and words.take()
            if verb == "unnest"
            else ""
        )
    else:
        more = True
        while more:
            expression = words.expression()
            name = words.take() if words.found("as") else ".".join(expression.path)  # type: ignore[union-attr]
            columns.append((name, expression))
            more = bool(words.found(","))
        if verb == "stats" and words.found("by"):
            by.append(words.take())
            while words.found(","):
                by.append(words.take())
    words.end()
    return Command(verb, tuple(columns), tuple(by), word)


def names_in(expression: Expression) -> Iterator[tuple[str, ...]]:
    """Every field that an expression names."""
    match expression:
        case Name(path):
            yield path
        case Call(_, arguments):
            for argument in arguments:
                yield from names_in(argument)


@dataclass(frozen=True)
class Event:
    stream: str
    timestamp_ms: int
    message: str


def run(query: str, events: list[Event], now_s: float) -> list[dict[str, Any]]:
    """The rows that a query gives."""
    rows: list[dict[str, Any]] = [
        {"@logStream": event.stream, "@timestamp": event.timestamp_ms, "@message": event.message} for event in events
    ]
    commands = parse(query)
    if sum(command.verb == "stats" for command in commands) > 2:
        raise SyntaxError("two stats at most")
    for command in commands:
        rows = _applied(command, rows, now_s)
    return rows


def _applied(command: Command, rows: list[dict[str, Any]], now_s: float) -> list[dict[str, Any]]:
    _, first = command.columns[0]
    match command.verb:
        case "fields":
            return [row | {name: _value(what, row, now_s) for name, what in command.columns} for row in rows]
        case "filter":
            return [row for row in rows if _value(first, row, now_s)]
        case "unnest":
            lists = [(row, _value(first, row, now_s)) for row in rows]
            return [
                row | {command.word: item}
                for row, value in lists
                for item in (value if isinstance(value, list) else [] if value is None else [value])
            ]
        case "sort":
            present = [(_scalar(_value(first, row, now_s)), row) for row in rows]
            present.sort(key=lambda pair: (pair[0] is not None, pair[0]), reverse=command.word == "desc")
            return [row for _, row in present]
        case "limit":
            return rows[: int(_value(first, {}, now_s))]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(_scalar(_value(Name((name,)), row, now_s)) for name in command.by), []).append(row)
    return [
        dict(zip(command.by, key, strict=True))
        | {name: _aggregate(what, members, now_s) for name, what in command.columns}
        for key, members in groups.items()
    ]


def _scalar(value: Any) -> Any:
    if isinstance(value, list | dict):
        raise TypeError("lists and objects can be neither grouped nor sorted nor counted")
    return value


def _aggregate(call: Expression, rows: list[dict[str, Any]], now_s: float) -> Any:
    if not isinstance(call, Call) or call.function not in AGGREGATES:
        raise SyntaxError("stats takes aggregates only")
    (argument,) = call.arguments
    if argument == Name(("*",)):
        return len(rows)
    if call.function == "latest":
        rows = sorted(rows, key=lambda row: row["@timestamp"])
    values = [_scalar(_value(argument, row, now_s)) for row in rows]
    if call.function == "latest":
        return values[-1]
    values = [value for value in values if value is not None]
    if call.function in ("sum", "min", "max") and not all(isinstance(value, int | float) for value in values):
        raise TypeError(f"{call.function} takes numbers only")
    return {
        "count": len,
        "count_distinct": lambda values: len(set(values)),
        "sum": sum,
        "min": min,
        "max": max,
        "sortsFirst": min,
    }[call.function](values)


def _value(expression: Expression, row: dict[str, Any], now_s: float) -> Any:
    match expression:
        case Value(value):
            return value
        case Name((first, *members)):
            value = row[first]  # KeyError: no command before this one gives it
            for member in members:
                value = value.get(member) if isinstance(value, dict) else None
            return value
        case Call("now", ()):
            return now_s
    if expression.function in AGGREGATES:
        raise SyntaxError(f"{expression.function} outside of stats")
    values = [_value(argument, row, now_s) for argument in expression.arguments]
    if expression.function in FUNCTIONS:
        return FUNCTIONS[expression.function](*values)
    left, right = values
    match expression.function:
        case "and":
            return bool(left and right)
        case "or":
            return bool(left or right)
        case "=":
            return _comparable(left, right) and left == right
        case "!=":
            return not (_comparable(left, right) and left == right)
    if left is None or right is None:
        return None
    return {
        "<": lambda: left < right,
        ">": lambda: left > right,
        "<=": lambda: left <= right,
        ">=": lambda: left >= right,
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
    }[expression.function]()


def _comparable(left: Any, right: Any) -> bool:
    return isinstance(left, str) == isinstance(right, str)
