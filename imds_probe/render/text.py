"""The report as text for a terminal and for SSM, which shows the first 2,500 characters: the verdict comes first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imds_probe.duration import in_words
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.host import Host
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.instance import Instance
from imds_probe.facts.software import SdkSoftware, Software
from imds_probe.findings import Finding, State
from imds_probe.render.escape import terminal
from imds_probe.report import JudgedContainer, Report

HEADLINES: dict[State, tuple[str, str]] = {
    "ready": ("READY", "green"),
    "needs-hop-limit": ("NEEDS A HIGHER HOP LIMIT", "yellow"),
    "not-ready": ("NOT READY", "red"),
    "unknown": ("UNKNOWN", "yellow"),
}
SENTENCES: dict[State, str] = {
    "ready": "This host may be switched to IMDSv2-only.",
    "needs-hop-limit": "This host may be switched, if the same command raises the hop limit.",
    "not-ready": "Do not switch this host to IMDSv2-only yet: something on it would break.",
    "unknown": "Whether this host may be switched cannot be said: not enough could be seen.",
}
# The same where IMDSv2-only is in force already: nothing is left to switch, but something may be broken by it.
SWITCHED: dict[State, str] = {
    "ready": "This host is IMDSv2-only already.",
    "needs-hop-limit": "This host is IMDSv2-only already, and its hop limit is too low for a container that needs metadata.",
    "not-ready": "This host is IMDSv2-only already, and something on it is broken by that.",
    "unknown": "This host is IMDSv2-only already; whether that breaks something cannot be said.",
}
CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
CONTAINER_COLUMNS = ("container", "image", "distance", "token", "needs limit", "credentials", "needs metadata")
CONTAINERS_SHOWN = 20
CALLER_COLUMNS = ("version", "calls", "refused", "last", "program", "unit", "container", "after")
CALLERS_SHOWN = 10
SOFTWARE_SHOWN = 40
NAME_WIDTH = 32
PATH_WIDTH = 48
# The rest is counted, and is all in the JSON report.
FINDINGS_SHOWN = 6  # of each kind
EVIDENCE_SHOWN = 2  # of each finding


@dataclass(frozen=True)
class Style:
    """How to write: `width` in columns, colour only where a terminal understands it."""

    width: int = 100
    colour: bool = False

    def paint(self, text: str, *names: str) -> str:
        return f"\x1b[{';'.join(CODES[name] for name in names)}m{text}\x1b[0m" if self.colour else text

    def wrap(self, text: str, indent: str, hanging: str) -> str:
        return textwrap.fill(
            terminal(text),
            self.width,
            initial_indent=indent,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )


def render(report: Report, style: Style) -> str:
    """The whole text, ending in a line feed. Commands are never wrapped: they are there to be pasted."""
    return "\n".join(_lines(report, style)) + "\n"


def _lines(report: Report, style: Style) -> Iterator[str]:
    verdict = report.verdict
    headline, colour = HEADLINES[verdict.state]
    yield f"{style.paint(headline, colour, 'bold')}  {terminal(_who(report))}"
    yield style.wrap(_sentence(report), "", "")
    blocking = [f for f in report.findings if f.implies in ("not-ready", "needs-hop-limit")]
    unseen = [f for f in report.findings if f.implies == "unknown"]
    rest = [f for f in report.findings if not f.implies]
    yield from _section("What blocks", blocking, style, with_fix=True)
    yield from _section("What could not be seen", unseen, style, with_fix=True)
    # The commands before what hangs on nothing: SSM cuts the text off.
    yield from _commands(report, style)
    yield from _section("Worth knowing", rest, style, with_fix=False)
    yield from _state(report, style)
    yield from _containers(report, style)
    yield from _callers(report, style)
    yield from _software(report, style)
    yield ""
    if report.findings:
        yield style.paint(f"More on a finding: imds-probe explain {report.findings[0].id}", "dim")
    yield style.paint("Everything that was seen: imds-probe run --output json", "dim")


def _who(report: Report) -> str:
    instance = report.facts.get(Instance)
    parts = [instance.instance_id, instance.region, instance.instance_type] if instance else []
    name = " ".join(part for part in parts if part)
    return " ".join(
        part for part in (name, f"({report.facts[Host].hostname})" if report.facts[Host].hostname else "") if part
    )


def _switched_already(report: Report) -> bool:
    return switched_already(report.facts.get(Imds))


def _sentence(report: Report) -> str:
    verdict = report.verdict
    sentence = SENTENCES[verdict.state]
    if _switched_already(report):
        sentence = SWITCHED[verdict.state]
    evidence = f"Confidence: {verdict.confidence}" + (f" ({', '.join(verdict.evidence)})" if verdict.evidence else "")
    # Only "ready" has a reason that no finding below says.
    why = f" {verdict.reasons[0][:1].upper()}{verdict.reasons[0][1:]}." if verdict.state == "ready" else ""
    deselected = [run.id for run in report.rules if run.deselected]
    left_out = f" Not judged, as asked: {', '.join(deselected)}." if deselected else ""
    return f"{sentence}{why}{left_out} {evidence}."


def _section(title: str, findings: list[Finding], style: Style, *, with_fix: bool) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield style.paint(title, "bold")
    for finding in findings[:FINDINGS_SHOWN]:
        mark = {"blocker": "x", "warning": "!", "info": "-"}[finding.severity]
        yield style.wrap(f"{finding.summary} [{finding.id}]", f"  {mark} ", "    ")
        if finding.evidence and (with_fix or finding.severity == "warning"):
            more = len(finding.evidence) - EVIDENCE_SHOWN
            rest = f"; and {more} more" if more > 0 else ""
            yield style.wrap(f"seen: {'; '.join(finding.evidence[:EVIDENCE_SHOWN])}{rest}", "      ", "      ")
        if with_fix and finding.fix:
            yield style.wrap(f"fix:  {finding.fix.text}", "      ", "            ")
            yield from (f"        {terminal(command)}" for command in finding.fix.commands)
    if len(findings) > FINDINGS_SHOWN:
        yield f"    and {len(findings) - FINDINGS_SHOWN} more"


def _state(report: Report, style: Style) -> Iterator[str]:
    imds = report.facts.get(Imds)
    if imds is None:
        return
    yield ""
    yield style.paint("Instance metadata service", "bold")
    limit = f"{imds.hop_limit} (by {imds.hop_limit_method})" if imds.hop_limit else "not measured"
    tags = {True: "on", False: "off", None: "unknown"}[imds.instance_tags]
    parts = [
        f"endpoint {imds.endpoint}",
        f"tokens {imds.tokens}",
        f"hop limit {limit}",
        f"IPv6 {imds.ipv6}",
        f"tags {tags}",
    ]
    yield style.wrap(", ".join(parts), "  ", "  ")
    made = report.probe
    yield style.wrap(
        f"This run made {_count(made.imdsv2_requests_made, 'request')} with a token or for one, "
        f"{made.imdsv1_requests_made} without.",
        "  ",
        "  ",
    )


def _containers(report: Report, style: Style) -> Iterator[str]:
    if not report.containers:
        return
    yield ""
    yield style.paint("Containers", "bold")
    shown = [entry for entry in report.containers if not entry.container.sandbox]
    # Those that something hangs on come first: a busy host has more than anybody wants to read.
    shown.sort(key=_urgency)
    yield from _table(CONTAINER_COLUMNS, (container_cells(entry) for entry in shown[:CONTAINERS_SHOWN]))
    if len(shown) > CONTAINERS_SHOWN:
        yield f"  and {len(shown) - CONTAINERS_SHOWN} more"


def _urgency(entry: JudgedContainer) -> tuple[bool, bool, int]:
    main = entry.container.main
    arrives = main is not None and main.token == "ok"
    return arrives, entry.need.state == "unlikely", -(entry.container.needs_hop_limit or 0)


def container_cells(entry: JudgedContainer) -> tuple[str, ...]:
    """One row under CONTAINER_COLUMNS. Raw text, to be escaped by whoever shows it."""
    container, main = entry.container, entry.container.main
    image = container.image or container.runtime
    distance = "?" if main is None or main.distance is None else str(main.distance)
    return (
        container.title[:NAME_WIDTH],
        image if len(image) <= NAME_WIDTH else f"...{image[3 - NAME_WIDTH :]}",  # the end has the version
        "host" if container.network == "host" else distance,
        str(main.token) if main else "not measured",
        str(container.needs_hop_limit or "?"),
        entry.need.credentials,
        entry.need.state,
    )


def _callers(report: Report, style: Style) -> Iterator[str]:
    callers = report.facts.get(Callers)
    if callers is None:
        return
    yield ""
    yield style.paint("Who called the metadata service", "bold")
    yield style.wrap(watched(callers), "  ", "  ")
    shown = [each for each in callers.by if not each.probe]
    if shown:
        yield from _table(CALLER_COLUMNS, map(caller_cells, shown[:CALLERS_SHOWN]))
    if len(shown) > CALLERS_SHOWN:
        yield f"  and {len(shown) - CALLERS_SHOWN} more"


def watched(callers: Callers) -> str:
    """For how long was watched, and how many calls were seen, in a sentence."""
    return (
        f"Watched {in_words(callers.observed_s)} of the last {in_words(callers.window_s)}: "
        f"{_count(callers.imdsv1, 'call')} by IMDSv1, {callers.imdsv2} by IMDSv2."
    )


def caller_cells(caller: CallerSeen) -> tuple[str, ...]:
    """One row under CALLER_COLUMNS. Raw text, to be escaped by whoever shows it."""
    program = caller.program
    return (
        caller.version,
        str(caller.count),
        str(caller.refused),
        caller.last_seen,
        program if len(program) <= NAME_WIDTH else f"...{program[3 - NAME_WIDTH :]}",
        caller.unit or "-",
        caller.container or "-",
        caller.path_class,
    )


def _software(report: Report, style: Style) -> Iterator[str]:
    if not report.software:
        return
    yield ""
    yield style.paint("Software held against the catalog", "bold")
    header: tuple[str, ...] = ("component", "version", "needs", "status")
    shown = list(report.software)
    if len(shown) > SOFTWARE_SHOWN:
        # What something hangs on first; the rest is all in the JSON report.
        shown.sort(key=lambda entry: (entry.requirement.status == "ok", not entry.software.pids))
    rows: list[tuple[str, ...]] = [
        (
            entry.software.component,
            entry.software.said_version,
            entry.requirement.minimum or "?",
            entry.requirement.status,
        )
        for entry in shown[:SOFTWARE_SHOWN]
    ]
    if any(entry.software.container or isinstance(entry.software, SdkSoftware) for entry in shown):
        header = (*header, "where")
        rows = [(*row, where(entry.software)) for row, entry in zip(rows, shown, strict=False)]
    yield from _table(header, rows)
    if len(shown) > SOFTWARE_SHOWN:
        yield f"  and {len(shown) - SOFTWARE_SHOWN} more"


def where(software: Software) -> str:
    """The container that it is in, or that it is on the host; of a library the first place, and how many use it."""
    more = f" and {len(software.also_in)} more" if software.also_in else ""
    system = f"{software.container}{more}" if software.container else "host"
    if not isinstance(software, SdkSoftware):
        return system
    path, places, users = software.path or "", software.sdk.places, len(software.pids)
    shown = path if len(path) <= PATH_WIDTH else f"...{path[3 - PATH_WIDTH :]}"  # the end has the version
    rest = f" and {_count(places - 1, 'more place')}" if places > 1 else ""
    used = f"used by {_count(users, 'process', 'processes')}" if users else "not in use"
    return f"{system}: {shown}{rest}, {used}"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    lines = [header, *(tuple(terminal(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()


def _commands(report: Report, style: Style) -> Iterator[str]:
    verdict = report.verdict
    if verdict.switch is None or verdict.rollback is None:
        return
    yield ""
    yield style.paint(
        "To switch" if verdict.state in ("ready", "needs-hop-limit") else "To switch, once it is ready", "bold"
    )
    yield f"  {terminal(verdict.switch.aws_cli)}"
    if verdict.price:
        yield style.wrap(f"{verdict.price}.", "  ", "  ")
    yield style.paint("To roll back", "bold")
    yield f"  {terminal(verdict.rollback.aws_cli)}"


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
