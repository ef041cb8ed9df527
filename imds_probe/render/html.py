"""The report as one HTML page without outside resources, to attach to a ticket."""

from __future__ import annotations

from imds_probe.render.page.bounds import LONG
from imds_probe.render.page.page import page_of
from imds_probe.render.web.document import document
from imds_probe.report import Report


def render(report: Report, *, kept: bool = False, file: str = "") -> str:
    """A complete document. The content policy in it forbids all scripts but its own, whatever a name in the report holds."""
    return document("page.html", page=page_of(report, LONG, kept=kept, file=file))
