"""A fleet of a few dozen hosts with all that a picture can have, and the file that holds how it is shown.

Renew the file with `.venv/bin/python tests/golden_fleet.py`, and read what changed.
"""

from __future__ import annotations

from pathlib import Path

import fleets_made
import msgspec
from golden_reports import without_own

from imds_probe.facts.section import plain
from imds_probe.fleet import html
from imds_probe.fleet.bounded import ids
from imds_probe.fleet.comparing import picture_before
from imds_probe.fleet.delivered import Delivered, DeliveredTo, Trail
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.instances import Instance
from imds_probe.fleet.lean import REPORT
from imds_probe.fleet.of_report import host_of
from imds_probe.fleet.painting import picture
from imds_probe.fleet.picture import Picture

FILE = Path(__file__).parent / "fleet/golden/fleet.html"
RENEW = ".venv/bin/python tests/golden_fleet.py"
HOSTS = 60
BY = ("owner", "account", "os")
MAX_AGE_S = 3 * 86400.0


def fleet(count: int = HOSTS) -> Gathered:
    """Hosts of all kinds, and two files that are no reports."""
    found = Gathered(fleets_made.NOW)
    for line in fleets_made.lines(count):
        found.add(host_of(REPORT.decode(line)))
    found.problems.add("damaged", "reports/i-0123.json", "it ends within a document")
    found.problems.add("foreign", "reports/notes.json", "it has no schema of imds-probe")
    return found


def known(first: int, last: int) -> dict[str, Instance]:
    """Instances that EC2 knows, by the numbers of their hosts."""
    keys = map(fleets_made.instance_id, range(first, last))
    return {
        key: Instance(key, "running", 0, "optional", 1, "enabled", "", "1", "eu-west-1", "ami-2", "m5", "", ())
        for key in keys
    }


def whole_picture(found: Gathered, instances: dict[str, Instance]) -> Picture:
    """The picture with an earlier one, the instances and a trail beside it."""
    before = picture_before(
        msgspec.json.encode(plain(picture(fleet(len(found.hosts) * 3 // 4), by=(), max_age_s=MAX_AGE_S)))
    )
    trail = Trail(
        instances=3,
        calls=40,
        roles=(Delivered("role/web", 3, 40, ("s3:GetObject",)),),
        roles_left_out=0,
        to=(DeliveredTo(fleets_made.instance_id(7), "role/web", 5, None, "ready", "", ("/usr/bin/curl",)),),
        unreported=ids(["i-0123456789abcdef0"]),
        ready=ids([fleets_made.instance_id(7)]),
        rows_not_read=2,
    )
    return picture(found, by=BY, max_age_s=MAX_AGE_S, instances=instances, before=before, trail=trail)


def document(count: int = HOSTS) -> str:
    """The page of so many hosts."""
    found, instances = fleet(count), known(5, count + 4)
    return html.render(whole_picture(found, instances), found, BY, instances)


def held() -> str:
    """What the file must hold: all but what each page has of our own."""
    return without_own(document())


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(held())
