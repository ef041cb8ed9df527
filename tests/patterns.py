"""Every regular expression of the program, found in its code, and how much longer its worst inputs take when they are longer.

A pattern is linear if no text makes the time grow faster than the text. The texts are derived from the pattern: what leads to a
repeat, then something that the repeat takes, over and over, then what makes all of it fail.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import itertools
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from re import _constants as sre
from re import _parser as parser
from typing import Any

import imds_probe

PACKAGE = Path(imds_probe.__file__).parent
FUNCTIONS = ("compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
# Short ones first: with a pattern that is exponential the long ones would never end.
SIZES = (16, 24, 40, 64, 256, 2048, 4096)
SHORT, SHORT_MAX_S = 64, 0.02
SLOW_S = 0.5  # of CPU time; what is linear takes some milliseconds for the longest
FROM_S = 0.004  # below, time is mostly the clock's and the cache's
GROWTH_MAX = 3.0  # with twice the length: 2 of what is linear, 4 of what is quadratic
LOOKS, LOOKS_CLEAR, CLEAR_S = 10, 3, 0.1  # what takes that long is not linear, and no neighbour makes it look so
Pattern = str | bytes


@dataclass(frozen=True)
class Use:
    """A pattern in the code, and how it is applied."""

    where: str
    pattern: Pattern
    flags: int
    functions: tuple[str, ...]


class _Unknown(str):
    """Stands for a value that only a run knows, in a pattern that is put together."""

    def __getattr__(self, name: str) -> _Unknown:
        return self


class _Names(dict[str, Any]):
    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__()
        self.known = known
        self.unknown: set[str] = set()

    def __missing__(self, name: str) -> Any:
        if name in self.known or hasattr(builtins, name):
            raise KeyError(name)
        self.unknown.add(name)
        return _Unknown("x")


def uses() -> list[Use]:
    """All there are. Raises ValueError for one that cannot be told from the code."""
    nodes = {file: list(ast.walk(ast.parse(file.read_text()))) for file in sorted(PACKAGE.rglob("*.py"))}
    methods, callers = _methods(nodes), _callers(nodes)
    found = []
    for file, own in nodes.items():
        calls = list(_calls(own))
        if file.name == "__main__.py" or not calls:
            continue
        names = _names_of(file)
        parents = {child: node for node in own for child in ast.iter_child_nodes(node)}
        for call in calls:
            where = f"{file.relative_to(PACKAGE)}:{call.lineno}"
            name = call.func.attr if isinstance(call.func, ast.Attribute) else "search"
            applied = (name,)
            if name == "compile":
                target = parents[call]
                held = (
                    target.targets[0].id
                    if isinstance(target, ast.Assign) and isinstance(target.targets[0], ast.Name)
                    else ""
                )
                applied = tuple(sorted(methods.get(held, ()))) or ("match", "search", "findall", "sub")
            given = call.args[0] if call.args else next(each.value for each in call.keywords if each.arg == "pattern")
            flags = _flags(call, names)
            for pattern in _patterns(given, names, parents, callers):
                found.append(Use(where, pattern, flags, applied))
    return found


def _names_of(file: Path) -> dict[str, Any]:
    dotted = ".".join(("imds_probe", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    return vars(importlib.import_module(dotted))


def _calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        of_re = (
            isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re"
        )
        if (of_re and function.attr in FUNCTIONS) or any(each.arg == "pattern" for each in node.keywords):  # type: ignore[union-attr]
            yield node


def _methods(nodes: Mapping[Path, list[ast.AST]]) -> dict[str, set[str]]:
    """By which functions what has a name is applied, in any module."""
    found: dict[str, set[str]] = {}
    for node in itertools.chain.from_iterable(nodes.values()):
        if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS:
            held = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
            found.setdefault(held, set()).add(node.attr)
    return found


def _callers(nodes: Mapping[Path, list[ast.AST]]) -> dict[str, list[tuple[Path, ast.Call]]]:
    """The calls of what has a name, in any module."""
    found: dict[str, list[tuple[Path, ast.Call]]] = {}
    for file, own in nodes.items():
        for node in own:
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                found.setdefault(name, []).append((file, node))
    return found


def _flags(call: ast.Call, names: Mapping[str, Any]) -> int:
    given = (*call.args[1:], *(word.value for word in call.keywords if word.arg == "flags"))
    flags = 0
    for each in given:
        if "re." in ast.unparse(each) and not isinstance(each, ast.Call):
            flags |= int(eval(ast.unparse(each), dict(names)))
    return flags


def _patterns(
    given: ast.expr,
    names: Mapping[str, Any],
    parents: Mapping[ast.AST, ast.AST],
    callers: Mapping[str, list[tuple[Path, ast.Call]]],
) -> Iterator[Pattern]:
    if isinstance(given, ast.Subscript) and isinstance(given.value, ast.Name):  # one of a table's
        yield from names[given.value.id].values()
        return
    known = _Names(names)
    value = eval(compile(ast.Expression(given), "pattern", "eval"), dict(names), known)
    if not isinstance(given, ast.Name) or given.id not in known.unknown:
        yield value
        return
    # An argument of the function around it: whatever its callers give.
    node: ast.AST = given
    while not (isinstance(node, ast.FunctionDef) and given.id in [each.arg for each in node.args.args]):
        node = parents[node]
    at = [each.arg for each in node.args.args].index(given.id)
    told = 0
    for file, call in callers.get(node.name, ()):
        told_by = call.args[at] if at < len(call.args) else None
        if isinstance(told_by, ast.Constant) and isinstance(told_by.value, str | bytes):
            told += 1
            yield told_by.value
        elif isinstance(told_by, ast.Name) and isinstance(_names_of(file).get(told_by.id), str | bytes):
            told += 1
            yield _names_of(file)[told_by.id]
    if not told:
        raise ValueError(f"nobody is seen to give {node.name} its {given.id}")


def grows(use: Use) -> str:
    """With which text the time grows faster than the text, empty where with none."""
    compiled = re.compile(use.pattern, use.flags)
    for before, pump, after in texts(use.pattern, use.flags):
        for function in use.functions:
            run = _applied(compiled, function)
            if _is_faster(lambda size, run=run, parts=(before, pump, after): _seconds(run, *parts, size)):  # type: ignore[misc]
                return f"{function} of {use.pattern!r} with {before!r} + {pump!r} * n + {after!r}"
    return ""


def _is_faster(seconds: Callable[[int], float]) -> bool:
    previous = took = 0.0
    for size in SIZES:
        previous, took = took, seconds(size)
        limit_s = SHORT_MAX_S if size <= SHORT else SLOW_S
        if took > limit_s and seconds(size) > limit_s:
            return True
    # The last two: up to 1000 characters a repeat that is bounded looks quadratic.
    if took > FROM_S and took > GROWTH_MAX * previous:
        # Again, one after the other, and each the least so far: somebody else may have had the core, or its other half.
        half = whole = float("inf")
        for _ in range(LOOKS if took < CLEAR_S else LOOKS_CLEAR):
            half, whole = (min(so_far, seconds(size)) for so_far, size in zip((half, whole), SIZES[-2:], strict=True))
            if whole <= GROWTH_MAX * half:
                return False
        return True
    return False


def _seconds(run: Callable[[Any], object], before: Any, pump: Any, after: Any, size: int) -> float:
    text = before + pump * max(1, size // len(pump)) + after
    began = time.thread_time()
    run(text)
    return time.thread_time() - began


def _applied(compiled: re.Pattern[Any], function: str) -> Callable[[Any], object]:
    empty = b"" if isinstance(compiled.pattern, bytes) else ""
    if function in ("sub", "subn"):
        return lambda text: compiled.sub(empty, text)
    if function == "finditer":
        return lambda text: deque(compiled.finditer(text), maxlen=0)
    return getattr(compiled, "search" if function == "compile" else function)  # type: ignore[no-any-return]


def texts(pattern: Pattern, flags: int = 0) -> Iterator[tuple[Pattern, Pattern, Pattern]]:
    """Before, what is repeated, and after: for each repeat with what leads to it, and with all characters that matter."""
    parsed = parser.parse(pattern, flags)
    letters = sorted(_letters(parsed))
    pumps: dict[tuple[str, str], None] = {}
    for before, body in _repeats(parsed, "", letters):
        sample = _sample(body, letters)
        for pump in (sample, *letters, *(sample + each for each in letters[:6])):
            if pump:
                pumps[before, pump] = None
    whole = _sample(parsed, letters)
    for pump in (whole, whole[:-1], *letters):
        if pump:
            pumps["", pump] = None
    for (before, pump), after in itertools.product(pumps, ("", "\0", "\n!")):
        parts = (before, pump, after)
        yield tuple(each.encode("latin-1") for each in parts) if isinstance(pattern, bytes) else parts  # type: ignore[misc]


def _letters(items: Any) -> set[str]:
    """A character for each way in which the pattern's sets of characters overlap, as far as they are ASCII."""
    sets = list(_sets(items))
    found: dict[tuple[bool, ...], str] = {}
    for code in (*range(33, 127), 32, 9, 10, 13, 0, 1, 127):
        found.setdefault(tuple(code in each for each in sets), chr(code))
    return {*found.values(), "\n"}  # a line's end is one also where the sets do not say so


