"""What will be launched next, as a part of the page."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.fleet.launching import BY_IMAGE, NOT_KNOWN, OFF, OPTIONAL, REFUSED, REQUIRED, Launching
from imds_probe.fleet.room import Room
from imds_probe.render.page.blocks import Block, Fields, Part, Table, Text
from imds_probe.render.page.bounds import count, first

_TOKENS = {
    OPTIONAL: "serve IMDSv1 again",
    REQUIRED: "require tokens",
    BY_IMAGE: "leave it to the AMI",
    REFUSED: "cannot launch: the account enforces tokens",
    NOT_KNOWN: "are not known",
    OFF: "have the metadata service off",
}


def parts_of(launching: Launching | None, room: Room) -> Iterator[Part]:
    """None where EC2 was not asked."""
    if launching is None:
        return
    blocks: list[Block] = []
    if launching.groups:
        said = ", ".join(f"{groups} {_TOKENS[tokens]}" for tokens, groups in launching.tokens)
        blocks.append(Text(f"Next instances of {count(launching.groups, 'Auto Scaling group')}: {said}."))
    if launching.by_v1:
        rows = tuple(
            (room.fitting(each.owner, 32), room.fitting(each.launched_from, 24), each.region, str(each.hosts))
            for each in launching.by_v1[: room.rows]
        )
        more = first([*launching.by_v1, *[None] * launching.left_out], room.rows)[1]
        blocks.append(Table(("IMDSv1 again by", "launched from", "Region", "hosts"), rows, more))
    defaults = tuple(
        (
            f"{each.account or 'account'} {each.region}",
            f"tokens {each.http_tokens or 'without a default'}{', enforced' if each.enforced else ''}",
        )
        for each in launching.defaults[: room.rows]
    )
    if defaults:
        blocks.append(Fields(defaults))
    for each in launching.not_answered[: room.rows]:
        blocks.append(Text(f"Not answered in {each.region}: {': '.join(filter(None, (each.action, each.reason)))}."))
    if len(launching.not_answered) > room.rows:
        blocks.append(Text(f"{len(launching.not_answered) - room.rows} more calls were not answered."))
    yield Part("The next launches", tuple(blocks))
