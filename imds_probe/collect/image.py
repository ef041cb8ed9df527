"""Whether a root is judged as an image, in which nothing runs."""

from __future__ import annotations

import contextlib

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.facts.image import Image
from imds_probe.inventory.schedules.cloud_init_places import CLOUD
from imds_probe.system import rootfs


def _collect(context: Context) -> Collected:
    used = False
    with contextlib.suppress(rootfs.FileUnreadable):
        used = rootfs.status(context.root, f"{CLOUD}/instance") is not None
    return Collected((Image(used),))


COLLECTOR = Collector(
    id="image",
    collect=_collect,
    gives=(Image,),
    without="whether an image is judged",
    applies=lambda context: context.request.image,
    of_image=True,
)