def _sets(items: Any) -> Iterator[frozenset[int]]:
    for op, argument in items:
        codes = _codes(op, argument)
        if codes is not None:
            yield codes
        for inner in _inner(op, argument):
            yield from _sets(inner)


def _codes(op: Any, argument: Any) -> frozenset[int] | None:
    every = frozenset(range(256))
    if op is sre.LITERAL:
        return frozenset({argument})
    if op is sre.NOT_LITERAL:
        return every - {argument}
    if op is sre.ANY:
        return every - {10}
    if op is sre.IN:
        found: set[int] = set()
        for kind, value in argument:
            if kind is sre.LITERAL:
                found.add(value)
            elif kind is sre.RANGE:
                found.update(range(value[0], min(value[1], 255) + 1))
            elif kind is sre.CATEGORY:
                found |= _of_category(value)
        return every - found if argument[0][0] is sre.NEGATE else frozenset(found)
    return None


def _of_category(category: Any) -> frozenset[int]:
    sign = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[str(category).rpartition("_")[2]]
    sign = sign.upper() if "NOT" in str(category) else sign
    return frozenset(code for code in range(256) if re.match(sign, chr(code), re.ASCII))


def _inner(op: Any, argument: Any) -> list[Any]:
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [argument[2]]
    if op is sre.SUBPATTERN:
        return [argument[3]]
    if op is sre.BRANCH:
        return list(argument[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [argument[1]]
    if op is sre.ATOMIC_GROUP:
        return [argument]
    if op is sre.GROUPREF_EXISTS:
        return [each for each in argument[1:] if each]
    return []


def _repeats(items: Any, before: str, letters: list[str]) -> Iterator[tuple[str, Any]]:
    """Each repeat that may take many, with a text that leads to it."""
    for op, argument in items:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT) and argument[1] > 8:
            yield before, argument[2]
        for inner in _inner(op, argument):
            yield from _repeats(inner, before, letters)
        before += _sample([(op, argument)], letters)


def _sample(items: Any, letters: list[str]) -> str:
    """A short text that a part of a pattern takes."""
    text = ""
    for op, argument in items:
        codes = _codes(op, argument)
        if codes is not None:
            text += next((each for each in letters if ord(each) in codes), chr(min(codes, default=120)))
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            text += _sample(argument[2], letters) * max(argument[0], 1 if argument[1] else 0)
        elif op in (sre.SUBPATTERN, sre.ATOMIC_GROUP, sre.BRANCH):
            text += _sample(_inner(op, argument)[0], letters)
    return text
