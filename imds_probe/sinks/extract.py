"""What several sinks take out of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imds_probe.sinks.sink import Report


def instance(report: Report) -> Mapping[str, Any]:
    """What is known of the instance; empty where nothing is."""
    return report.get("instance") or {}


def blockers(report: Report) -> Counter[str]:
    """How many findings keep the host from being switched, by their id, in the order of the report."""
    return Counter(finding["id"] for finding in report["findings"] if finding["severity"] == "blocker")


def accepted(report: Report) -> list[Mapping[str, Any]]:
    """The risks that the verdict leaves out, the first to expire first. A report that waited may be an earlier version's."""
    return report["verdict"].get("accepted") or []


def switched(report: Report) -> Mapping[str, Any] | None:
    """The time since tokens are required; None where they are not. A report that waited may be an earlier version's."""
    found: Mapping[str, Any] | None = report["verdict"].get("switched")
    return found


def hop_limit_needed(report: Report) -> int | None:
    """The hop limit of the command to switch; None where there is none, and where it has to be tried by itself before."""
    switch = report["verdict"]["switch"] or {}
    found: int | None = None if switch.get("try_first") else switch.get("http_put_response_hop_limit")
    return found


def containers_lost(report: Report) -> list[Mapping[str, Any]] | None:
    """Running containers that the token does not reach; None where nobody could look."""
    containers = report["containers"]
    return (
        None if containers is None else [each for each in containers if each["token"] == "lost" and not each["sandbox"]]
    )
