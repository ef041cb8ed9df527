from dataclasses import replace

from golden_reports import golden_report

from imds_probe.render.page import blocks
from imds_probe.render.page.blocks import Code, Text
from imds_probe.render.page.bounds import LONG, SHORT
from imds_probe.render.page.whole_switch import parts_of, whole_switch
from imds_probe.switch.step import Step

SWITCH = golden_report("ready").verdict.switch


def test_a_report_has_a_line_for_each_step():
    (part,) = whole_switch(SWITCH, SHORT)
    assert [block.number for block in part.blocks] == [1, 2, 3, 4]
    assert not any(block.blocks for block in part.blocks)
    (long,) = whole_switch(SWITCH, LONG)
    lines = [line for step in long.blocks for block in step.blocks if isinstance(block, Code) for line in block.lines]
    assert SWITCH.aws_cli in lines
    assert list(whole_switch(replace(SWITCH, steps=()), SHORT)) == []


def test_what_keeps_a_step_is_said_in_its_line_and_in_full_with_the_commands():
    step = Step(
        "Do it", ("do",), waits_for=("A file asks",), no_rollback="Ask the organization.", notes=("Mind the gap.",)
    )
    (part,) = whole_switch(replace(SWITCH, steps=(step,)), SHORT)
    said = "Do it (this waits, see below; this cannot be undone by whoever makes it)."
    assert part.blocks == (blocks.Step(said, 1),)
    (full,) = parts_of((step,))
    assert full.heading == "1. Do it"
    assert full.blocks == (
        Text("This waits: a file asks."),
        Text("Mind the gap."),
        Code(("do",)),
        Text("Ask the organization."),
    )
