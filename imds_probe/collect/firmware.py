"""What the firmware says of the machine, as the parser reads it: DMI and the hypervisor."""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.facts.platform import Platform
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnanswered
from imds_probe.system.machine import DMI, INSTANCE_ID


@dataclass(frozen=True)
class Seen:
    """What the firmware says, or why it cannot be asked."""

    platform: Platform | None = None
    unanswered: str = ""


def look(root: Path) -> Platform:
    """Look at what the firmware says. Source: EC2 User Guide, "Detect whether a host is an EC2 instance".

    Raises FileUnanswered.
    """
    vendor = _read(root, f"{DMI}/sys_vendor")
    instance_id = _instance_id(root)
    if vendor == "Amazon EC2":
        return Platform(True, "DMI: sys_vendor is Amazon EC2", instance_id)
    if "amazon" in (bios := _read(root, f"{DMI}/bios_version")).lower():
        return Platform(True, f"DMI: bios_version is {bios}", instance_id)
    # Xen instances: the UUID begins with ec2, in either byte order for its first group.
    for path in ("sys/hypervisor/uuid", f"{DMI}/product_uuid"):
        uuid = _read(root, path).lower()
        if uuid.startswith("ec2") or re.match(r"[0-9a-f]{4}2[0-9a-f]ec-", uuid):
            return Platform(True, f"{posixpath.basename(path)} begins with ec2", instance_id)
    if not vendor and not bios:
        return Platform(False, "no DMI information, and no hypervisor UUID that begins with ec2")
    return Platform(False, f"DMI: sys_vendor is {vendor or 'empty'}")


def _instance_id(root: Path) -> str | None:
    """The instance id without the metadata service: Nitro's board asset tag, or what cloud-init kept."""
    for path in (f"{DMI}/board_asset_tag", "var/lib/cloud/data/instance-id"):
        with contextlib.suppress(FileUnanswered):  # the service itself knows it, too
            if INSTANCE_ID.fullmatch(value := _read(root, path)):
                return value
    return None


def _read(root: Path, path: str) -> str:
    """The first line of a small file, printable; empty where it cannot be read (product_uuid is for root only)."""
    try:
        with rootfs.opened(root, path) as file:
            line = file.read(200).partition(b"\n")[0] if file is not None else b""
    except FileUnanswered:
        raise
    except rootfs.FileUnreadable:
        return ""
    return re.sub(r"[^\x20-\x7e]", "?", line.decode("latin-1")).strip()


def read_firmware(root: str) -> Iterator[Seen]:
    """What the firmware of the system below a root says."""
    try:
        yield Seen(look(Path(root)))
    except FileUnanswered as trouble:
        yield Seen(unanswered=trouble.problem)
