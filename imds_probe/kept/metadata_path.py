"""What is kept of a URL or a path: what asks for which kind of metadata, and nothing that a caller made up.

Source: EC2 User Guide, "Instance metadata categories". Names of roles and tags are not kept: they stand where anybody may
write anything.
"""

from __future__ import annotations

from typing import Any

from imds_probe.kept.shapes import DIGITS, OMITTED

HOSTS = ("169.254.169.254", "[fd00:ec2::254]", "instance-data", "instance-data.ec2.internal")
SCHEMES = ("http", "https", "s3", "ftp", "ws", "wss", "tcp", "unix", "file")
LOOKED_AT_MAX = 1024  # characters of a path
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


def _leaves(names: str) -> dict[str, Any]:
    return {name: {} for name in names.split()}


_SERVED_BY_MAC = _leaves(
    "device-number gateway-ipv4s interface-id ipv4-prefix ipv6-prefix ipv6s local-hostname local-ipv4s mac network-card "
    "network-card-index owner-id public-hostname public-ipv4s security-group-ids security-groups subnet-id "
    "subnet-ipv4-cidr-block subnet-ipv6-cidr-blocks vpc-id vpc-ipv4-cidr-block vpc-ipv4-cidr-blocks "
    "vpc-ipv6-cidr-blocks ipv4-associations"
)
_CREDENTIALS = _leaves("info security-credentials")
_META_DATA = _leaves(
    "ami-id ami-launch-index ami-manifest-path ancestor-ami-ids hostname instance-action instance-id instance-life-cycle "
    "instance-type kernel-id local-hostname local-ipv4 mac managed-ssh-keys product-codes public-hostname public-ipv4 "
    "ramdisk-id reservation-id security-groups profile ipv6"
) | {
    "autoscaling": _leaves("target-lifecycle-state"),
    "block-device-mapping": _leaves("ami root swap") | {"ebs#": {}, "ephemeral#": {}},
    "elastic-gpus": _leaves("associations"),
    "elastic-inference": _leaves("associations"),
    "events": {"maintenance": _leaves("history scheduled"), "recommendations": _leaves("rebalance")},
    "iam": _CREDENTIALS,
    "identity-credentials": {"ec2": {"info": {}, "security-credentials": _leaves("ec2-instance")}},
    "metrics": _leaves("vhostmd"),
    "network": {"interfaces": {"macs": {":": _SERVED_BY_MAC}}},
    "placement": _leaves(
        "availability-zone availability-zone-id group-name host-id partition-number region spread-domain"
    ),
    "public-keys": {"#": _leaves("openssh-key")},
    "services": _leaves("domain partition endpoint"),
    "spot": _leaves("instance-action termination-time"),
    "system": {},
    "tags": _leaves("instance"),
}
_BELOW_A_VERSION = {
    "api": _leaves("token"),
    "dynamic": {
        "fws": _leaves("instance-monitoring"),
        "instance-identity": _leaves("document dsa2048 pkcs7 rsa2048 signature"),
    },
    "meta-data": _META_DATA,
    "user-data": {},
}
# What other clouds serve at the same address, or at one that clients ask beside it. Sources: their documentation, and the data
# sources of cloud-init: GCE, Azure, Oracle, OpenStack, Hetzner, DigitalOcean, UpCloud, Vultr, Akamai, Scaleway, IBM, CloudCIX.
_OF_OTHER_CLOUDS: dict[str, Any] = {
    "computeMetadata": dict.fromkeys(("v1", "v1beta1"), _leaves("instance project oslogin")),
    "metadata": _leaves("instance identity attested scheduledevents loadbalancer versions v1.json")
    | dict.fromkeys(("v1", "v1beta1"), _leaves("id region hostname user-data interfaces instance public-keys keys")),
    "opc": dict.fromkeys(("v1", "v2"), _leaves("instance vnics volumeAttachments allVnicAttachments identity")),
    "openstack": dict.fromkeys(
        ("latest", *(f"20{year}" for year in ("12-08-10", "13-04-04", "13-10-17", "15-10-15", "16-06-30", "16-10-06"))),
        _leaves("meta_data.json user_data vendor_data.json vendor_data2.json network_data.json"),
    )
    | _leaves("2017-02-22 2018-08-27 2020-10-14"),
    "hetzner": {"v1": _leaves("metadata userdata")},
    "digitalocean": {"v1": {}},
    "instance_identity": {"v1": _leaves("token certificates")},
    "v1": _leaves("instance network ssh-keys token user-data id instance-v2-id"),
    **_leaves("v1.json conf user_data"),
}


