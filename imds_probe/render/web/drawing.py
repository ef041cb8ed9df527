"""Where things stand in a drawing: numbers for the templates, which write them as SVG. All lengths are in pixels."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.dataclass import dataclass
from imds_probe.render.page.blocks import Curve, Lane, Share, Tone, Ways
from imds_probe.render.page.bounds import percent
from imds_probe.widths import within

# Of a bar, which is stretched to the width that there is.
BAR = 1000.0
# Of lanes: the service stands left of the host, and what shares the host's network in it, INNER from its side. HOST is for the
# host's own name.
COLUMN, ROW = 192, 60
BOX, HEIGHT = 150, 48
LEFT, INNER = 2, 8
HOST, BELOW_WORDS = 48, 28
APART = 12  # between the host and what stands below it
NAME = 19  # characters of a name in a box
# Of a curve: the space around it is for its axes.
WIDTH, TALL = 640, 260
BEFORE, BELOW, ABOVE, AFTER = 46, 40, 16, 16
TICKS_MAX = 10


@dataclass(frozen=True)
class Piece:
    """A part of a bar: where it begins, how long it is, and what it is of. `percent` is rounded down, so that 100 means all."""

    x: float
    width: float
    share: Share
    percent: float


def most(bars: Sequence[Sequence[Share]]) -> int:
    """The length of the longest bar of several."""
    return max((sum(share.number for share in shares) for shares in bars), default=0)


def bar(shares: Sequence[Share], whole_bar: int | None = None) -> tuple[Piece, ...]:
    """The parts that are not empty, one after the other; all of them are as long as the bar where together they are `whole_bar`."""
    whole = sum(share.number for share in shares)
    scale = BAR / max(1, whole if whole_bar is None else whole_bar)
    pieces, at = [], 0.0
    for share in shares:
        if share.number:
            width = round(share.number * scale, 1)
            pieces.append(Piece(round(at, 1), max(width, 2.0), share, percent(share.number, whole)))
            at += width
    return tuple(pieces)


@dataclass(frozen=True)
class Box:
    """A stop whose left upper corner is here: its name, and what there is to say of it."""

    x: float
    y: float
    name: str
    note: str
    tone: Tone
    reached: bool


@dataclass(frozen=True)
class Arrow:
    """What carries the response to a stop: `kind` is whole, lost, unsure or none. `path` is one of SVG, which ends at `to`, or in
    the `middle` of the way where the response is lost.
    """

    path: str
    middle: float
    to: float
    y: float
    kind: str


@dataclass(frozen=True)
class Row:
    """One lane as it is drawn: what lies beyond the host."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    tone: Tone


@dataclass(frozen=True)
class Map:
    """The drawing of all lanes. The host is `tall` enough to hold those that share its network,
    and `first` leads to it. `border` is where the hop limit ends
    every response, None where no single place is.
    """

    width: int
    height: int
    service: Box
    host: Box
    tall: int
    first: Arrow
    rows: tuple[Row, ...]
    border: float | None


def ways(block: Ways) -> Map:
    """Each stop stands in the column of its hops, so that the hop limit is one line through all lanes. Where routers were put
    together, or where a distance is not known, the containers stand in the last column. Those with an interface of the instance
    to themselves stand below the host, as it forwards nothing to them.
    """
    columns = max(
        2 if any(not _is_apart(lane) for lane in block.lanes) else 1, *(len(lane.hops) for lane in block.lanes)
    )
    border = None
    if block.limit is not None and block.limit < columns and all(_is_exact(lane, block.limit) for lane in block.lanes):
        border = _x(block.limit) - (COLUMN - BOX) / 2
    top = BELOW_WORDS if border is not None else 0
    apart = sum(_is_apart(lane) for lane in block.lanes)
    tall = HOST + (len(block.lanes) - apart) * ROW
    bottom = top + tall + (APART + apart * ROW if apart else 0)
    service = Box(LEFT, top + (tall - HEIGHT) / 2, "IMDS", "metadata service", "plain", reached=True)
    reached = block.to_host or any(lane.asked and not _is_apart(lane) for lane in block.lanes)
    host = Box(_x(0), top, "host", "the instance", "plain", reached=reached)
    y = top + tall / 2
    straight = f"M{LEFT + BOX} {y}H{host.x}"
    first = Arrow(straight, LEFT + BOX + 20, host.x, y, "whole" if reached else "none")
    rows, inside, below = [], top + HOST, top + tall + APART
    for lane in block.lanes:
        if _is_apart(lane):
            rows.append(_row_apart(lane, y, below))
            below += ROW
        else:
            rows.append(_row(lane, inside, columns))
            inside += ROW
    return Map(LEFT * 2 + columns * COLUMN + BOX, bottom + 2, service, host, tall, first, tuple(rows), border)


def _is_apart(lane: Lane) -> bool:
    """Whether the response comes from the service at once, and yet not in the host's network."""
    return len(lane.hops) == 1 and not lane.shares_host


