"""Spans of time as systemd has them: "5min", "1h 30m", "90". systemd.time(7), "Parsing Time Spans"."""

from __future__ import annotations

from imds_probe.kept.shapes import DIGITS

_UNITS = {
    1e-6: ("us", "usec", "µs", "μs"),
    1e-3: ("ms", "msec"),
    1.0: ("", "s", "sec", "second", "seconds"),
    60.0: ("m", "min", "minute", "minutes"),
    3600.0: ("h", "hr", "hour", "hours"),
    86400.0: ("d", "day", "days"),
    604800.0: ("w", "week", "weeks"),
    2629800.0: ("M", "month", "months"),
    31557600.0: ("y", "year", "years"),
}
_SECONDS = {name: seconds for seconds, names in _UNITS.items() for name in names}
_IN_FIGURES = DIGITS | {"."}
TEXT_MAX, FIGURE_MAX = 200, 15


def seconds(text: str) -> float | None:
    """How long that is; None for what is no span, and for one without end."""
    rest, total, any_figure = text[:TEXT_MAX].strip(), 0.0, False
    while rest:
        figure, rest = _leading(rest, _IN_FIGURES)
        unit, rest = _until_figure(rest.lstrip())
        if not figure or len(figure) > FIGURE_MAX or figure.count(".") > 1 or unit not in _SECONDS or figure == ".":
            return None
        total += float(figure) * _SECONDS[unit]
        any_figure = True
        rest = rest.lstrip()
    return total if any_figure else None


def _leading(text: str, characters: frozenset[str]) -> tuple[str, str]:
    end = next((at for at, character in enumerate(text) if character not in characters), len(text))
    return text[:end], text[end:]


def _until_figure(text: str) -> tuple[str, str]:
    end = next((at for at, character in enumerate(text) if character in _IN_FIGURES or character.isspace()), len(text))
    return text[:end], text[end:]
