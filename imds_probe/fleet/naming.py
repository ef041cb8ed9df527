"""What has to change on a host before the switch, named so that the same change has the same name on every host.

The fix for what is in a container is another image; on the host it is a component with its version, or a script. A finding that
has no such thing behind it is a check: its own id is the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from imds_probe.escape import encodable
from imds_probe.fleet.hosts import Fix, HopNeed, V1Caller
from imds_probe.fleet.lean import Caller, Container, Finding, LeanReport

NAME_MAX = 160
FIXES_MAX, CALLERS_MAX, HOPS_MAX = 32, 16, 16
CALLS_MAX = 1 << 40  # of one caller; more would not fit where many are added up
_ID_SHOWN = 12  # as facts.containers has it
_HOLDS = frozenset(("not-ready", "unknown"))
# Rules whose findings are on software, and those on who calls.
_ON_SOFTWARE, _ON_CALLERS = frozenset(("software", "sdks")), frozenset(("callers", "rehearsals"))
_OF_REASON = re.compile(r"\[([a-z0-9-]{1,60})\]$")
_OF_RULE = re.compile(r"rule ([a-z0-9-]{1,60}) was not judged")
# Subjects that say no more than the finding's id does.
_GENERAL = frozenset(
    (
        *(
            "host",
            "containers",
            "programs",
            "watch",
            "sdks",
            "metadata service",
            "rehearsal",
            "more callers",
            "more code",
        ),
        *("container-software", "settings"),
    )
)


def fixes_of(report: LeanReport) -> tuple[tuple[Fix, ...], int]:
    """What holds the host back, in the order of the report, and how many more there are than are kept. Nothing where the host may
    be switched. A verdict that no finding explains is explained by its reasons.
    """
    if report.verdict.state not in _HOLDS:
        return (), 0
    off = report.imds is not None and report.imds.endpoint == "disabled"  # then nothing unseen loses anything
    containers = _Containers(report.containers or ())
    found: dict[Fix, None] = {}
    for finding in report.findings:
        if finding.implies in _HOLDS and not (off and finding.implies == "unknown"):
            found |= dict.fromkeys(_of_finding(finding, report, containers))
    if not found:
        found = dict.fromkeys(by_reasons(report.verdict.reasons))
    return tuple(found)[:FIXES_MAX], max(0, len(found) - FIXES_MAX)


def by_reasons(reasons: Sequence[str]) -> Iterator[Fix]:
    """By the reasons of a verdict alone, where no finding is there any more."""
    named = False
    for reason in reasons:
        if match := _OF_REASON.search(reason):
            named = True
            yield Fix("check", match[1], match[1])
        elif match := _OF_RULE.match(reason):
            named = True
            yield Fix("check", match[0], "")
    if not named:
        yield Fix("check", "not explained by the report", "")


def callers_of(report: LeanReport) -> tuple[V1Caller, ...]:
    """Who called IMDSv1, the probe left out: those who called most often."""
    if report.callers is None:
        return ()
    containers = _Containers(report.containers or ())
    calls: dict[tuple[str, str], int] = {}
    for caller in report.callers.by:
        if caller.version == "v1" and not caller.probe:
            key = text(caller.script or caller.program), text(containers.image_of(caller))
            calls[key] = min(calls.get(key, 0) + max(0, caller.count), CALLS_MAX)
    most = sorted(calls.items(), key=lambda each: (-each[1], each[0]))[:CALLERS_MAX]
    return tuple(V1Caller(program, image, count) for (program, image), count in most)


def hops_of(report: LeanReport) -> tuple[HopNeed, ...]:
    """The containers that the token does not reach, by image, where they may need metadata. A distance that the report itself does
    not believe counts for nothing.
    """
    needed: dict[str, int] = {}
    most = (report.verdict.switch.http_put_response_hop_limit if report.verdict.switch else None) or 64
    for each in report.containers or ():
        limit = each.needs_hop_limit or 0
        if each.token == "lost" and 0 < limit <= most and not each.sandbox and each.metadata_need != "unlikely":
            name = text(each.image or each.name or each.id[:_ID_SHOWN])
            needed[name] = max(needed.get(name, 0), limit)
    return tuple(HopNeed(name, limit) for name, limit in sorted(needed.items())[:HOPS_MAX])


def text(value: str | None) -> str:
    """A name that is kept: bounded, its end where it is long, and such that UTF-8 can encode it."""
    return encodable(value[-NAME_MAX:]) if value else ""


class _Containers:
    """Containers by whatever a report calls them."""

    def __init__(self, containers: Sequence[Container]) -> None:
        self._by_id = {each.id: each for each in containers}
        self._by_name: dict[str, Container] = {}
        for each in containers:
            names = [each.id[:_ID_SHOWN], *([each.name] if each.name else [])]
            names += [f"{each.pod}/{name}" for name in names] if each.pod else []
            for name in names:
                self._by_name.setdefault(name, each)

    def image(self, identity: str | None, title: str | None) -> str:
        """The container's image, or else what it is called; empty outside of containers."""
        found = self._by_id.get(identity or "") or self._by_name.get(title or "")
        if found is None and title and "/" in title:  # the namespace of a pod may stand before it
            found = self._by_name.get("/".join(title.split("/")[-2:]))
        if found is not None and found.image:
            return found.image
        called = title or (found.name if found else None) or (identity or "")[:_ID_SHOWN]
        return f"container {called}" if called else ""

    def image_of(self, caller: Caller) -> str:
        if caller.image:
            return caller.image
        return self.image(caller.container_id, caller.container) if caller.container or caller.container_id else ""


