"""Buckets as directories, with reports in them as the sink s3 keeps them, inventory as SSM's data sync does, and a trail."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from imds_probe.sinks.readiness import readiness

BUCKET, PREFIX, ROLE = "reports", "imds-probe", "AROA1EXAMPLE2EXAMPLE3"


def latest_key(report: dict[str, Any]) -> str:
    """Where the newest report of a host is."""
    instance = report["instance"]
    return f"{PREFIX}/latest/region={instance['region']}/{ROLE}:{instance['instance_id']}.json.gz"


def dated_key(report: dict[str, Any]) -> str:
    """Where each report is."""
    instance, probe = report["instance"], report["probe"]
    day, _, time = probe["started_at"].removesuffix("Z").partition("T")
    name = f"{ROLE}:{instance['instance_id']}.{time.replace(':', '')}Z.{probe['run_id']}.json.gz"
    return f"{PREFIX}/reports/region={instance['region']}/date={day}/{name}"


def put(buckets: Path, key: str, content: dict[str, Any] | str, bucket: str = BUCKET) -> Path:
    """An object: a report on one line, or this text, packed where its name says so."""
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    path = buckets / bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = f"{text}\n".encode(errors="surrogatepass")
    path.write_bytes(gzip.compress(packed, 1, mtime=0) if path.suffix == ".gz" else packed)
    return path


def put_inventory(buckets: Path, report: dict[str, Any], **changes: str) -> Path:
    """The entry of a host as a data sync writes it: `changes` are members that are others."""
    instance = report["instance"]
    place = f"accountid={instance['account_id']}/region={instance['region']}/resourcetype=ManagedInstanceInventory"
    said = {"resourceId": instance["instance_id"], "captureTime": "2026-11-30T00:00:00Z", "schemaVersion": "1.0"}
    key = f"sync/Custom:ImdsReadiness/{place}/{instance['instance_id']}.json"
    return put(buckets, key, said | readiness(report) | changes, "inventory")


def record(instance_id: str, role: str, event: tuple[str, str], time: str, delivery: str | None) -> dict[str, Any]:
    """One of CloudTrail's, of a call with the credentials of an instance's role."""
    session = {"sessionIssuer": {"type": "Role", "userName": role}, "attributes": {"mfaAuthenticated": "false"}}
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"{ROLE}:{instance_id}",
            "arn": f"arn:aws:sts::111111111111:assumed-role/{role}/{instance_id}",
            "accountId": "111111111111",
            "sessionContext": session | ({} if delivery is None else {"ec2RoleDelivery": delivery}),
        },
        "eventTime": time,
        "eventSource": event[0],
        "eventName": event[1],
        "awsRegion": "eu-west-1",
        "requestParameters": {"Any": ["thing", 1]},
        "recipientAccountId": "111111111111",
    }


def put_records(buckets: Path, day: str, records: list[dict[str, Any]], number: int = 0) -> Path:
    """A file of CloudTrail's, of a day as 2026/11/30."""
    key = f"AWSLogs/111111111111/CloudTrail/eu-west-1/{day}/111111111111_CloudTrail_eu-west-1_{number}.json.gz"
    return put(buckets, key, {"Records": records}, "trail")
