"""Containers as a table."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.render.page.blocks import Part, Table, Text
from imds_probe.render.page.bounds import Bounds, cut, cut_front, first, known
from imds_probe.report import JudgedContainer, Report

HEADING = "Containers"
COLUMNS = ("container", "image", "hops", "token", "needs hop limit", "credentials", "needs metadata")
SPARE = ("image", "credentials")


def containers(report: Report, bounds: Bounds) -> Iterator[Part]:
    """Those that something hangs on come first: a busy host has more than anybody wants to read."""
    if report.containers is None:
        return
    entries = sorted((entry for entry in report.containers if not entry.container.sandbox), key=_urgency)
    if not entries:
        yield Part(HEADING, (Text("No containers were found."),))
        return
    shown, more = first(entries, bounds.containers)
    yield Part(HEADING, (Table(COLUMNS, tuple(_cells(entry, bounds.width) for entry in shown), more, spare=SPARE),))


def _urgency(entry: JudgedContainer) -> tuple[bool, bool, int]:
    main = entry.container.main
    arrives = main is not None and main.token == "ok"
    return arrives, entry.need.state == "unlikely", -(entry.container.needs_hop_limit or 0)


def _cells(entry: JudgedContainer, width: int) -> tuple[str, ...]:
    container, main = entry.container, entry.container.main
    return (
        cut(container.title, width),
        cut_front(container.image or container.runtime, width),
        "host" if container.network == "host" else known(main and main.distance),
        main.token.replace("-", " ") if main else "not tried",
        known(container.needs_hop_limit),
        known(entry.need.credentials),
        known(entry.need.state),
    )