def _of_finding(finding: Finding, report: LeanReport, containers: _Containers) -> Iterator[Fix]:
    kind = finding.id[:NAME_MAX]
    found: list[Fix] = []
    if finding.rule in _ON_SOFTWARE:
        found = list(_of_software(finding, report, containers))
    elif finding.rule in _ON_CALLERS:
        found = list(_of_callers(finding, report, containers))
    elif finding.rule == "code":
        found = list(_of_code(finding, report, containers))
    if found:
        yield from found
    elif finding.subject in _GENERAL or finding.subject == kind:
        yield Fix("check", kind, kind)
    else:
        yield Fix("check", text(f"{kind}: {finding.subject}"), kind)


def _of_software(finding: Finding, report: LeanReport, containers: _Containers) -> Iterator[Fix]:
    rows = [each for each in report.software if each.component == finding.subject and each.requirement.status != "ok"]
    # One finding is on one version, which its summary has.
    rows = [
        each for each in rows if each.version and f"{each.version} " in f"{finding.summary} ".replace(",", " ")
    ] or rows
    for row in rows:
        title = row.container if len(row.container_ids) == 1 else None
        inside = [containers.image(each, title) for each in row.container_ids]
        if not inside and row.container:
            inside = [containers.image(None, row.container)]
        for image in inside:
            yield _of_image(image)
        if row.container is None:
            yield Fix("software", text(f"{row.component} {row.version or 'of unknown version'}"), finding.id[:NAME_MAX])


def _of_callers(finding: Finding, report: LeanReport, containers: _Containers) -> Iterator[Fix]:
    for caller in report.callers.by if report.callers else ():
        if caller.version == "v1" and not caller.probe and _is_subject(caller, finding.subject):
            image = containers.image_of(caller)
            if image:
                yield _of_image(image)
            elif caller.script:
                yield Fix("script", text(caller.script), finding.id[:NAME_MAX])
            else:
                yield Fix("program", text(caller.unit or caller.program), finding.id[:NAME_MAX])


def _is_subject(caller: Caller, subject: str) -> bool:
    """As rules.caller_phrases.called makes the subject."""
    if caller.container:
        return subject in (caller.container, f"{caller.container}: {caller.script}")
    return subject in (caller.script, caller.unit, caller.program)


def _of_code(finding: Finding, report: LeanReport, containers: _Containers) -> Iterator[Fix]:
    for code in report.code or ():
        if finding.subject == code.path or finding.subject.startswith(f"{code.path} in "):
            if code.container_ids:
                for each in code.container_ids:
                    yield _of_image(containers.image(each, None))
            elif code.package:
                yield Fix("software", text(code.package), finding.id[:NAME_MAX])
            else:
                yield Fix("script", text(code.path), finding.id[:NAME_MAX])


def _of_image(image: str) -> Fix:
    """One fix for all that is wrong with an image: it is built once."""
    return Fix("image", text(image))