def is_other_clouds(path: str) -> bool:
    """Whether a path is one of another cloud's metadata service, and none of EC2's."""
    return path[:LOOKED_AT_MAX].lstrip("/").partition("/")[0].partition("?")[0] in _OF_OTHER_CLOUDS


def kept_path(path: str) -> str:
    """The path of a request to the metadata service, as far as it is one that this or another cloud's is documented to have."""
    whole = path[:LOOKED_AT_MAX]
    for sign in "?#":
        whole = whole.partition(sign)[0]
    below: dict[str, Any] | None = None
    kept = ""
    for segment in whole.split("/"):
        if not segment:
            continue
        inside = _first(segment) if below is None else _below(below, segment)
        if inside is None:
            return f"{kept}/{OMITTED}"
        kept, below = f"{kept}/{segment}", inside
    return f"{kept}/" if whole.endswith("/") or not kept else kept


def kept_url(word: str) -> str | None:
    """A word of a command line that is a URL: scheme, host and path of one of the metadata service's, of others the scheme
    alone. None where it is no URL.
    """
    scheme, separator, rest = word.partition("://")
    if separator and scheme.lower() not in SCHEMES:
        return None
    begin = f"{scheme.lower()}://" if separator else ""
    authority = (rest if separator else word)[:LOOKED_AT_MAX]
    host, _, path = authority.partition("/")
    name, port = _host_and_port(host)
    if name in HOSTS:
        shown = name if port in ("", "80") else f"{name}:{port}" if _is_port(port) else None
        if shown is not None:
            return begin + shown + (kept_path(f"/{path}") if len(authority) > len(host) else "")
    return f"{begin}{OMITTED}" if begin else None


def _host_and_port(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, bracket, port = host.partition("]")
        return name.lower() + bracket, port.removeprefix(":")
    name, _, port = host.partition(":")
    return name.lower(), port


def _is_port(text: str) -> bool:
    return 0 < len(text) <= 5 and DIGITS.issuperset(text)


def _is_version(segment: str) -> bool:
    """ "latest", a date, or the first one of all, "1.0"."""
    if segment in ("latest", "1.0"):
        return True
    year, month, day = [*segment.split("-"), "", "", ""][:3]
    of_digits = DIGITS.issuperset(year + month + day)
    return of_digits and (len(year), len(month), len(day)) == (4, 2, 2) and len(segment) == 10 and year[:2] == "20"


def _first(segment: str) -> dict[str, Any] | None:
    """What is below the first segment of a path; None where it is none that is known."""
    return _BELOW_A_VERSION if _is_version(segment) else _OF_OTHER_CLOUDS.get(segment)


def _below(known: dict[str, Any], segment: str) -> dict[str, Any] | None:
    """What the service has below a segment; None where it is none of its own."""
    if segment in known:
        inside: dict[str, Any] = known[segment]
        return inside
    counted = segment.rstrip("0123456789")
    if segment != counted and len(segment) - len(counted) <= 2 and f"{counted}#" in known:
        return dict(known[f"{counted}#"])
    octets = segment.split(":")
    is_mac = len(octets) == 6 and all(len(octet) == 2 and _HEXADECIMAL.issuperset(octet) for octet in octets)
    return dict(known[":"]) if is_mac and ":" in known else None
