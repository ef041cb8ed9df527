"""The tables that written pages in docs have inside, made from declarations: each between a comment with its name and the end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from imds_probe import __version__
from imds_probe.collect.collectors import COLLECTORS
from imds_probe.deprecation import DEPRECATED
from imds_probe.sinks import SINKS, declared

RELEASED = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", re.MULTILINE)
UNITS = ("imds-probe", "imds-probe-daemon", "imds-probe-boot")
LIMITS = {"CPUQuota": "of a processor", "MemoryMax": "memory", "TimeoutStartSec": "seconds at most"}
# For which reason a unit keeps a capability: a table lists those that the units really have.
CAPABILITIES = {
    "NET_RAW": "reads TTLs of packets: the hop limit, the distance of containers, who calls",
    "DAC_READ_SEARCH": "reads files that their owner alone may read: settings, code, package databases in containers",
    "SYS_PTRACE": "looks into other processes: namespaces, roots, libraries, names in the environment",
    "SYS_ADMIN": "enters the network namespaces of containers to try from inside; mounts and reads the tracepoint",
    "NET_ADMIN": "lists packet rules",
}
# Policies that are no sink's, with what takes them.
OTHERS = {"control-plane": "`run --control-plane`, `control_plane.ask`", "metadata-no-token": "`watch.compare_metric`"}


def pages(project: Path) -> Iterator[tuple[str, str]]:
    """Each page with tables by its path in the tree, with its tables anew."""
    tables: Mapping[str, Mapping[str, Callable[[Path], str]]] = {
        "docs/costs.md": {"limits": _limits, "memory": _memory},
        "docs/failure-states.md": {"collectors": _collectors},
        "docs/privileges.md": {"capabilities": _capabilities, "rights": _rights},
        "docs/versions.md": {"released": _released, "deprecated": _deprecated},
        "docs/what-it-sends.md": {"calls": _rights},
    }
    for name, made in tables.items():
        text = (project / name).read_text()
        for place, table in made.items():
            text = _placed(text, place, table(project), name)
        yield name, text


def _placed(text: str, place: str, table: str, name: str) -> str:
    begin = f"<!-- Made by `make declared`: {place}. -->\n"
    before, found, rest = text.partition(begin)
    _, end, after = rest.partition("<!-- The end. -->\n")
    if not found or not end:
        raise SystemExit(f"{name} has lost the place where declarations go: {begin}")
    return f"{before}{begin}\n{table}\n{end}{after}"


def _settings(project: Path, unit: str) -> Mapping[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", (project / f"systemd/{unit}.service").read_text(), re.MULTILINE))


def _limits(project: Path) -> str:
    rows = []
    for unit in UNITS:
        settings = _settings(project, unit)
        told = [f"{settings[key]} {what}" for key, what in LIMITS.items() if key in settings]
        rows.append(f"| `{unit}.service` | {', '.join(told)} |\n")
    return "| unit | limits |\n|---|---|\n" + "".join(rows)


def _memory(_: Path) -> str:
    by: dict[int, list[str]] = {}
    for each in COLLECTORS:
        if each.reads:
            by.setdefault(each.memory_mib, []).append(f"`{each.id}`")
    rows = "".join(f"| {mib} MiB | {', '.join(ids)} |\n" for mib, ids in sorted(by.items()))
    return f"| memory | collectors |\n|---|---|\n{rows}"


def _collectors(_: Path) -> str:
    rows = "".join(f"| `{each.id}` | {each.without} |\n" for each in COLLECTORS)
    return f"| collector | stays unknown |\n|---|---|\n{rows}"


def _capabilities(project: Path) -> str:
    kept: dict[str, list[str]] = {}
    for unit in UNITS:
        for name in _settings(project, unit).get("CapabilityBoundingSet", "").split():
            kept.setdefault(name.removeprefix("CAP_"), []).append(f"`{unit}`")
    if unknown := set(kept) - set(CAPABILITIES):
        raise SystemExit(f"give the reason of {', '.join(sorted(unknown))} in CAPABILITIES of {Path(__file__).name}")
    rows = "".join(
        f"| `{name}` | {CAPABILITIES[name]} | {'all' if len(units) == len(UNITS) else ', '.join(units)} |\n"
        for name, units in kept.items()
    )
    return f"| capability | reason | units |\n|---|---|---|\n{rows}"


def _rights(project: Path) -> str:
    rows = ""
    for name in SINKS:
        for policy in declared(name).policies:
            rows += f"| sink `{name}` | {_calls(policy.actions)} | `{policy.name}` |\n"
    for name, taker in OTHERS.items():
        document = json.loads((project / f"packaging/iam/{name}.json").read_text())
        actions = [
            action
            for statement in document["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        ]
        rows += f"| {taker} | {_calls(actions)} | `{name}` |\n"
    return f"| for | calls | policy |\n|---|---|---|\n{rows}"


def _released(project: Path) -> str:
    found = RELEASED.search((project / "CHANGELOG.md").read_text())
    if found is None:
        return (
            f"No version has been released yet. Packages that are made from the source have the number {__version__}.\n"
        )
    return f"The newest released version is {found[1]} of {found[2]}.\n"


def _deprecated(_: Path) -> str:
    if not DEPRECATED:
        return "Nothing is deprecated at present.\n"
    rows = "".join(
        f"| `{each.name}` | {f'`{each.instead}`' if each.instead else ''} | {each.since} | {each.until} |\n"
        for each in DEPRECATED
    )
    return f"| name | instead | deprecated in | gone in |\n|---|---|---|---|\n{rows}"


def _calls(actions: Sequence[str]) -> str:
    return ", ".join(f"`{action}`" for action in actions)
