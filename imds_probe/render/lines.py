"""A page of whatever kind as lines of text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.escape import terminal
from imds_probe.render.columns import lines as table_lines
from imds_probe.render.page.blocks import (
    ACCEPTED,
    EVIDENCE,
    FIX,
    SETTLES,
    Block,
    Code,
    Command,
    Curve,
    Fields,
    Figures,
    Item,
    Page,
    Part,
    Shares,
    Step,
    Table,
    Text,
    Ways,
)
from imds_probe.widths import columns as columns_of
from imds_probe.widths import padded

CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
MARKS = {"blocker": "x", "warning": "!", "info": "-"}
INDENT = "  "
LABEL = max(map(len, (EVIDENCE, ACCEPTED, SETTLES, FIX))) + 2  # columns, with the colon and a space


@dataclass(frozen=True)
class Style:
    """How to write: `width` in columns, colour only where a terminal understands it."""

    width: int = 100
    colour: bool = False

    def paint(self, text: str, *names: str) -> str:
        return f"\x1b[{';'.join(CODES[name] for name in names)}m{text}\x1b[0m" if self.colour else text

    def wrap(self, text: str, indent: str, hanging: str) -> str:
        return textwrap.fill(
            terminal(text),
            self.width,
            initial_indent=indent,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )


def laid_out(page: Page, style: Style) -> str:
    """The whole text, ending in a line feed. Commands are never wrapped: they are there to be pasted."""
    return "\n".join(_lines(page, style)) + "\n"


def _lines(page: Page, style: Style) -> Iterator[str]:
    yield f"{style.paint(page.headline, page.colour, 'bold')}  {terminal(page.host)}".rstrip()
    yield style.wrap(page.sentence, "", "")
    for part in page.parts:
        yield ""
        yield from part_lines(part, style)
    yield ""
    for hint in page.hints:
        yield style.paint(f"{hint.shows}: {terminal(hint.command)}", "dim")


def part_lines(part: Part, style: Style) -> Iterator[str]:
    """A heading and what stands under it."""
    yield style.paint(terminal(part.heading), "bold")
    for block in part.blocks:
        yield from _block(block, style)


def _block(block: Block, style: Style) -> Iterator[str]:
    if isinstance(block, Text):
        yield style.wrap(block.text, "  ", "  ")
    elif isinstance(block, Fields):
        yield from _fields(block, style)
    elif isinstance(block, Table):
        yield from _table(block, style)
    elif isinstance(block, Command):
        yield f"  {terminal(block.command)}"
    elif isinstance(block, Code):
        yield from [f"  {terminal(block.label)}:"] if block.label else []
        yield from (f"    {terminal(line)}" for line in block.lines)
    elif isinstance(block, Step):
        yield style.wrap(f"{block.number}. {block.what}", "  ", "  ")
        for each in block.blocks:
            yield from _block(each, style)
    elif isinstance(block, Item):
        yield from _item(block, style)
    else:
        yield from (style.wrap(line, "  ", "  ") for line in _drawn(block))


def _drawn(block: Figures | Shares | Curve | Ways) -> Iterator[str]:
    """What a drawing says, in words."""
    if isinstance(block, Figures):
        yield from (f"{name}: {value}" for name, value, _ in block.figures)
    elif isinstance(block, Shares):
        yield f"{block.title}: {', '.join(f'{each.name} {each.number}' for each in block.shares)}"
    elif isinstance(block, Curve):
        yield block.summary
    else:
        yield from (lane.sentence for lane in block.lanes)
        yield from [block.more] if block.more else []


def _fields(block: Fields, style: Style) -> Iterator[str]:
    names = [f"{terminal(name)}:" for name, _ in block.rows]
    column = max(map(columns_of, names)) + 2
    for name, (_, value) in zip(names, block.rows, strict=True):
        # The name is no part of what is wrapped: it may hold spaces, and those after it must stay.
        lines = style.wrap(value, " " * (column + 2), " " * (column + 2))
        yield f"  {padded(name, column)}{lines[column + 2 :]}".rstrip()


def _table(block: Table, style: Style) -> Iterator[str]:
    if block.title:
        yield f"  {terminal(block.title)}:"
    columns, *rows = (tuple(terminal(cell) for cell in line) for line in (block.columns, *block.rows))
    fitting = table_lines(columns, rows, style.width - len(INDENT), spare=block.spare, below=block.below)
    yield from (f"{INDENT}{line}" for line in fitting)
    if block.more:
        yield f"  {block.more}"


def _item(block: Item, style: Style) -> Iterator[str]:
    yield style.wrap(block.summary, f"  {MARKS[block.severity]} ", "    ")
    for label, lines in block.labelled:
        yield style.wrap("; ".join(lines), f"      {f'{label}:':<{LABEL}}", " " * (6 + LABEL))
    yield from (f"        {terminal(command)}" for command in block.commands)
