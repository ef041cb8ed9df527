"""What a reader wants to know at once, a few words each."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.duration import in_words
from imds_probe.facts.callers import Callers
from imds_probe.facts.imds import Imds
from imds_probe.render.page.blocks import Figures, Part, Tone
from imds_probe.render.page.bounds import NOT_KNOWN, Bounds
from imds_probe.report import Report

HEADING = "At a glance"
_CONFIDENCE: dict[str, Tone] = {"high": "good", "medium": "plain", "low": "care"}


def figures(report: Report, bounds: Bounds) -> Iterator[Part]:
    """Only where there is room for what the sentences below say again."""
    if bounds.drawn:
        yield Part(HEADING, (Figures(tuple(_figures(report))),))


def _figures(report: Report) -> Iterator[tuple[str, str, Tone]]:
    verdict = report.verdict
    yield "Confidence", verdict.confidence, _CONFIDENCE[verdict.confidence]
    if verdict.evidence:
        yield "Evidence", ", ".join(verdict.evidence), "plain"
    imds = report.facts.get(Imds)
    if imds is not None:
        tokens: dict[str, Tone] = {"required": "good", "optional": "plain"}
        yield "Tokens", imds.tokens if imds.tokens in tokens else NOT_KNOWN, tokens.get(imds.tokens, "care")
        yield "Hop limit", *_hop_limit(report, imds)
    callers = report.facts.get(Callers)
    if callers is None:
        yield "Calls by IMDSv1", "nobody watched", "unknown"
    else:
        tone: Tone = "bad" if callers.imdsv1 else "good"
        yield "Calls by IMDSv1", f"{callers.imdsv1} in {in_words(callers.observed_s)}", tone
    if report.containers is not None:
        yield "Containers", *_containers(report)


def _hop_limit(report: Report, imds: Imds) -> tuple[str, Tone]:
    switch = report.verdict.switch
    wanted = switch.http_put_response_hop_limit if switch else None
    if imds.hop_limit is None:
        return NOT_KNOWN, "care"
    if switch is not None and wanted is not None and wanted > imds.hop_limit:
        return f"{imds.hop_limit}, {wanted} {'to try' if switch.try_first else 'needed'}", "care"
    return str(imds.hop_limit), "plain"


def _containers(report: Report) -> tuple[str, Tone]:
    members = [each for each in report.containers or () if not each.container.sandbox]
    without = sum(each.container.main is not None and each.container.main.token == "lost" for each in members)
    said = str(len(members)) if members else "none"
    return (f"{said}, {without} without a token", "care") if without else (said, "plain")
