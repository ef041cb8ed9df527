"""The picture as one HTML page, to open in a browser or to send to who owns the hosts."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.grouping import Instances
from imds_probe.fleet.page import page_of
from imds_probe.fleet.page_hosts import hosts
from imds_probe.fleet.picture import Picture
from imds_probe.fleet.room import DOCUMENT
from imds_probe.render.web.document import document


def render(picture: Picture, found: Gathered, by: Sequence[str], instances: Instances | None) -> str:
    """A complete document with all that the picture has, and a row for each of the hosts that it was made of, as far as there is
    room.
    """
    return document("page.html", page=page_of(picture, DOCUMENT, (hosts(found, by, instances),)))
