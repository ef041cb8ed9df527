"""Which instance this is, as its firmware says: without a request, and not as a copied disk has it."""

from __future__ import annotations

import re
from pathlib import Path

from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnreadable

DMI = "sys/class/dmi/id"
INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")
# Of EC2: the UUID begins with ec2, in either byte order for its first group.
_UUID = re.compile(r"(?:ec2[0-9a-f]{5}|[0-9a-f]{4}2[0-9a-f]ec)-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def firmware_id(root: Path) -> str:
    """What no two instances have in common: the instance id (Nitro's board asset tag), or else the UUID of the machine. Empty where
    the firmware names none of EC2's, or does not answer. Source: EC2 User Guide, "Detect whether a host is an EC2 instance".
    """
    if INSTANCE_ID.fullmatch(tag := _line(root, f"{DMI}/board_asset_tag")):
        return tag
    for path in ("sys/hypervisor/uuid", f"{DMI}/product_uuid"):
        if _UUID.fullmatch(uuid := _line(root, path).lower()):
            return uuid
    return ""


def _line(root: Path, path: str) -> str:
    try:
        with rootfs.opened(root, path) as file:
            return file.read(200).partition(b"\n")[0].decode("latin-1").strip() if file is not None else ""
    except FileUnreadable:
        return ""
