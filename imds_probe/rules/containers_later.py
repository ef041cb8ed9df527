"""Programs that schedules start in containers: the containers do not run now, so no distance to them is known."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.code import CodeSeen, NotRead
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.acceptance import accepted_in_force, apart, is_named
from imds_probe.rules.code_phrases import count, detail, listed, named, started
from imds_probe.rules.containers_kinds import SCHEDULED_CONTAINER_WITHOUT_TOKEN
from imds_probe.rules.containers_phrases import SUBJECT
from imds_probe.rules.containers_unmeasured import hop_limit_alone
from imds_probe.rules.hop_need import AT_LEAST
from imds_probe.rules.origins import of_code
from imds_probe.rules.phrases import few
from imds_probe.rules.settled import silent, turned_off
from imds_probe.rules.starting import starting

HOP_LIMIT_KEEPS_OUT_LATER = Kind(
    id="hop-limit-keeps-out-later",
    severity="warning",
    title="The hop limit keeps containers that are started later from tokens",
    meaning="An agent of an orchestrator (kubelet, ECS, Nomad, Docker Swarm) or a runner of CI jobs is set up on this host, and "
    "none of its containers runs now. A container with a network of its own is at least one hop further away than the host, so at "
    "hop limit 1 no token reaches it. While IMDSv1 is on, its programs may fall back to IMDSv1. Once IMDSv1 is off, they have no "
    "metadata. Nobody knows yet whether they need any, so the verdict does not depend on it.",
    cure="Find out whether the containers or jobs use the instance role, the Region or other metadata: run imds-probe while they "
    "run, or keep its daemon running. If they do, raise HttpPutResponseHopLimit to 2 in the same command as the switch, give them "
    "credentials of their own, or run them in the host's network.",
    sources=(
        "EC2 User Guide: How Instance Metadata Service Version 2 works (the response to PUT requests has a hop limit)",
    ),
)


_SUBJECT = "scheduled containers"
_KEPT_OUT_FIX = Fix(
    "Start it in the host's network (containers: `--network host`), or give it credentials of its own if it needs AWS. If it "
    "needs metadata, remove the entry that accepts scheduled-container-without-token for it from the configuration, and run "
    "imds-probe again."
)


def later(facts: Facts, catalog: Catalog) -> list[Found]:
    """What comes of a hop limit that no network of its own is within."""
    del catalog
    imds = facts.get(Imds)
    if imds is None or imds.hop_limit is None or imds.hop_limit >= AT_LEAST or turned_off(facts):
        return []
    return [*_scheduled(imds, facts), *_started_by_agents(imds, facts)]


def agents_alone(facts: Facts) -> tuple[str, ...]:
    """What starts containers here where none of them runs in a network of its own, which would show what they need."""
    seen = facts[Containers]
    runs = any(each.network != "host" and not each.sandbox for each in seen.seen)
    return () if runs or seen.containers is None else facts[Host].starts_containers


def _started_by_agents(imds: Imds, facts: Facts) -> list[Found]:
    agents = agents_alone(facts)
    if not agents:
        return []
    return [
        HOP_LIMIT_KEEPS_OUT_LATER.found(
            SUBJECT,
            f"containers that {few(agents)} will start receive no token at hop limit {imds.hop_limit}, and none runs now",
            fix=Fix(
                "Run imds-probe while the containers run, or keep its daemon running. If they need metadata, raise the hop limit "
                f"to {AT_LEAST} with the switch, or give them credentials of their own."
            ),
        )
    ]


def _scheduled(imds: Imds, facts: Facts) -> list[Found]:
    accepted = accepted_in_force(SCHEDULED_CONTAINER_WITHOUT_TOKEN, facts)
    parts = apart(
        SCHEDULED_CONTAINER_WITHOUT_TOKEN, _SUBJECT, without_token(facts), lambda each: named(each, facts), facts
    )
    return [_found(subject, part, imds, facts, left_out=is_named(subject, accepted)) for subject, part in parts]


def _found(subject: str, programs: Sequence[CodeSeen | NotRead], imds: Imds, facts: Facts, *, left_out: bool) -> Found:
    """What is `left_out` the switch breaks, as the configuration accepts that the hop limit is not raised for it."""
    one = len(programs) == 1
    lacks = "metadata" if switched_already(imds) else "token"
    becomes = f"the hop limit is not raised for {'it' if one else 'them'}" if left_out else f"try {AT_LEAST}"
    return SCHEDULED_CONTAINER_WITHOUT_TOKEN.found(
        subject,
        f"{count(len(programs), 'program')} that {'a schedule starts' if one else 'schedules start'} in "
        f"{'containers' if all(each.inside for each in programs) else 'containers or other networks'} "
        f"{'receives' if one else 'receive'} no {lacks} at hop limit {imds.hop_limit}; {becomes}: "
        f"{few([named(each, facts) for each in programs])}",
        evidence=listed([_line(each, facts) for each in programs]),
        fix=_KEPT_OUT_FIX
        if left_out
        else Fix(
            f"Raise the hop limit to {AT_LEAST} while tokens are still optional, and do not require tokens in the same "
            "command. Run imds-probe again once the schedule has started it, or start it in the "
            "host's network (containers: `--network host`).",
            hop_limit_alone(AT_LEAST, facts),
        ),
        forgeable_by=of_code(programs, facts),
        implies="not-ready" if left_out else "needs-hop-limit",
    )


def without_token(facts: Facts) -> tuple[CodeSeen | NotRead, ...]:
    """Those of which no watched window shows that they do without."""
    return tuple(each for each in starting(facts) if not silent(each, facts))


def _line(program: CodeSeen | NotRead, facts: Facts) -> str:
    if isinstance(program, CodeSeen):
        return detail(program, facts)
    return f"{named(program, facts)}, {started(program)}: {program.why}"


KINDS = (SCHEDULED_CONTAINER_WITHOUT_TOKEN, HOP_LIMIT_KEEPS_OUT_LATER)
