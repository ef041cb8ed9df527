"""Who this instance is."""

from __future__ import annotations

from typing import ClassVar

from imds_probe.dataclass import dataclass
from imds_probe.facts.owner import LaunchedFrom, Owner
from imds_probe.facts.section import Section


@dataclass(frozen=True)
class Instance(Section):
    """The identity document, as far as it was served; the Auto Scaling group, where tags are served; and who owns the instance, as
    far as the host itself says it.
    """

    report_key: ClassVar[str] = "instance"

    instance_id: str | None = None
    region: str | None = None
    availability_zone: str | None = None
    account_id: str | None = None
    image_id: str | None = None
    instance_type: str | None = None
    auto_scaling_group: str | None = None
    owner: Owner | None = None
    launch_template: LaunchedFrom | None = None
