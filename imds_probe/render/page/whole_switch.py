"""The steps of the switch: a line each for who reads a report, and all of them for who makes the switch."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.render.page.blocks import Block, Code, Part, Text
from imds_probe.render.page.bounds import Bounds
from imds_probe.switch.step import Step
from imds_probe.verdict import Switch

HEADING = "The whole switch, in this order"
WAITS, NO_WAY_BACK = "this waits, see below", "this cannot be undone by whoever makes it"


def whole_switch(switch: Switch, bounds: Bounds) -> Iterator[Part]:
    """Nothing where there are no steps: a report of an earlier release, or a switch that is done."""
    if not switch.steps:
        return
    blocks: list[Block] = []
    for number, step in enumerate(switch.steps, 1):
        blocks.append(Text(f"{number}. {step.what}{_remark(step)}."))
        if bounds.notes:
            blocks += in_full(step)
    yield Part(HEADING, tuple(blocks))


def parts_of(steps: tuple[Step, ...]) -> Iterator[Part]:
    """Each step in full, under a heading of its own."""
    for number, step in enumerate(steps, 1):
        yield Part(f"{number}. {step.what}", in_full(step))


def in_full(step: Step) -> tuple[Block, ...]:
    """What comes before the commands is what their reader has to know first."""
    blocks: list[Block] = [Text(f"This waits: {line[:1].lower()}{line[1:]}.") for line in step.waits_for]
    blocks += [Text(note) for note in step.notes]
    if step.commands:
        blocks.append(Code(step.commands))
    for setting in step.settings:
        blocks += [Text(f"{setting.tool}:"), Code(tuple(setting.text.splitlines()))]
    if step.rollback:
        blocks += [Text("To undo it:"), Code(step.rollback)]
    if step.no_rollback:
        blocks.append(Text(step.no_rollback))
    return tuple(blocks)


def _remark(step: Step) -> str:
    remarks = [*([WAITS] if step.waits_for else []), *([NO_WAY_BACK] if step.no_rollback else [])]
    return f" ({'; '.join(remarks)})" if remarks else ""
