import fleets_made
import msgspec
import reports_made

from imds_probe.escape import encodable_document
from imds_probe.facts.section import plain
from imds_probe.fleet import plan_page
from imds_probe.fleet.bounded import Count, Ids
from imds_probe.fleet.comparing import picture_before
from imds_probe.fleet.delivered import Delivered, DeliveredTo, Trail
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import HopNeed
from imds_probe.fleet.instances import Instance
from imds_probe.fleet.lean import REPORT, LeanReport
from imds_probe.fleet.of_report import host_of
from imds_probe.fleet.page import page_of
from imds_probe.fleet.painting import picture
from imds_probe.fleet.plan import plan
from imds_probe.fleet.reasons import Terms
from imds_probe.render.lines import Style, laid_out
from imds_probe.widths import columns

NOW = fleets_made.NOW


def fleet(count=60, hostile=False):
    found = Gathered(NOW)
    for line in fleets_made.lines(count):
        found.add(host_of(REPORT.decode(line)))
    if hostile:
        host = host_of(msgspec.convert(encodable_document(reports_made.hostile(30)), LeanReport))
        host.hops = (HopNeed(host.owner, 9),)
        found.add(host)
    found.problems.add("damaged", "/some/where/" + "x" * 200, "it ends within a document")
    return found


def shown(page):
    return laid_out(page, Style(width=80))


def test_everything_fits_80_columns_and_steers_no_terminal():
    found = fleet(400, hostile=True)
    ids = Ids(500, tuple(map(fleets_made.instance_id, range(100))))
    trail = Trail(
        3,
        40,
        (Delivered("role/" + "x" * 100, 3, 40, ("s3:GetObject",)),),
        0,
        (DeliveredTo("i-0123456789abcdef0", "role", 5, None, "ready", "", ("x" * 90,)),),
        ids,
        ids,
        2,
    )
    known = {
        key: Instance(key, "running", 0, "required", 3, "enabled", "", "1", "eu-west-1", "ami-2", "m5", "", ())
        for key in map(fleets_made.instance_id, range(350, 500))
    }
    before = picture_before(msgspec.json.encode(plain(picture(fleet(300), by=(), max_age_s=1))))
    by = ("account", "owner", "os", "ami")
    made = picture(found, by=by, max_age_s=3 * 86400, instances=known, before=before, trail=trail)
    said = shown(page_of(made))
    said += shown(plan_page.page_of(plan(found, Terms(max_age_s=7e9, raise_hop_limit=True, batch=20))))
    assert said.isascii() or said.replace("\n", "").isprintable()
    # A command is not broken, so that it can be pasted.
    assert [
        line for line in said.splitlines() if columns(line) > 80 and "aws ec2" not in line and "/some/where" not in line
    ] == []
    for heading in (
        *(
            "Verdicts",
            "The shortest way to ready",
            "Held back by one thing alone",
            "Since 2026-11-30T00:00:00Z",
            "Hop limits",
        ),
        *(
            "IMDSv1 callers by program",
            "Credentials delivered by IMDSv1",
            "By owner",
            "Compared with the instances of EC2",
            "Reports",
        ),
        *("Wave 1, canaries: switch these, and wait until you trust them", "Owners", "Not in the plan"),
    ):
        assert f"\n{heading}\n" in said, heading


def test_a_page_of_next_to_nothing():
    found = Gathered(NOW)
    found.add(host_of(REPORT.decode(next(fleets_made.lines(1)))))
    said = shown(page_of(picture(found, by=("owner",), max_age_s=1e9)))
    assert "1 host" in said.splitlines()[0]
    assert plain(Count("x", 1)) == {"value": "x", "hosts": 1}


def test_the_headline_counts_hosts_that_can_be_assessed():
    lines = shown(page_of(picture(fleet(60), by=(), max_age_s=1e9))).splitlines()
    assert lines[0].endswith("of 60 hosts are ready for IMDSv2-only")
