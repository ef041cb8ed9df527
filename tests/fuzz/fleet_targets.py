"""Targets: what reports of a fleet are kept in, and what they are compared with."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import fleets_made
from fuzz.target import Parse, Target, check, choose, chosen

from imds_probe.errors import UsageError
from imds_probe.facts.section import plain
from imds_probe.fleet.comparing import changes, picture_before
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.instances import described
from imds_probe.fleet.painting import picture
from imds_probe.fleet.plan import plan
from imds_probe.fleet.reading import read
from imds_probe.fleet.reasons import Terms
from imds_probe.fleet.rows import as_csv, rows
from imds_probe.fleet.sources import Piece, tasks
from imds_probe.fleet.trail import trail, uses
from imds_probe.sinks.readiness import readiness
from imds_probe.sinks.summary import fitting


def _stored(root: Path) -> Parse:
    """Files with reports, up to what is made of them."""

    def parse(data: bytes) -> None:
        (root / "reports").write_bytes(data)
        assert list(tasks([str(root)], lambda *_: None)) == [(Piece(str(root / "reports")),)]
        found = Gathered(fleets_made.NOW)
        for host in read(Piece(str(root / "reports")), found.problems):
            found.add(host)
        made = picture(found, by=("owner", "os"), max_age_s=86400)
        check(plain(made))
        check(plain(plan(found, Terms(max_age_s=86400))))
        assert as_csv(rows(found, (), None)).isascii() or found.hosts

    return parse


def _reports() -> Mapping[str, bytes]:
    whole = [fleets_made.report(number) for number in range(0, 200, 9)]
    first = json.dumps(whole[0])
    events = [{"message": json.dumps(each)} for each in whole[:2]]
    entry = readiness(whole[0]) | {"resourceId": fleets_made.instance_id(0)}
    accepted = fleets_made.report(1, state="ready", accepted=[{"id": "code", "expires": "2026-12-31"}], switch=None)
    accepted["imds"] |= {"tokens": "optional"}
    accepted["findings"] = []
    return {
        "accepted": json.dumps(accepted).encode(),
        "lines": "\n".join(map(json.dumps, whole)).encode(),
        "indented": json.dumps(whole[0], indent=2).encode(),
        "packed": gzip.compress(first.encode(), mtime=0),
        "exported": f"2026-11-30T00:00:00.000Z {first}\n".encode(),
        "events": json.dumps({"events": events}, indent=4).encode(),
        "insights": json.dumps({"results": [[{"field": "@message", "value": first}]]}).encode(),
        "summary": fitting(whole[0], 5000).encode(),
        "inventory": json.dumps(entry).encode(),
        "listed": json.dumps({"TypeName": "Custom:ImdsReadiness", "InstanceId": "x", "Entries": [entry]}).encode(),
    }


def _beside(root: Path) -> Parse:
    """What else the command is given, and refuses in a sentence."""

    def parse(data: bytes) -> None:
        which, content = choose(data, 3)
        try:
            if which == 2:
                (root / "given").write_bytes(content)
                check(plain(trail(uses([str(root / "given")]), {}, fleets_made.NOW)))
            elif which == 1:
                check(plain(changes(picture_before(content), (), ())))
            else:
                (root / "given").write_bytes(content)
                for each in described([str(root / "given")], ("Team",)).values():
                    check((each.instance_id, each.owner, each.tags))
        except UsageError as error:
            assert "\n" not in str(error)

    return parse


def _given() -> Mapping[str, bytes]:
    found = Gathered(fleets_made.NOW)
    instance = {
        "InstanceId": fleets_made.instance_id(1),
        "LaunchTime": "2026-11-30T00:00:00+00:00",
        "Tags": [{"Key": "Team", "Value": "x"}],
        "MetadataOptions": {"HttpTokens": "optional", "HttpPutResponseHopLimit": 1},
    }
    arn = f"arn:aws:sts::111111111111:assumed-role/web/{fleets_made.instance_id(1)}"
    return {
        "counted": chosen(
            2, f'"arn","eventname","calls","last_seen"\n"{arn}","GetObject","5","2026-11-29T10:00:00Z"\n"{arn}\n'
        ),
        "whole": chosen(2, f'useridentity,x\n"{{arn={arn}, ec2roledelivery=1.0}}",2\n'),
        "picture": chosen(1, json.dumps(plain(picture(found, by=(), max_age_s=1)))),
        "instances": chosen(0, json.dumps({"Reservations": [{"Instances": [instance]}]}, indent=2)),
    }


TARGETS = {"fleet-reports": Target(_stored, _reports), "fleet-given": Target(_beside, _given)}
