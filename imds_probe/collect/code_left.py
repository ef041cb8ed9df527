"""Which libraries are not read, but left to those that recognise them: what they have found, where its version decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.code_tasks import Left
from imds_probe.facts.software import SdkSoftware, Software


def left(catalog: Catalog, found: Iterable[Software]) -> Left:
    """The libraries among what was `found` that are not read, each with the processes in which it is that one. What nobody has
    recognised is read, and so is what its version does not decide about.
    """
    decided: defaultdict[str, set[int]] = defaultdict(set)
    undecided: defaultdict[str, set[int]] = defaultdict(set)
    for entry in found:
        if isinstance(entry, SdkSoftware):
            judged = catalog.judge(
                entry.component,
                manager=entry.manager,
                version=entry.version,
                at_least=entry.sdk.at_least,
                below=entry.sdk.below,
            )
            for name in named(entry.manager, entry.package):
                (undecided if judged.status == "unknown" else decided)[name].update(entry.pids)
    return tuple((name, tuple(sorted(decided[name] - undecided[name]))) for name in sorted(decided))


def is_left(manager: str, package: str, pids: Iterable[int], by: Left) -> bool:
    """Whether a package is one of them in all of these processes; without any, on disk."""
    names = {*named(manager, package)}
    return any(name in names and set(pids) <= set(used_by) for name, used_by in by)


def named(ecosystem: str, name: str) -> Iterator[str]:
    """A library as Following has it, by what its directory or archive may be called: of Maven's names, the artefact, too."""
    yield f"{ecosystem} {name.lower().replace('_', '-')}"
    if ecosystem == "maven":
        yield f"{ecosystem} {name.rpartition(':')[2].lower()}"
