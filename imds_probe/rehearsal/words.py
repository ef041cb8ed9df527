"""What is said of a rehearsal, while it runs and at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.duration import in_words
from imds_probe.rehearsal.callers import Seen, Totals
from imds_probe.rehearsal.leavers import Left
from imds_probe.rehearsal.trying import End
from imds_probe.rules.known_callers import Known
from imds_probe.widths import columns, padded

SHOWN_MAX, SILENT_MAX = 50, 20
HEADINGS, NAME_WIDTH = ("CALLER", "REFUSED", "TOKENS", "SERVED", "RESULT"), 40
OUTCOMES = {
    "token": "asked with a token",
    "recovered": "was refused without a token and then asked with one",
    "silent": "did not ask",
    "gave-up": "was refused without a token and did not ask with one: it would fail after the switch",
    "cut-short": "was refused without a token just before the end, and had no time to ask with one",
    "other": "made no request that was served",
}
NOBODY = (
    "no process asked the metadata service. This proves nothing: AWS SDKs keep credentials for hours, and ask for the region "
    "once"
)


def counts(totals: Totals) -> str:
    """The totals in one clause."""
    return (
        f"{_number(totals.refused, 'request')} without a token refused, {_number(totals.tokens, 'token')} handed out, "
        f"{_number(totals.passed, 'request')} with a token served"
    )


def summary(seen: Sequence[Seen], totals: Totals, lasted_s: float, lapsed_s: float) -> list[str]:
    """The end's lines: what was counted, and a table of what came of each caller; who would fail first."""
    lines = [f"rehearsed IMDSv2-only for {in_words(lasted_s)}: {counts(totals)}"]
    if not seen:
        lines.append(NOBODY)
    order = list(OUTCOMES)[::-1]
    ordered = sorted(seen, key=lambda each: order.index(each.outcome) if each.outcome != "gave-up" else -1)
    lines += _table(ordered[:SHOWN_MAX])
    if len(seen) > SHOWN_MAX:
        lines.append(f"{len(seen) - SHOWN_MAX} more callers are not listed")
    if lapsed_s >= 1:
        lines.append(
            f"requests went to the service directly for {in_words(lapsed_s)} of that time, as the relay was late"
        )
    return lines


def silent(known: Sequence[Known]) -> list[str]:
    """What is said of those who are known to ask, and did not."""
    lines = [f"{each.name} did not ask, which proves nothing: {each.by}" for each in known[:SILENT_MAX]]
    return [*lines, *([f"{len(known) - SILENT_MAX} more known callers did not ask"] if len(known) > SILENT_MAX else [])]


def undone(end: End) -> list[str]:
    """What is said of how it was taken back."""
    lines = [f"still there: {each}. Run `imds-probe rehearse --undo`." for each in end.left]
    if end.unfinished:
        were = "was" if end.unfinished == 1 else "were"
        lines.append(f"{_number(end.unfinished, 'transfer')} did not end in time and {were} cut off")
    if not end.left:
        lines.append("the rehearsal is undone: nothing of it is left on this host")
    return lines


def left(who: Left) -> str:
    """What is said when somebody is found who is not rehearsed."""
    return f"{_named(who.name, who.pid)} {who.why}: {who.so}"


def gave_up(seen: Iterable[Seen]) -> bool:
    """Whether there is somebody who would fail after the switch."""
    return any(each.outcome == "gave-up" for each in seen)


def _table(seen: Sequence[Seen]) -> list[str]:
    """With a line of headings, where there is anybody."""
    if not seen:
        return []
    rows = [
        (_named(each.name, each.pid), str(each.refused), str(each.tokens), str(each.passed), _result(each))
        for each in seen
    ]
    width = min(NAME_WIDTH, max(columns(name) for name, *_ in rows))
    return [
        f"{padded(name, width)}  {refused:>7}  {tokens:>6}  {served:>6}  {result}"
        for name, refused, tokens, served, result in (HEADINGS, *rows)
    ]


def _result(seen: Seen) -> str:
    return OUTCOMES[seen.outcome] + (", and was not rehearsed to the end" if seen.unled else "")


def _named(name: str, pid: int | None) -> str:
    return name if pid is None else f"{name} (process {pid})"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
