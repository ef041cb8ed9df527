"""An image that was judged in the place of a host."""

from __future__ import annotations

from typing import ClassVar

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section


@dataclass(frozen=True)
class Image(Section):
    """There only where a mounted root was judged as an image: nothing runs there, and no service was asked. `used` says that an
    instance has run of it: what cloud-init has kept of that one lies there.
    """

    report_key: ClassVar[str] = "image"

    used: bool = False
