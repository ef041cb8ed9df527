"""The report as one HTML page without scripts or outside resources, to attach to a ticket."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape as html_escape

from imds_probe.facts.callers import Callers
from imds_probe.facts.host import Host
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.findings import Finding
from imds_probe.render.escape import terminal
from imds_probe.render.text import (
    CALLER_COLUMNS,
    CONTAINER_COLUMNS,
    HEADLINES,
    SENTENCES,
    caller_cells,
    container_cells,
    watched,
    where,
)
from imds_probe.report import Report

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "h1 span{padding:.1em .5em;border-radius:.2em;color:#fff}.red{background:#b3261e}.green{background:#1e7a34}"
    ".yellow{background:#8a5a00}pre{background:#f4f4f4;padding:.7em;overflow-x:auto}td,th{text-align:left;"
    "padding:.2em 1em .2em 0}.seen{color:#555}"
)


def render(report: Report) -> str:
    """A complete document. The content policy in it forbids scripts, whatever a name in the report holds."""
    headline, colour = HEADLINES[report.verdict.state]
    instance = report.facts.get(Instance)
    title = f"{headline} {(instance and instance.instance_id) or ''}".strip()
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>",
            f'<h1><span class="{colour}">{_text(headline)}</span></h1>',
            f"<p>{_text(SENTENCES[report.verdict.state])} Confidence: {report.verdict.confidence}.</p>",
            *_about(report),
            *_findings(report),
            *_containers(report),
            *_callers(report),
            *_software(report),
            *_commands(report),
            f"<p>imds-probe {_text(report.probe.version)}, {_text(report.probe.started_at)}, "
            f"run {_text(report.probe.run_id)}</p>",
            "</body></html>",
            "",
        ]
    )


def _text(value: object) -> str:
    return html_escape(terminal(str(value)))


def _about(report: Report) -> Iterator[str]:
    rows: list[tuple[str, object]] = [
        ("Host", report.facts[Host].hostname),
        ("System", report.facts[Host].os.pretty_name),
    ]
    instance, imds = report.facts.get(Instance), report.facts.get(Imds)
    if instance:
        rows += [("Instance", instance.instance_id), ("Region", instance.region)]
    if imds:
        rows += [
            ("Endpoint", imds.endpoint),
            ("Tokens", imds.tokens),
            ("Hop limit", imds.hop_limit),
            ("IPv6", imds.ipv6),
        ]
    yield "<table>"
    for name, value in rows:
        yield f"<tr><th>{name}</th><td>{_text('not known' if value is None else value)}</td></tr>"
    yield "</table>"


def _findings(report: Report) -> Iterator[str]:
    if report.findings:
        yield "<h2>Findings</h2>"
    for finding in report.findings:
        yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"<h3>{_text(finding.severity)}: {_text(finding.summary)}</h3>"
    if finding.evidence:
        yield f'<p class="seen">Seen: {_text("; ".join(finding.evidence))}</p>'
    if finding.fix:
        yield f"<p>{_text(finding.fix.text)}</p>"
        if finding.fix.commands:
            yield f"<pre>{'<br>'.join(_text(command) for command in finding.fix.commands)}</pre>"


def _containers(report: Report) -> Iterator[str]:
    if not report.containers:
        return
    yield f"<h2>Containers</h2><table><tr>{''.join(f'<th>{name}</th>' for name in CONTAINER_COLUMNS)}</tr>"
    for entry in report.containers:
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in container_cells(entry)) + "</tr>"
    yield "</table>"


def _callers(report: Report) -> Iterator[str]:
    callers = report.facts.get(Callers)
    if callers is None:
        return
    yield f"<h2>Who called the metadata service</h2><p>{_text(watched(callers))}</p>"
    shown = [each for each in callers.by if not each.probe]
    if shown:
        yield f"<table><tr>{''.join(f'<th>{name}</th>' for name in CALLER_COLUMNS)}</tr>"
        for each in shown:
            yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in caller_cells(each)) + "</tr>"
        yield "</table>"


def _software(report: Report) -> Iterator[str]:
    if not report.software:
        return
    yield "<h2>Software</h2><table><tr><th>component</th><th>version</th><th>needs</th><th>status</th><th>where</th></tr>"
    for entry in report.software:
        needed = entry.requirement
        cells = (
            entry.software.component,
            entry.software.said_version,
            needed.minimum,
            needed.status,
            where(entry.software),
        )
        yield "<tr>" + "".join(f"<td>{_text('?' if cell is None else cell)}</td>" for cell in cells) + "</tr>"
    yield "</table>"


def _commands(report: Report) -> Iterator[str]:
    if report.verdict.switch and report.verdict.rollback:
        yield f"<h2>To switch</h2><pre>{_text(report.verdict.switch.aws_cli)}</pre>"
        if report.verdict.price:
            yield f"<p>{_text(report.verdict.price)}.</p>"
        yield f"<h2>To roll back</h2><pre>{_text(report.verdict.rollback.aws_cli)}</pre>"
