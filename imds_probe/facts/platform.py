"""Whether this is an EC2 instance."""

from __future__ import annotations

from typing import ClassVar

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section


@dataclass(frozen=True)
class Platform(Section):
    """Whether this is an EC2 instance, and how that is known (DMI or the hypervisor; no packet is sent to find out)."""

    report_key: ClassVar[str] = "platform"

    is_ec2: bool
    method: str
    instance_id: str | None = None  # Nitro keeps it in the board asset tag, readable with IMDS turned off

    @classmethod
    def absent(cls) -> Platform:
        return cls(False, "not looked at")
