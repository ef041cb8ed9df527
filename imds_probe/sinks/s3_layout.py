"""Where reports lie in a bucket: the keys that the sink "s3" writes, and what such a key says to whoever reads a copy.

    PREFIX/reports/region=REGION/date=YYYY-MM-DD/ROLE:INSTANCE.HHMMSSZ.RUN.json.gz
    PREFIX/latest/region=REGION/ROLE:INSTANCE.json.gz

"ROLE:INSTANCE" is IAM's aws:userid of the credentials that EC2 delivers to an instance: IAM compares it as a whole, so a policy
can bind a key to it. Region and date are directories that Athena projects partitions from.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from imds_probe.dataclass import dataclass

_USER = r"[A-Z0-9]{4,128}:(?P<instance>i-(?:[0-9a-f]{17}|[0-9a-f]{8}))"
_USER_ID = re.compile(_USER)
_REGION_NAME = re.compile(r"[a-z]{2,4}(?:-[a-z]{1,16}){1,4}-\d{1,2}")
_STARTED_AT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)Z")
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_OF_REPORT = re.compile(rf"{_USER}\.(?P<time>\d{{6}})Z\.(?P<run>[0-9a-f]{{32}})\.json\.gz")
_OF_LATEST = re.compile(rf"{_USER}\.json\.gz")
_NOT_WRITTEN = "its key is none that the sink s3 writes"
_BY_USER = re.compile(rf"{_USER}(?![0-9a-f])")


class Keys(NamedTuple):
    """Of one report: its own key, and that of the newest report of the instance."""

    report: str
    latest: str


@dataclass(frozen=True)
class Claim:
    """What the key of a report says of it. Empty: it says nothing of that."""

    region: str = ""
    day: str = ""
    time: str = ""
    run: str = ""

    def denied_by(self, *, region: str, started_at: str, run_id: str) -> str:
        """What a report says that its key denies, a clause; empty where they agree. `started_at` is RFC 3339 in UTC."""
        day, _, time = started_at.partition("T")
        for name, here, there in (
            ("Region", self.region, region),
            ("date", self.day, day),
            ("time", self.time, time.replace(":", "")[:6]),
            ("run", self.run, run_id),
        ):
            # The sink may know the Region when the report does not.
            if here and here != there and (there or name != "Region"):
                return f"its key has the {name} {here}, and it says {there[:60] or 'none'}"
        return ""


def instance_of(user_id: str) -> str:
    """The instance that these credentials were delivered to; empty where they are no instance's."""
    match = _USER_ID.fullmatch(user_id)
    return match["instance"] if match else ""


def keys(prefix: str, user_id: str, region: str, started_at: str, run_id: str) -> Keys:
    """Of a report of the instance that `user_id` belongs to. Raises ValueError, a clause, for what no key can be made of."""
    for what, value, shape in (
        ("Region", region, _REGION_NAME),
        ("time", started_at, _STARTED_AT),
        ("run", run_id, _RUN_ID),
    ):
        if not shape.fullmatch(value):
            raise ValueError(f"its {what} is {value[:60]!r}")
    day, *time = _STARTED_AT.findall(started_at)[0]
    above = f"{prefix}/" if prefix else ""
    return Keys(
        f"{above}reports/region={region}/date={day}/{user_id}.{''.join(time)}Z.{run_id}.json.gz",
        f"{above}latest/region={region}/{user_id}.json.gz",
    )


def claim(path: str) -> Claim | None:
    """What the path of a copied object says; None where its name is not one of this sink's. What stands above the sink's own
    directories, the last "reports" or "latest" of the path, is whoever's copy it is. Raises ValueError, a clause, for a name that
    begins like one and goes on in another way: IAM's wildcards leave a host room for such names.
    """
    *directories, name = path.split("/")
    match = _OF_REPORT.fullmatch(name) or _OF_LATEST.fullmatch(name)
    if any(map(_BY_USER.match, directories if match else (name, *directories))):
        raise ValueError(_NOT_WRITTEN)
    if match is None:
        return None
    said = match.groupdict()
    tops = [at for at, each in enumerate(directories) if each in ("reports", "latest")]
    directories = directories[tops[-1] + 1 :] if tops else directories
    regions = {each.removeprefix("region=") for each in directories if each.startswith("region=")}
    days = {each.removeprefix("date=") for each in directories if each.startswith("date=")}
    if len(regions) > 1 or len(days) > 1 or (days and "run" not in said):
        raise ValueError(_NOT_WRITTEN)
    return Claim(next(iter(regions), ""), next(iter(days), ""), said.get("time", ""), said.get("run", ""))
