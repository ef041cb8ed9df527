"""What a program's own code has an SDK ask for, beside what the SDK does by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from imds_probe.catalog.rows import Row
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Code
from imds_probe.facts.facts import Facts


@dataclass(frozen=True)
class Call:
    """One name that stands for a call, and the file that has it."""

    name: str
    path: str


def calls(
    row: Row | None, facts: Facts, pids: Collection[int], container_ids: Collection[str] = ()
) -> tuple[Call, ...]:
    """The calls of an SDK that code has which these processes run, or which is started in these containers. Code that speaks to the
    service itself is left out: it has the SDK merged into it, whose own names these are, and is judged by what it does.
    """
    names = {name for asked in row.asks_for for name in asked.calls} if row is not None else set()
    return tuple(dict.fromkeys(_calls(names, facts, set(pids), set(container_ids)))) if names else ()


def _calls(names: Collection[str], facts: Facts, pids: set[int], container_ids: set[str]) -> Iterable[Call]:
    for code in facts[Code].code:
        if code.speaks != "mentions" or code.component is not None or code.runs == "lies":
            continue
        if not pids.isdisjoint(code.pids) or not container_ids.isdisjoint(code.container_ids):
            yield from (Call(word, code.path) for word in code.quote if word in names)
