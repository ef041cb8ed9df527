"""The risks that the configuration accepts: [[accept]]. A wrong entry accepts nothing and is reported; the others count."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.facts.acceptances import Acceptance, UnusableAcceptance

KEY = "accept"
KEYS = ("finding", "subject", "reason", "owner", "expires")
ENTRIES_MAX = 500
TEXT_MAX = 500  # characters
_FINDING = re.compile(r"[a-z][a-z0-9-]{1,99}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_EXAMPLES = {
    "finding": 'finding = "imdsv1-caller"',
    "subject": 'subject = "backup.service", or subject = "*" for all findings of this id',
    "reason": 'reason = "the job ends in March"',
    "owner": 'owner = "team-storage"',
    "expires": "expires = 2027-01-31",
}


class _Wrong(Exception):
    """Key, what is wrong about it, and what to write."""


@dataclass(frozen=True)
class Entry:
    """One entry as it stands in a file, which is the `number`th there, from 1."""

    number: int
    content: object

    def placed(self, at: Callable[[int, str], str], doubt: tuple[str, str] | None) -> Acceptance | UnusableAcceptance:
        """What it says. `at` gives "FILE:LINE" for an entry by its number, and a key in it; `doubt` says why nothing in the file
        counts that accepts risks, and what to do about it.
        """
        if doubt is not None:
            return UnusableAcceptance(at(self.number, ""), "", *doubt)
        try:
            return _accepted(self.content, at(self.number, ""))
        except _Wrong as wrong:
            key, trouble, remedy = wrong.args
            return UnusableAcceptance(at(self.number, key), key, trouble, remedy)


def read_entries(value: object) -> tuple[Entry, ...]:
    """The entries of one file, not looked into yet. Raises ValueError with the end of a sentence."""
    if not isinstance(value, list):
        raise ValueError(f"must be tables, each under a line of its own that says [[{KEY}]]")
    if len(value) > ENTRIES_MAX:
        raise ValueError(f"has more than {ENTRIES_MAX} entries")
    return tuple(Entry(number, content) for number, content in enumerate(value, 1))


def _accepted(content: object, origin: str) -> Acceptance:
    if not isinstance(content, Mapping):
        raise _Wrong("", "the entry is no table", f"Write [[{KEY}]], and below it {', '.join(KEYS)}.")
    for key in content:
        if key not in KEYS:
            raise _Wrong(key, "is no key of an accepted risk", f"Its keys are {', '.join(KEYS)}.")
    for key in KEYS:
        if key not in content:
            raise _Wrong(key, "is missing", f"Add a line such as {_EXAMPLES[key]}.")
    finding = _text(content, "finding")
    if not _FINDING.fullmatch(finding):
        raise _Wrong("finding", "is not the id of a finding", "`imds-probe explain` lists all ids.")
    texts = {key: _text(content, key) for key in ("subject", "reason", "owner")}
    return Acceptance(finding=finding, expires=_day(content["expires"]), origin=origin, **texts)


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content[key]
    if not isinstance(value, str) or not value.strip() or len(value) > TEXT_MAX or not value.isprintable():
        raise _Wrong(
            key, f"is not one line of text of at most {TEXT_MAX} characters", f"Write a line such as {_EXAMPLES[key]}."
        )
    return value.strip()


def _day(value: object) -> str:
    """A date of TOML, or the same as text. A time of day is refused: an entry counts until the end of a day."""
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return datetime.date.fromisoformat(value).isoformat()
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return value.isoformat()
    except ValueError:
        pass  # the 31st of February
    raise _Wrong("expires", "is not a day", f"Write the last day on which the entry counts: {_EXAMPLES['expires']}.")


@dataclass(frozen=True)
class AcceptConfig(Section):
    """entries: the accepted risks of all files, and what cannot be used of them."""

    entries: tuple[Acceptance | UnusableAcceptance, ...] = setting(
        KEY,
        [],
        read_entries,
        f'Risks that are accepted, each a table [[{KEY}]] with finding (an id), subject (as the report has it, or "*"), reason, '
        "owner and expires (the last day, in UTC). The report shows and counts them, and the verdict leaves them out until then. "
        "The entries of all files add up. An entry counts only if nobody but root or whoever runs imds-probe can "
        "write to its file.",
        adds_up=True,
    )
