import csv
import io
import json
import re

import fleets_made
import reports_made

from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import WHOLE, Fix, Host, V1Caller
from imds_probe.fleet.instances import Instance
from imds_probe.fleet.rows import COLUMNS, as_csv, as_ndjson, rows

NOW = int(fleets_made.NOW)


def fleet(*hosts):
    found = Gathered(NOW)
    for each in hosts:
        found.add(each)
    return found


def host(number, **more):
    return Host(fleets_made.instance_id(number), NOW - 60, 0, WHOLE, "0.1.0", "not-ready", "medium", **more)


def test_a_row_for_each_host_and_for_each_instance_without_one():
    full = host(
        2,
        evidence=("capability", "code"),
        fixes=(
            Fix("software", "cloud-init 18.3", "software-too-old"),
            Fix("check", "containers-not-seen", "containers-not-seen"),
        ),
        callers=(V1Caller("/bin/curl", "", 2), V1Caller("/x", "web:1", 3)),
        hop_limit=1,
        hop_limit_needed=2,
    )
    known = {
        fleets_made.instance_id(at): Instance(
            fleets_made.instance_id(at),
            "running",
            0,
            "optional",
            1,
            "enabled",
            "",
            "1",
            "eu-west-1",
            "ami",
            "m5",
            "kops a",
            ("x",),
        )
        for at in (2, 7)
    }
    found = list(rows(fleet(host(3), full), ("tag:Team",), known))
    assert [row["host"] for row in found] == [fleets_made.instance_id(at) for at in (2, 3, 7)]
    assert all(list(row) == [*COLUMNS, "tag:Team"] for row in found)
    assert [row["verdict"] for row in found] == ["not-ready", "not-ready", "no-report"]
    assert [row["instance_state"] for row in found] == ["running", "gone", "running"]
    assert [row["tag:Team"] for row in found] == ["x", None, "x"]
    assert found[0]["blockers"] == ["software cloud-init 18.3", "containers-not-seen"]
    assert (found[0]["imdsv1_calls"], found[0]["imdsv1_callers"]) == (5, ["/bin/curl", "/x in web:1"])
    assert (found[0]["age_s"], found[0]["owner"], found[0]["tokens"]) == (60, "kops a", None)
    lines = list(csv.reader(io.StringIO(as_csv(iter(found)))))
    assert lines[0] == [*COLUMNS, "tag:Team"]
    assert dict(zip(lines[0], lines[1], strict=True))["evidence"] == "capability; code"
    assert [json.loads(line) for line in as_ndjson(iter(found)).splitlines()] == found


def test_hostile_text_is_no_formula_and_no_other_row():
    for text in ('=HYPERLINK("http://x")', "+1", "-1", "@x", "\t=1", reports_made.HOSTILE):
        fixes = (Fix("check", text, ""),)
        (_, line) = csv.reader(
            io.StringIO(
                as_csv(rows(fleet(host(1, hostname=text.encode("utf-8", "replace").decode(), fixes=fixes)), (), None))
            )
        )
        assert len(line) == len(COLUMNS)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)
        assert all(cell.isprintable() for cell in line)


def test_no_formula_begins_where_semicolons_part_columns():
    callers = (V1Caller("a;=cmd|'/c calc'!A1;b", "", 1), V1Caller("-x", "", 1))
    text = as_csv(rows(fleet(host(1, callers=callers)), (), None))
    assert not re.search(r";\s*[=+@-]", text)
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())
