"""Tables that fit: what is too wide gives up what can be left out first, says so, and cuts nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imds_probe.widths import columns as columns_of
from imds_probe.widths import padded

WIDTH_MAX = 200  # columns of a page, whatever a terminal has
GAP = "  "
BELOW = "    "  # what stands before the text of a column that has a line of its own


def lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, spare: Sequence[str] = (), below: str = ""
) -> Iterator[str]:
    """The table as lines, the heading first. Where they would be wider than `width`, columns of `spare` are left out, the first one
    first, which the last line says. Where that is not enough, the column `below` stands on a line of its own under each row, with
    as many of the others as there is room for. What is still wider stays as it is.
    """
    spare, below = [each for each in spare if each in columns], below if below in columns else ""
    widths = [max(columns_of(row[column]) for row in (columns, *rows)) for column in range(len(columns))]
    gone: list[str] = []
    for apart in ("", below) if below else ("",):
        for count in range(len(spare) + 1):
            gone = list(spare[:count])
            shown = [index for index, name in enumerate(columns) if name not in (*gone, apart or None)]
            if fits := _width([widths[index] for index in shown]) <= width:
                break
        if fits:
            break
    yield from _laid(shown, columns.index(apart) if apart else -1, columns, rows, widths)
    if gone:
        whole = _width(widths) + len(GAP)
        room = (
            f"COLUMNS={whole} shows all columns"
            if whole <= WIDTH_MAX
            else f"{WIDTH_MAX} columns, the most there are, have no room"
        )
        yield f"(left out: {', '.join(gone)}; {room})"


def _laid(
    shown: Sequence[int], apart: int, columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]
) -> Iterator[str]:
    for number, row in enumerate((columns, *rows)):
        yield GAP.join(padded(row[column], widths[column]) for column in shown).rstrip()
        if apart >= 0:
            yield f"{BELOW}{f'({row[apart]})' if not number else row[apart]}".rstrip()


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)
