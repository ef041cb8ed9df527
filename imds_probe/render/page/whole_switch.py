"""The steps of the switch: a line each for who reads a report, and all of them for who makes the switch."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.render.page import blocks
from imds_probe.render.page.blocks import Code, Part, Text
from imds_probe.render.page.bounds import Bounds
from imds_probe.switch.step import Step
from imds_probe.verdict import Switch

HEADING = "The whole switch, in this order"
TO_UNDO = "To undo it"
WAITS, NO_WAY_BACK = "this waits, see below", "this cannot be undone by whoever makes it"


def whole_switch(switch: Switch, bounds: Bounds) -> Iterator[Part]:
    """Nothing where there are no steps: a report of an earlier release, or a switch that is done."""
    if not switch.steps:
        return
    made = (
        blocks.Step(f"{step.what}{_remark(step)}.", number, in_full(step) if bounds.notes else ())
        for number, step in enumerate(switch.steps, 1)
    )
    yield Part(HEADING, tuple(made))


def parts_of(steps: tuple[Step, ...]) -> Iterator[Part]:
    """Each step in full, under a heading of its own."""
    for number, step in enumerate(steps, 1):
        yield Part(f"{number}. {step.what}", in_full(step))


def in_full(step: Step) -> tuple[Text | Code, ...]:
    """What comes before the commands is what their reader has to know first."""
    said: list[Text | Code] = [Text(f"This waits: {line[:1].lower()}{line[1:]}.") for line in step.waits_for]
    said += [Text(note) for note in step.notes]
    if step.commands:
        said.append(Code(step.commands))
    said += [Code(tuple(setting.text.splitlines()), setting.tool) for setting in step.settings]
    if step.rollback:
        said.append(Code(step.rollback, TO_UNDO))
    if step.no_rollback:
        said.append(Text(step.no_rollback))
    return tuple(said)


def _remark(step: Step) -> str:
    remarks = [*([WAITS] if step.waits_for else []), *([NO_WAY_BACK] if step.no_rollback else [])]
    return f" ({'; '.join(remarks)})" if remarks else ""