def _is_exact(lane: Lane, limit: int) -> bool:
    """Whether the line at which the hop limit ends says the truth of this lane. Nothing comes to what is not asked for."""
    last = len(lane.hops) - 1
    if not lane.asked:
        return lane.hops[-1] in (None, last)
    return lane.hops[-1] == last and not (lane.arrives == len(lane.hops) and last >= limit)


def _x(column: int) -> float:
    return LEFT + (column + 1) * COLUMN


def _row(lane: Lane, y: float, columns: int) -> Row:
    last = len(lane.hops) - 1
    reached = lane.arrives or 0
    if last == 0:  # in the host's box
        return Row((Box(_x(0) + INNER, y, *_containers(lane), lane.tone, reached > 0),), (), lane.tone)
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    start = _x(0) + BOX
    for at in range(1, last + 1):
        x = _x(at if at < last or lane.hops[-1] == last else columns - 1)
        name, note = (_short(lane.stop_names[at], NAME), _place(lane, at)) if at < last else _containers(lane)
        boxes.append(Box(x, y, name, note, lane.tone if at == last else "plain", at < reached))
        arrows.append(_arrow(_kind(lane, at), start, x, y + HEIGHT / 2))
        start = x + BOX
    return Row(tuple(boxes), tuple(arrows), lane.tone)


def _row_apart(lane: Lane, start: float, y: float) -> Row:
    """The arrow begins at this height at the service."""
    box = Box(_x(0), y, *_containers(lane), lane.tone, bool(lane.arrives))
    middle, end = LEFT + BOX + (COLUMN - BOX) / 2, y + HEIGHT / 2
    kind = "whole" if lane.arrives else _kind(lane, 0)
    path = f"M{LEFT + BOX} {start}H{middle}V{end}H{box.x}"
    return Row((box,), (Arrow(path, middle, box.x, end, kind),), lane.tone)


def _place(lane: Lane, at: int) -> str:
    """Where a stop before the containers is."""
    first, beyond = lane.hops[at], lane.hops[at + 1]
    if first is None:
        return "takes the connection"
    return f"hops {first} to {beyond - 1}" if beyond is not None and beyond - first > 1 else f"hop {first}"


def _arrow(kind: str, start: float, end: float, y: float) -> Arrow:
    middle = start + (COLUMN - BOX) / 2 if kind == "lost" else (start + end) / 2
    return Arrow(f"M{start} {y}H{middle if kind == 'lost' else end}", middle, end, y, kind)


def _containers(lane: Lane) -> tuple[str, str]:
    """Their name, and how far they are away."""
    more = f" +{lane.number - 1}" if lane.number > 1 else ""
    distance = lane.hops[-1]
    where = "host's network" if lane.shares_host else "distance not known" if distance is None else f"hop {distance}"
    needs = f", needs limit {lane.needs}" if lane.needs and distance and lane.arrives != len(lane.hops) else ""
    return f"{_short(lane.names[0], NAME - len(more))}{more}", f"{where}{needs}"


def _short(name: str, width: int) -> str:
    """The beginning of a name that is wider than so many letters."""
    return name if within(name, width) == name else f"{within(name, width - 1)}…"


def _kind(lane: Lane, at: int) -> str:
    """Of the arrow that leads to this stop."""
    if not lane.asked:
        return "none"
    if lane.arrives is None:
        return "unsure"
    return "whole" if at < lane.arrives else "lost" if at == lane.arrives else "none"


@dataclass(frozen=True)
class Dot:
    """A point of a curve."""

    x: float
    y: float
    step: int
    percent: float


@dataclass(frozen=True)
class Level:
    """A line across at a percentage."""

    y: float
    percent: int
    marked: bool


@dataclass(frozen=True)
class Plot:
    """A curve as it is drawn: `line` and `area` are paths of SVG, `ticks` the steps that have a number."""

    line: str
    area: str
    dots: tuple[Dot, ...]
    levels: tuple[Level, ...]
    ticks: tuple[Dot, ...]


def curve(block: Curve) -> Plot:
    """A staircase, as nothing is freed between two steps."""
    steps = max(1, len(block.points) - 1)
    width, tall = WIDTH - BEFORE - AFTER, TALL - ABOVE - BELOW
    dots = tuple(
        Dot(round(BEFORE + at * width / steps, 1), _y(percent, tall), at, percent)
        for at, percent in enumerate(block.points)
    )
    line = f"M{dots[0].x} {dots[0].y}" + "".join(f"H{dot.x}V{dot.y}" for dot in dots[1:])
    every = -(-steps // TICKS_MAX)
    return Plot(
        line=line,
        area=f"{line}V{TALL - BELOW}H{dots[0].x}Z",
        dots=dots,
        levels=tuple(
            Level(_y(percent, tall), percent, percent in block.marks) for percent in sorted({0, *block.marks})
        ),
        ticks=tuple(dot for dot in dots if dot.step % every == 0),
    )


def _y(percent: float, tall: float) -> float:
    return round(ABOVE + (100 - min(percent, 100.0)) * tall / 100, 1)
