"""CloudTrail's word on IMDSv1: calls to AWS with credentials that the metadata service delivered without a token.

CloudTrail has `userIdentity.sessionContext.ec2RoleDelivery` of each call with a role's credentials: "1.0" or "2.0". What is read
here is the CSV of an Athena query on it, a row for each call or counted. docs/fleet.md has the query.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from imds_probe.errors import UsageError
from imds_probe.fleet import naming
from imds_probe.fleet.bounded import NAMED_MAX, ids
from imds_probe.fleet.delivered import Delivered, DeliveredTo, Trail
from imds_probe.fleet.documents import Damaged, TooLong, lines
from imds_probe.fleet.hosts import Host
from imds_probe.fleet.sources import Piece, blocks, check
from imds_probe.timestamp import rfc3339

ACTIONS_MAX, CALLERS_MAX = 5, 3
_SESSION = re.compile(r"assumed-role/([\w+=,.@-]{1,64})/(m?i-(?:[0-9a-f]{17}|[0-9a-f]{8}))(?![0-9a-f])")
_PRINCIPAL = re.compile(r"AROA[0-9A-Z]{4,124}:(m?i-(?:[0-9a-f]{17}|[0-9a-f]{8}))(?![0-9a-f])")
_OF_INSTANCE = re.compile(r"m?i-(?:[0-9a-f]{17}|[0-9a-f]{8})")
_DELIVERY = re.compile(r"ec2roledelivery[\"'=: ]{1,4}(\d\.\d)", re.IGNORECASE)
_CALLS = re.compile(r"([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.0*)?")
_REMEDY = "Name the CSV that the Athena query for CloudTrail returned."
# What columns may be called, in lower case and without anything but letters and digits.
_WHO = ("arn", "useridentityarn", "useridentity", "principalid", "useridentityprincipalid", "instanceid", "instance")
_COUNT, _WHEN = ("calls", "count", "events", "col4"), ("lastseen", "eventtime", "lasteventtime")
_DELIVERED = (
    "delivery",
    "ec2roledelivery",
    "useridentitysessioncontextec2roledelivery",
    "useridentity",
    "sessioncontext",
)
_SERVICE, _ACTION, _ROLE = ("eventsource",), ("eventname",), ("role", "rolename")


class Use(msgspec.Struct, gc=False):
    """What one instance did with such credentials. `last` is in seconds since the epoch, 0 where that is not known; of an `undated`
    one, some calls may be later.
    """

    role: str
    calls: int = 0
    last: int = 0
    undated: bool = False


class Uses:
    """By instance, and what each role did: action to calls. `not_read` are rows that make no sense."""

    def __init__(self) -> None:
        self.instances: dict[str, Use] = {}
        self.actions: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.not_read = 0

    def since(self, moment: float) -> frozenset[str]:
        """The instances that did so after this time, or nobody knows when."""
        return frozenset(key for key, use in self.instances.items() if use.undated or use.last >= moment)


def uses(paths: Sequence[str]) -> Uses:
    """All rows of these files. Raises UsageError where a file is no such result."""
    check(paths, _REMEDY)
    found = Uses()
    for path in paths:
        try:
            _read(path, found)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", "Name a file that can be read.") from None
        except Damaged as damaged:
            raise UsageError(f"{path} cannot be used: {damaged.reason}", _REMEDY) from None
    return found


def _read(path: str, found: Uses) -> None:
    columns: Mapping[str, int] | None = None
    for _, line in lines(blocks(Piece(path))):
        row = _cells(line)
        if row is None:
            if columns is None:
                raise UsageError(f"{path} begins with no names of columns", _REMEDY)
            found.not_read += 1
            _take_unread(line, found)
            continue
        if columns is None:
            columns = {re.sub(r"[^a-z0-9]", "", name.lower()): at for at, name in enumerate(row)}
            if not any(name in columns for name in _WHO):
                raise UsageError(f"{path} has no column with the ARN of a session", _REMEDY)
            continue
        _take(row, columns, found)
    if columns is None:
        raise UsageError(f"{path} is empty", _REMEDY)


def _cells(line: bytes | TooLong) -> list[str] | None:
    """Athena writes each row on a line of its own, so a quotation mark that is not closed takes no other row with it. None where
    the line is no row.
    """
    if isinstance(line, TooLong):
        return None
    try:
        return next(csv.reader((line.decode("utf-8-sig", "replace"),), strict=True))
    except (csv.Error, StopIteration):
        return None


def _take_unread(line: bytes | TooLong, found: Uses) -> None:
    """The instances of a row that makes no sense: nobody knows any more that it says nothing against them."""
    if not isinstance(line, TooLong):
        for match in _SESSION.finditer(line.decode("utf-8", "replace")):
            use = found.instances.setdefault(match[2], Use(match[1]))
            use.calls += 1
            use.undated = True


def _take(row: Sequence[str], columns: Mapping[str, int], found: Uses) -> None:
    def cell(names: Sequence[str]) -> str:
        return next((row[columns[name]] for name in names if columns.get(name, len(row)) < len(row)), "")

    delivered = cell(_DELIVERED)
    if match := _DELIVERY.search(delivered):
        delivered = match[1]
    if delivered.strip() == "2.0":
        return
    said = "\n".join(row[columns[name]] for name in _WHO if columns.get(name, len(row)) < len(row))
    role, instance = _session(said)
    role = role or naming.text(cell(_ROLE))
    count = cell(_COUNT)
    if not instance:
        found.not_read += 1
        return
    calls = _number(count)
    last = _moment(cell(_WHEN))
    use = found.instances.setdefault(instance, Use(role))
    use.calls += calls
    use.last, use.undated = max(use.last, last), use.undated or not last
    if action := naming.text(f"{cell(_SERVICE).removesuffix('.amazonaws.com')}:{cell(_ACTION)}".strip(":")):
        actions = found.actions[role]
        if action in actions or len(actions) < NAMED_MAX:
            actions[action] += calls


def _session(said: str) -> tuple[str, str]:
    """Role and instance, empty where they are not said."""
    if match := _SESSION.search(said):
        return match[1], match[2]
    match = _PRINCIPAL.search(said)
    instance = match[1] if match else said.strip()
    return "", instance if _OF_INSTANCE.fullmatch(instance) else ""


def _number(said: str) -> int:
    """Calls, as spreadsheets write numbers, too. A row with a count that makes no sense is one call, as is a row without any."""
    match = _CALLS.fullmatch(said.strip())
    return max(1, int(match[1].replace(",", ""))) if match else 1


def _moment(said: str) -> int:
    try:
        found = datetime.datetime.fromisoformat(said.strip())
    except ValueError:
        return 0
    try:
        return int((found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp())
    except (ValueError, OverflowError):
        return 0


def trail(found: Uses, hosts: Mapping[str, Host], since: float) -> Trail:
    """What was read beside the reports. Where the last call was before `since`, it says nothing against a report."""
    instances: Counter[str] = Counter(use.role for use in found.instances.values())
    calls: Counter[str] = Counter()
    for use in found.instances.values():
        calls[use.role] += use.calls
    roles = sorted(instances, key=lambda role: (-calls[role], role))
    recent = found.since(since)
    ordered = sorted(found.instances, key=lambda key: (-found.instances[key].calls, key))
    return Trail(
        instances=len(found.instances),
        calls=calls.total(),
        roles=tuple(
            Delivered(
                role,
                instances[role],
                calls[role],
                tuple(name for name, _ in found.actions[role].most_common(ACTIONS_MAX)),
            )
            for role in roles[:NAMED_MAX]
        ),
        roles_left_out=max(0, len(roles) - NAMED_MAX),
        to=tuple(_to(key, found.instances[key], hosts.get(key)) for key in ordered[:NAMED_MAX]),
        unreported=ids(key for key in found.instances if key not in hosts),
        ready=ids(key for key in recent if key in hosts and hosts[key].switchable and not hosts[key].switched),
        rows_not_read=found.not_read,
    )


def _to(key: str, use: Use, host: Host | None) -> DeliveredTo:
    return DeliveredTo(
        instance_id=key,
        role=use.role,
        calls=use.calls,
        last_seen=rfc3339(use.last) if use.last and not use.undated else None,
        verdict=host.state if host else None,
        owner=host.owner if host else "",
        callers=tuple(each.program for each in host.callers[:CALLERS_MAX]) if host else (),
    )
