"""What has to change on a host before the switch, named so that the same change has the same name on every host.

The fix for what is in a container is another image; on the host it is a component with its version, or a script. A finding that
has no such thing behind it is a check: its own id is the name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from imds_probe.escape import encodable
from imds_probe.facts.callers import HAVE_ENDED
from imds_probe.fleet.hosts import Fix, HopNeed, V1Caller
from imds_probe.fleet.lean import Caller, Code, Container, Finding, LeanReport, Software
from imds_probe.kept.generated_names import lasting, lasting_unit

NAME_MAX = 160
FIXES_MAX, CALLERS_MAX, HOPS_MAX = 32, 16, 16
ROWS_MAX = 50_000  # looked at for one report; a host with 100 findings has some 1000
_IN, _INS_MAX = re.compile(" in "), 16
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
    rows = _Rows(report)
    left_out = min(max(0, report.findings_left_out), ROWS_MAX)  # of a summary; any of them may hold the host back
    off = report.imds is not None and report.imds.endpoint == "disabled"  # then nothing unseen loses anything
    found: dict[Fix, None] = {}
    for finding in report.findings:
        if finding.implies not in _HOLDS or (off and finding.implies == "unknown"):
            continue
        if rows.spent(finding):
            left_out += 1
        else:
            found |= dict.fromkeys(_of_finding(finding, rows))
    if not found and not left_out:
        found = dict.fromkeys(by_reasons(report.verdict.reasons))
    return tuple(found)[:FIXES_MAX], max(0, len(found) - FIXES_MAX) + left_out


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
            key = text(lasting(caller.script or caller.program)), text(containers.image_of(caller))
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


class _Rows:
    """What findings may be on, by their subjects. A report of somebody's own making can have so many of both that naming their
    fixes takes minutes: after so many rows that were looked at, fixes are counted and not named.
    """

    def __init__(self, report: LeanReport) -> None:
        self.containers = _Containers(report.containers or ())
        self._software: defaultdict[str, list[Software]] = defaultdict(list)
        self._callers: defaultdict[str, list[Caller]] = defaultdict(list)
        self._code: defaultdict[str, list[Code]] = defaultdict(list)
        self._left = ROWS_MAX
        for row in report.software:
            if row.requirement.status != "ok":
                self._software[row.component].append(row)
        for caller in report.callers.by if report.callers else ():
            if caller.version == "v1" and not caller.probe:
                for subject in _subjects(caller):
                    self._callers[subject].append(caller)
        for code in report.code or ():
            self._code[code.path].append(code)

    def spent(self, finding: Finding) -> bool:
        """Whether this finding, or one before it, has more rows than may still be looked at."""
        if not self._left:
            return True
        rows: Sequence[Software | Code] = self.software(finding) or self.code(finding)
        cost = 1 + len(self.callers(finding)) + len(rows) * (1 + len(finding.summary) // 256)
        if cost <= self._left:
            cost += sum(len(row.container_ids) for row in rows)
        self._left = max(0, self._left - cost)
        return not self._left

    def software(self, finding: Finding) -> Sequence[Software]:
        return self._software.get(finding.subject, ()) if finding.rule in _ON_SOFTWARE else ()

    def callers(self, finding: Finding) -> Sequence[Caller]:
        return self._callers.get(finding.subject, ()) if finding.rule in _ON_CALLERS else ()

    def code(self, finding: Finding) -> Sequence[Code]:
        """A subject is a path, or "PATH in PLACE"."""
        if finding.rule != "code":
            return ()
        subject = finding.subject
        ends = [match.start() for match in islice(_IN.finditer(subject), _INS_MAX)]
        return [code for end in (len(subject), *ends) for code in self._code.get(subject[:end], ())]


def _subjects(caller: Caller) -> set[str]:
    """As rules.caller_phrases.called makes the subject."""
    scripts = {
        each for each in (caller.script, lasting(caller.script or "")) if each
    }  # earlier reports have whole names
    if caller.container_id or caller.container:
        places = {each for each in (caller.container, caller.image or HAVE_ENDED) if each}
        return places | {f"{place}: {script}" for place in places for script in scripts}
    names = (caller.unit, lasting_unit(caller.unit or ""), caller.program, lasting(caller.program))
    return scripts | {each for each in names if each}


def _of_finding(finding: Finding, rows: _Rows) -> Iterator[Fix]:
    kind = finding.id[:NAME_MAX]
    found: list[Fix] = []
    if finding.rule in _ON_SOFTWARE:
        found = list(_of_software(finding, rows.software(finding), rows.containers))
    elif finding.rule in _ON_CALLERS:
        found = list(_of_callers(finding, rows.callers(finding), rows.containers))
    elif finding.rule == "code":
        found = list(_of_code(finding, rows.code(finding), rows.containers))
    if found:
        yield from found
    elif finding.subject in _GENERAL or finding.subject == kind:
        yield Fix("check", kind, kind)
    else:
        yield Fix("check", text(f"{kind}: {finding.subject}"), kind)


def _of_software(finding: Finding, rows: Sequence[Software], containers: _Containers) -> Iterator[Fix]:
    # One finding is on one version, which its summary has.
    summary = f"{finding.summary} ".replace(",", " ")
    rows = [each for each in rows if each.version and f"{each.version} " in summary] or rows
    for row in rows:
        title = row.container if len(row.container_ids) == 1 else None
        inside = [containers.image(each, title) for each in row.container_ids]
        if not inside and row.container:
            inside = [containers.image(None, row.container)]
        for image in inside:
            yield _of_image(image)
        if row.container is None:
            yield Fix("software", text(f"{row.component} {row.version or 'of unknown version'}"), finding.id[:NAME_MAX])


def _of_callers(finding: Finding, callers: Sequence[Caller], containers: _Containers) -> Iterator[Fix]:
    for caller in callers:
        image = containers.image_of(caller)
        if image:
            yield _of_image(image)
        elif caller.script:
            yield Fix("script", text(lasting(caller.script)), finding.id[:NAME_MAX])
        else:
            name = lasting_unit(caller.unit) if caller.unit else lasting(caller.program)
            yield Fix("program", text(name), finding.id[:NAME_MAX])


def _of_code(finding: Finding, rows: Sequence[Code], containers: _Containers) -> Iterator[Fix]:
    for code in rows:
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
