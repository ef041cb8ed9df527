"""Which values the fields of an InstanceState may have."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError

USER_DATA_LIMIT_BYTES = 16 * 1024  # EC2 User Guide: 16 KB, in raw form
LATENCY_LIMIT_MS = 60_000


@dataclass(frozen=True)
class Check:
    """`read` returns the value in its proper type, or None where it makes no sense; `wanted` says what would."""

    read: Callable[[object], object]
    wanted: str
    text: bool = False
    optional: bool = False


def checked(name: str, value: object) -> object:
    """The value of one field in its proper type; raises ProbeError naming the field."""
    check = CHECKS[name]
    if value is None and check.optional:
        return None
    result = check.read(value)
    if result is None:
        raise ProbeError(f"{name}: {value!r} is not valid", f"Use {check.wanted}" + (", or null" * check.optional))
    return result


def _choice(*choices: str, optional: bool = False) -> Check:
    return Check(lambda v: v if v in choices else None, " or ".join(choices), text=True, optional=optional)


def _matching(pattern: str, wanted: str, *, optional: bool = False) -> Check:
    compiled = re.compile(pattern)
    return Check(
        lambda v: v if isinstance(v, str) and compiled.fullmatch(v) else None, wanted, text=True, optional=optional
    )


def _whole(low: int, high: int, *, optional: bool = False) -> Check:
    def read(value: object) -> int | None:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return value if good and isinstance(value, int) else None

    return Check(read, f"a whole number from {low} to {high}", optional=optional)


def _milliseconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATENCY_LIMIT_MS:
        return None
    return float(value)


def _ipv4(value: object) -> str | None:
    try:
        return str(ipaddress.IPv4Address(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _ipv4s(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    read = [_ipv4(item) for item in value]
    return tuple(address for address in read if address) if all(read) else None


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    names = tuple(item for item in value if isinstance(item, str) and item and item.isprintable())
    return names if len(names) == len(value) else None


def _tags(value: object) -> dict[str, str] | None:
    """Tags as instance metadata can serve them: EC2 refuses other keys where tags in metadata are on."""
    if not isinstance(value, Mapping):
        return None
    for key, text in value.items():
        if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9+\-=.,_:@]{1,128}", key):
            return None
        if key in {".", "..", "_index"} or not isinstance(text, str) or len(text) > 256:
            return None
    return dict(value)


def _user_data(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return value if 0 < len(value.encode()) <= USER_DATA_LIMIT_BYTES else None
    except UnicodeEncodeError:  # JSON can spell lone surrogates
        return None


def _events(value: object) -> tuple[dict[str, Any], ...] | None:
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        return None
    return tuple(dict(item) for item in value)


_SWITCH = _choice("enabled", "disabled")
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

CHECKS: dict[str, Check] = {
    "http_tokens": _choice("optional", "required"),
    "http_endpoint": _SWITCH,
    "hop_limit": _whole(1, 64),
    "http_protocol_ipv6": _SWITCH,
    "instance_metadata_tags": _SWITCH,
    "instance_id": _matching(r"i-[0-9a-f]{8}([0-9a-f]{9})?", "e.g. i-0123456789abcdef0"),
    "region": _matching(r"[a-z]{2,}(-[a-z]+)+-\d+", "e.g. us-east-1"),
    "availability_zone": _matching(r"[a-z]{2,}(-[a-z0-9]+)+", "e.g. us-east-1a"),
    "availability_zone_id": _matching(r"[a-z0-9]+(-[a-z0-9]+)+", "e.g. use1-az1"),
    "account_id": _matching(r"\d{12}", "twelve digits"),
    "image_id": _matching(r"ami-[0-9a-f]{8}([0-9a-f]{9})?", "e.g. ami-0123456789abcdef0"),
    "instance_type": _matching(r"[a-z0-9-]+\.[a-z0-9-]+", "e.g. m5.large"),
    "architecture": _choice("i386", "x86_64", "arm64"),
    "life_cycle": _choice("on-demand", "spot", "scheduled"),
    "reservation_id": _matching(r"r-[0-9a-f]{8}([0-9a-f]{9})?", "e.g. r-0123456789abcdef0"),
    "launch_time": _matching(_TIME, "e.g. 2026-01-01T00:00:00Z"),
    "hostname": _matching(r"[A-Za-z0-9.-]{1,253}", "a host name"),
    "private_ips": Check(_ipv4s, "a list of IPv4 addresses, at least one"),
    "public_ip": Check(_ipv4, "an IPv4 address", text=True, optional=True),
    "mac": _matching(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", "e.g. 02:00:00:00:00:0a"),
    "security_groups": Check(_names, "a list of names, at least one"),
    "key_name": _matching(r"[ -~]{1,255}", "a name in ASCII", optional=True),
    "tags": Check(_tags, "an object of texts whose keys have letters, digits and +-=._:,@ only"),
    "user_data": Check(_user_data, "a text of 1 to 16384 bytes", text=True, optional=True),
    "iam_role": _matching(r"[A-Za-z0-9+=,.@_-]{1,64}", "an IAM role's name", optional=True),
    "spot_instance_action": _choice("terminate", "stop", "hibernate", optional=True),
    "spot_action_time": _matching(_TIME, "e.g. 2026-01-01T00:00:00Z", optional=True),
    "rebalance_notice_time": _matching(_TIME, "e.g. 2026-01-01T00:00:00Z", optional=True),
    "maintenance_scheduled": Check(_events, "a list of objects"),
    "maintenance_history": Check(_events, "a list of objects"),
    "autoscaling_target_lifecycle_state": _matching(r"[A-Za-z:]{1,64}", "e.g. InService", optional=True),
    "instance_monitoring": _SWITCH,
    "server_header": _matching(r"[!-~]([ -~]{0,200}[!-~])?", "printable ASCII"),
    "http_version": _choice("1.1", "1.0"),
    "error_body": _choice("empty", "xhtml"),
    "invalid_token_when_optional": _choice("unauthorized", "ignored"),
    "latency_ms": Check(_milliseconds, f"0 to {LATENCY_LIMIT_MS}"),
    "throttle_requests_per_s": _whole(1, 1_000_000, optional=True),
}
TEXT = {name for name, check in CHECKS.items() if check.text}
OPTIONAL = {name for name, check in CHECKS.items() if check.optional}
