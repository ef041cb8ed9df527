"""Everything the simulated instance has to tell: the tree of paths, with listings, built from its state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.simulator.credentials import LIFETIME_S, Credentials
from imds_probe.simulator.state import InstanceState
from imds_probe.timestamp import rfc3339

# The version roots that EC2 lists: EC2 User Guide, "Get the available versions of the instance metadata".
VERSIONS = (
    *("1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01"),
    *("2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19"),
    *("2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03"),
    *("2021-03-23", "2021-07-15", "2022-09-24", "latest"),
)
SPOT_NOTICE_S = 120

Tree = dict[str, Any]  # str, bytes or another Tree


@dataclass(frozen=True)
class Document:
    """One body and its type. Octet streams are served as they are, the rest is text."""

    body: bytes
    content_type: str = "text/plain"


class Documents:
    """All paths of one state at one time; look-ups do no work."""

    def __init__(self, state: InstanceState, credentials: Credentials, unix_s: float) -> None:
        self._by_path: dict[str, Document] = {}
        self.built = formatdate(unix_s, usegmt=True)  # as the Last-Modified header has it
        user_data = None if state.user_data is None else state.user_data.encode()
        tree: Tree = {"dynamic": _dynamic(state), "meta-data": _meta_data(state, credentials, unix_s)}
        # Only the first level is listed without slashes.
        roots = [*tree, *(["user-data"] if user_data is not None else [])]
        self._by_path[""] = Document("\n".join(roots).encode())
        self._flatten("", tree)
        if user_data is not None:
            self._by_path["user-data"] = Document(user_data, "application/octet-stream")
        if state.key_name is not None:
            # The one listing that names its entries: "index=name".
            self._by_path["meta-data/public-keys"] = Document(f"0={state.key_name}".encode())

    def get(self, path: str) -> Document | None:
        """The document of a path such as /latest/meta-data/, None where there is none.

        Whether EC2 serves a directory without its slash, or a leaf with one, has no source: here both spellings work
        and nothing is redirected.
        """
        version, _, rest = path.strip("/").partition("/")
        if not version:
            return Document("\n".join(VERSIONS).encode())
        return self._by_path.get(rest) if version in VERSIONS else None

    def _flatten(self, prefix: str, tree: Tree) -> None:
        for name, entry in tree.items():
            path = f"{prefix}{name}"
            if isinstance(entry, dict):
                listing = [f"{key}/" if isinstance(value, dict) else key for key, value in sorted(entry.items())]
                self._by_path[path] = Document("\n".join(listing).encode())
                self._flatten(f"{path}/", entry)
            else:
                self._by_path[path] = Document(entry.encode())


def _json(values: Any) -> str:
    return json.dumps(values, indent=2)


def _partition(region: str) -> tuple[str, str]:
    """(partition, domain) of a Region, from the AWS partitions whose names begin alike."""
    if region.startswith("cn-"):
        return "aws-cn", "amazonaws.com.cn"
    return ("aws-us-gov" if region.startswith("us-gov-") else "aws"), "amazonaws.com"


def _meta_data(state: InstanceState, credentials: Credentials, unix_s: float) -> Tree:
    partition, domain = _partition(state.region)
    issued, expires = rfc3339(unix_s), rfc3339(unix_s + LIFETIME_S)
    document = _json(credentials.document(issued, expires))
    tree: Tree = {
        "ami-id": state.image_id,
        "ami-launch-index": "0",
        "ami-manifest-path": "(unknown)",
        "block-device-mapping": {"ami": "/dev/xvda", "root": "/dev/xvda"},
        "events": {
            "maintenance": {
                "history": _json(state.maintenance_history),
                "scheduled": _json(state.maintenance_scheduled),
            }
        },
        "hostname": state.hostname,
        "identity-credentials": {
            "ec2": {
                "info": _json({"Code": "Success", "LastUpdated": issued, "AccountId": state.account_id}),
                "security-credentials": {"ec2-instance": document},
            }
        },
        "instance-action": "none",
        "instance-id": state.instance_id,
        "instance-life-cycle": state.life_cycle,
        "instance-type": state.instance_type,
        "local-hostname": state.hostname,
        "local-ipv4": state.private_ips[0],
        "mac": state.mac,
        "network": {"interfaces": {"macs": {state.mac: _interface(state)}}},
        "placement": {
            "availability-zone": state.availability_zone,
            "availability-zone-id": state.availability_zone_id,
            "region": state.region,
        },
        "profile": "default-hvm",
        "reservation-id": state.reservation_id,
        "security-groups": "\n".join(state.security_groups),
        "services": {"domain": domain, "partition": partition},
        "system": "nitro",
    }
    if state.public_ip is not None:
        tree["public-ipv4"] = state.public_ip
    if state.key_name is not None:
        tree["public-keys"] = {"0": {"openssh-key": f"ssh-ed25519 AAAAEXAMPLEONLYNOTAKEY {state.key_name}"}}
    if state.iam_role is not None:
        profile = f"arn:{partition}:iam::{state.account_id}:instance-profile/{state.iam_role}"
        info = {
            "Code": "Success",
            "LastUpdated": issued,
            "InstanceProfileArn": profile,
            "InstanceProfileId": "AIPAEXAMPLEEXAMPLE000",
        }
        tree["iam"] = {"info": _json(info), "security-credentials": {state.iam_role: document}}
    if state.instance_metadata_tags == "enabled":
        tree["tags"] = {"instance": dict(state.tags)}
    if state.autoscaling_target_lifecycle_state is not None:
        tree["autoscaling"] = {"target-lifecycle-state": state.autoscaling_target_lifecycle_state}
    if state.rebalance_notice_time is not None:
        tree["events"]["recommendations"] = {"rebalance": json.dumps({"noticeTime": state.rebalance_notice_time})}
    if state.spot_instance_action is not None:
        when = state.spot_action_time or rfc3339(unix_s + SPOT_NOTICE_S)
        tree["spot"] = {"instance-action": json.dumps({"action": state.spot_instance_action, "time": when})}
        if state.spot_instance_action == "terminate":
            tree["spot"]["termination-time"] = when
    return tree


def _interface(state: InstanceState) -> Tree:
    interface: Tree = {
        "device-number": "0",
        "interface-id": "eni-0123456789abcdef0",
        "local-hostname": state.hostname,
        "local-ipv4s": "\n".join(state.private_ips),
        "mac": state.mac,
        "owner-id": state.account_id,
        "security-group-ids": "sg-0123456789abcdef0",
        "security-groups": "\n".join(state.security_groups),
        "subnet-id": "subnet-0123456789abcdef0",
        "subnet-ipv4-cidr-block": "10.0.0.0/24",
        "vpc-id": "vpc-0123456789abcdef0",
        "vpc-ipv4-cidr-block": "10.0.0.0/16",
        "vpc-ipv4-cidr-blocks": "10.0.0.0/16",
    }
    if state.public_ip is not None:
        interface["public-ipv4s"] = state.public_ip
        interface["ipv4-associations"] = {state.public_ip: state.private_ips[0]}
    return interface


def _dynamic(state: InstanceState) -> Tree:
    document: Mapping[str, Any] = {
        "accountId": state.account_id,
        "architecture": state.architecture,
        "availabilityZone": state.availability_zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": state.image_id,
        "instanceId": state.instance_id,
        "instanceType": state.instance_type,
        "kernelId": None,
        "pendingTime": state.launch_time,
        "privateIp": state.private_ips[0],
        "ramdiskId": None,
        "region": state.region,
        "version": "2017-09-30",
    }
    made_up = "EXAMPLESIGNATUREofnothing" * 4
    return {
        "fws": {"instance-monitoring": state.instance_monitoring},
        "instance-identity": {
            "document": _json(document),
            "dsa2048": made_up,
            "pkcs7": made_up,
            "rsa2048": made_up,
            "signature": made_up,
        },
    }
