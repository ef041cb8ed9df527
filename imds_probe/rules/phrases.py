"""What several rules say of software and of the hop limit, in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.catalog.rows import RequiredSetting, Requirement, Row
from imds_probe.facts.containers import Containers
from imds_probe.facts.software import Software
from imds_probe.findings import Fix

NAMES_SHOWN = 3


def named(software: Software, row: Row | None) -> str:
    """The name and version of a piece of software."""
    return f"{row.name if row else software.component} {software.said_version}"


def only_v1(needed: Requirement) -> str:
    """What is wrong with software that is too old."""
    return f"speaks only IMDSv1{f'; IMDSv2 since {needed.minimum}' if needed.minimum else ', in every version'}"


def raise_hop_limit(limit: int) -> Fix:
    return Fix(f"Raise the hop limit to {limit} with the same command that requires tokens (see below).")


def set_to(setting: RequiredSetting) -> Fix:
    return Fix(f"Set {setting.key} to {setting.value} in {setting.place}, restart the program, and run again.")


def upgraded(package: str, minimum: str | None) -> str:
    """Upgrading, as an order without its full stop."""
    return f"Upgrade {package}{_newer(minimum)}"


def built_anew(what: str, package: str, minimum: str | None) -> str:
    """Building an image or an application anew, as an order without its full stop."""
    return f"Build {what} anew with {package} upgraded{_newer(minimum)}"


def image_built_anew(package: str, minimum: str | None) -> str:
    return f"{built_anew('the image', package, minimum)}, and start its containers again."


def _newer(minimum: str | None) -> str:
    return f" to {minimum} or later" if minimum else ""


def few(names: Sequence[str], *, count: int | None = None, noun: str = "") -> str:
    """The first few names and how many more there are: of `count`, where not all are known by name."""
    shown = names[:NAMES_SHOWN]
    more = (len(names) if count is None else count) - len(shown)
    return ", ".join(shown) + (f" and {more} more{noun}" if more > 0 else "")


def container_names(group: Iterable[Software], containers: Containers) -> list[str]:
    """What the containers are called that have the software, each of them once: also namesakes, which have ids of their own."""
    called: dict[str, str] = {}
    for entry in group:
        if entry.on_host:
            continue
        known = [each for container_id in entry.container_ids if (each := containers.by_id(container_id))]
        if known:
            called |= {each.id: each.title for each in known}
        else:
            called |= {name: name for name in (entry.container, *entry.also_in) if name}
    return list(called.values())
