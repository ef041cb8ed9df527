"""The verdict in words: headline, sentence, and the commands under headings that fit it."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.facts.host import Host
from imds_probe.facts.image import Image
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.instance import Instance
from imds_probe.findings import State
from imds_probe.render.page.blocks import Block, Command, Part, Text
from imds_probe.render.page.bounds import Bounds
from imds_probe.render.page.whole_switch import whole_switch
from imds_probe.report import Report
from imds_probe.rules.accepted_risks import counted

HEADLINES: dict[State, tuple[str, str]] = {
    "ready": ("READY", "green"),
    "needs-hop-limit": ("NEEDS A HIGHER HOP LIMIT", "yellow"),
    "not-ready": ("NOT READY", "red"),
    "unknown": ("UNKNOWN", "yellow"),
}
_OPEN: dict[State, str] = {
    "ready": "This host can be switched to IMDSv2-only.",
    "needs-hop-limit": "This host can be switched to IMDSv2-only if the same command raises the hop limit.",
    "not-ready": "Do not switch this host to IMDSv2-only yet: the switch would break something on it.",
    "unknown": "imds-probe cannot tell whether this host can be switched to IMDSv2-only.",
}
# Where IMDSv2-only is in force nothing is left to switch, but something may be broken by it.
_SWITCHED: dict[State, str] = {
    "ready": "This host is already IMDSv2-only.",
    "needs-hop-limit": "This host is already IMDSv2-only, and its hop limit is too low for a container that needs metadata.",
    "not-ready": "This host is already IMDSv2-only, and the switch broke something on it.",
    "unknown": "This host is already IMDSv2-only. imds-probe cannot tell whether the switch broke something on it.",
}
# Of an image, which is never switched itself.
_IMAGE: dict[State, str] = {
    "ready": "ImdsSupport=v2.0 can be set on this image.",
    "needs-hop-limit": "ImdsSupport=v2.0 can be set on this image.",
    "not-ready": "Do not set ImdsSupport=v2.0 on this image yet: it would break something on each instance of the image.",
    "unknown": "imds-probe cannot tell whether ImdsSupport=v2.0 can be set on this image.",
}
_ON_IMAGE = "The verdict rests on packages and code alone: nothing runs in an image, and no service was asked."
_FOR_IMAGE: dict[State, str] = {
    "ready": "Command to require tokens on instances of this image",
    "needs-hop-limit": "Command to require tokens on instances of this image",
    "not-ready": "Command for later, once this image is ready",
    "unknown": "Command for later, once this image is known to be ready",
}
_FOR_GOOD = (
    "This cannot be undone. Instances launched from the image require tokens and have hop limit 2, unless their launch says "
    "otherwise."
)
_TO_SWITCH: dict[State, str] = {
    "ready": "Command to switch",
    "needs-hop-limit": "Command to switch and raise the hop limit",
    "not-ready": "Command for later, once this host is ready",
    "unknown": "Command for later, once this host is known to be ready",
}
WAYS_SHOWN = 2
RISKS_SHOWN = 5
TO_RAISE = "Command to raise the hop limit"
TO_TRY = "Command to try the hop limit first"
TRIED = (
    "Nobody has measured whether the token arrives with this hop limit. Run imds-probe again: if the token arrives, that report "
    "has the command that requires tokens."
)
TO_UNDO = "Command to undo the switch"
FOR_TEMPLATE = "Command for the launch template, for later"
WAITS = "Do not require tokens yet in the launch template, Terraform or CloudFormation code of instances like this one."


def headline(report: Report) -> tuple[str, str]:
    """The verdict and its colour. One that rests on accepted risks says so, and is never green."""
    words, colour = HEADLINES[report.verdict.state]
    if not report.verdict.accepted:
        return words, colour
    return f"{words}, {counted(report.verdict.accepted)}", "yellow" if colour == "green" else colour


def is_switched(report: Report) -> bool:
    """Whether IMDSv2-only is in force already."""
    return switched_already(report.facts.get(Imds))


def host_name(report: Report) -> str:
    """The instance, and in brackets what its system calls itself, as far as they are known."""
    instance, hostname = report.facts.get(Instance), report.facts[Host].hostname
    parts = [instance.instance_id, instance.region, instance.instance_type] if instance else []
    return " ".join([*(part for part in parts if part), *([f"({hostname})"] if hostname else [])])


def sentence(report: Report) -> str:
    """What the verdict means for this host, what it stands on, and what was left out of it."""
    verdict = report.verdict
    image = report.facts.get(Image) is not None
    said = [(_IMAGE if image else _SWITCHED if is_switched(report) else _OPEN)[verdict.state]]
    if verdict.state == "ready":  # only this one has a reason that no finding says
        said.append(f"{verdict.reasons[0][:1].upper()}{verdict.reasons[0][1:]}.")
    if deselected := [run.id for run in report.rules if run.deselected]:
        said.append(f"Rules left out by --only or --skip: {', '.join(deselected)}.")
    said += [f"The rule {run.id} failed: {run.reason}." for run in report.rules if run.status == "error"]
    said += [_ON_IMAGE] if image else []
    said += [f"{verdict.switched.summary}."] if verdict.switched is not None else []
    evidence = f" (evidence: {', '.join(verdict.evidence)})" if verdict.evidence else ""
    said.append(f"Confidence: {verdict.confidence}{evidence}.")
    if verdict.valid_until is not None and verdict.state != "unknown":
        said.append(
            f"The verdict is valid until {verdict.valid_until[:16].replace('T', ' ')} UTC, unless something changes."
        )
    said += [f"{line}." for line in verdict.forgeable]
    return " ".join(said)


def commands(report: Report, bounds: Bounds) -> Iterator[Part]:
    """The commands that there is a use for. A host that is switched has no more to switch, but maybe a limit to raise."""
    verdict = report.verdict
    if verdict.image is not None:
        yield Part(_FOR_IMAGE[verdict.state], (Command(verdict.image.aws_cli), Text(_FOR_GOOD), *_accepted(report)))
    if verdict.switch is None:
        return
    price: list[Block] = [Text(line) for line in verdict.instead]  # first, as it costs nothing in security
    price += [Text(f"{verdict.price}.")] if verdict.price else []
    limit = verdict.switch.http_put_response_hop_limit
    price += _accepted(report)
    price += [Text(f"Hop limit {limit} is needed for this path: {way}.") for way in verdict.ways[:WAYS_SHOWN]]
    switched = is_switched(report)
    if first := verdict.switch.try_first:
        yield Part(TO_TRY, (Command(first), Text(TRIED), *price))
    elif not switched or _raises(report):
        heading = TO_RAISE if switched else _TO_SWITCH[verdict.state]
        made = verdict.switch.aws_cli
        yield Part(heading, (Command(made) if made else Text(verdict.switch.no_rollback), *price))
    undone: Block | None = Command(verdict.rollback.aws_cli) if verdict.rollback else None
    if verdict.switch.no_rollback and (verdict.switch.aws_cli or switched):
        undone = Text(verdict.switch.no_rollback)
    if undone is not None:
        yield Part(TO_UNDO, (undone,))
    yield from whole_switch(verdict.switch, bounds)
    if waits := verdict.switch.template_waits_for:
        said = [Text(f"{WAITS} {line[:1].upper()}{line[1:]}.") for line in waits]
        template = verdict.switch.launch_template
        yield Part(FOR_TEMPLATE, (*said, *([Command(template)] if template else [])))


def _accepted(report: Report) -> list[Block]:
    """What the command breaks, or may break, that somebody has accepted."""
    risks = report.verdict.accepted
    lines = [
        f"Accepted, and {'' if each.implies == 'not-ready' else 'perhaps '}broken by the switch: {each.summary} [{each.id}]."
        for each in risks[:RISKS_SHOWN]
    ]
    return [
        *map(Text, lines),
        *([Text(f"{more} more risks are accepted.")] if (more := len(risks) - len(lines)) else []),
    ]


def _raises(report: Report) -> bool:
    imds, switch = report.facts.get(Imds), report.verdict.switch
    wanted = switch.http_put_response_hop_limit if switch else None
    return imds is not None and wanted is not None and wanted > (imds.hop_limit or 1)
