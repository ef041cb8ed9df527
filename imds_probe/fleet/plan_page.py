"""The plan of the switch as a page."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.fleet.page_words import NOT_KNOWN
from imds_probe.fleet.plan import Batch, FleetPlan
from imds_probe.fleet.reasons import TOO_OLD
from imds_probe.fleet.room import TERMINAL
from imds_probe.render.page.blocks import Block, Code, Hint, Page, Part, Table, Text
from imds_probe.render.page.bounds import count, first

BATCHES, OWNERS, WAITING, NOT_ANSWERED = 20, 20, 10, 5
_IDS_A_LINE = 3  # of 19 characters: with the indentation less than 80
_IDS_SHOWN = 12
_TEMPLATE = {True: "yes", False: "not yet", None: "not known"}
RENEW = "Run imds-probe again where the report is too old. --max-age allows for older reports."
CANARY = "Wave 1, canaries: switch these, and wait until you trust them"


def page_of(plan: FleetPlan) -> Page:
    """Pure."""
    return Page(
        headline=f"{plan.planned} of {count(plan.hosts, 'host')} can be switched now",
        colour="green" if plan.planned else "yellow",
        host="",
        sentence="Switch wave after wave. All hosts of a batch have the same owner, account and Region."
        if plan.batches
        else "No host can be switched now. The reasons are below.",
        parts=tuple(_parts(plan)),
        hints=(Hint("The whole plan", "imds-probe fleet plan --output json PATH"),),
    )


def _parts(plan: FleetPlan) -> Iterator[Part]:
    if warnings := tuple(_warnings(plan)):
        yield Part("Before you begin", tuple(map(Text, warnings)))
    shown, _ = first(plan.batches, BATCHES)
    for wave in dict.fromkeys(batch.wave for batch in shown):
        blocks: list[Block] = []
        for batch in shown:
            if batch.wave == wave:
                blocks += _batch(batch)
        yield Part(CANARY if wave == 1 else f"Wave {wave}", tuple(blocks))
    if more := len(plan.batches) - len(shown):
        yield Part(f"{count(more, 'more batch', 'more batches')}", (Text("They are in the JSON plan."),))
    if commands := tuple(dict.fromkeys(batch.command for batch in shown)):
        yield Part("Commands, for each instance in turn", (Code(commands),))
    if plan.owners:
        yield _owners(plan)
    yield from _waiting(plan)
    if plan.left_out:
        rows = tuple((str(each.hosts), each.value) for each in plan.left_out)
        table = Table(("hosts", "reason"), rows)
        renew = [Text(RENEW)] if any(each.value.startswith(TOO_OLD) for each in plan.left_out) else []
        yield Part("Not in the plan", (table, *renew))


def _warnings(plan: FleetPlan) -> Iterator[str]:
    shown, _ = first(plan.not_answered, NOT_ANSWERED)
    for each in shown:
        what = ": ".join(filter(None, (each.action, each.reason)))
        yield f"AWS did not answer in {each.region}: {what}. The reports could not be compared with the missing answers."
    if more := len(plan.not_answered) - len(shown):
        yield f"AWS did not answer {count(more, 'more call')}. The JSON plan names them."
    if rows := plan.cloudtrail_rows_not_read:
        yield (
            f"{count(rows, 'row')} of CloudTrail's file could not be read. An instance that only such a row names may be in a "
            "batch."
        )
    if hosts := plan.by_accepted_risks.count:
        yield (
            f"{count(hosts, 'host')} in the batches can be switched only because risks are accepted: what was accepted may break "
            "there. None of them is a canary. --without-accepted leaves them out."
        )
    if hosts := plan.unvouched.count:
        yield (
            f"{count(hosts, 'host')} in the batches: nothing but the report names the host. Anybody who can write among the "
            "reports can have made it."
        )
    if hosts := plan.by_stream.count:
        yield (
            f"{count(hosts, 'host')} in the batches: the report is from a log stream. Any host that may write to the log group can "
            "write to the streams of all others."
        )


def _batch(batch: Batch) -> Iterator[Block]:
    where = "/".join(filter(None, (batch.account, batch.region)))
    owner = TERMINAL.fitting(batch.owner or f"owner {NOT_KNOWN}", 40)
    limit = f", hop limit {batch.hop_limit}" if batch.hop_limit else ""
    risks = f", {batch.by_accepted_risks} by accepted risks" if batch.by_accepted_risks else ""
    yield Text(
        f"{owner}{f' in {where}' if where else ''}: {count(len(batch.instance_ids), 'host')}, confidence {batch.confidence}"
        f"{limit}{risks}"
    )
    ids, more = first(batch.instance_ids, _IDS_SHOWN)
    yield Code(tuple(" ".join(ids[at : at + _IDS_A_LINE]) for at in range(0, len(ids), _IDS_A_LINE)))
    if more:
        yield Text(f"  {more} in the JSON plan")


def _owners(plan: FleetPlan) -> Part:
    ordered = sorted(plan.owners, key=lambda each: (-each.planned, -each.hosts, each.owner))
    rows = tuple(
        (
            TERMINAL.fitting(each.owner or NOT_KNOWN, 26),
            str(each.hosts),
            str(each.silent),
            str(each.switched),
            str(each.planned),
            str(each.left),
            _TEMPLATE[each.template_may_require],
        )
        for each in ordered[:OWNERS]
    )
    said = "Silent hosts have no report. Let new instances of an owner require tokens only after all of its hosts are switched."
    columns = ("owner", "hosts", "silent", "switched", "planned", "left", "template")
    return Part("Owners", (Text(said), Table(columns, rows, first(ordered, OWNERS)[1])))


def _waiting(plan: FleetPlan) -> Iterator[Part]:
    """What holds templates back that no switch of a host takes away."""
    rows = [
        (TERMINAL.fitting(owner.owner or NOT_KNOWN, 26), str(each.hosts), each.value)
        for owner in plan.owners
        for each in owner.template_waits_for
    ]
    if rows:
        said = "New instances of these owners fail if their template requires tokens before this is changed."
        yield Part(
            "Templates that have to wait",
            (
                Text(said),
                Table(("owner", "hosts", "because"), tuple(rows[:WAITING]), first(rows, WAITING)[1], below="because"),
            ),
        )
