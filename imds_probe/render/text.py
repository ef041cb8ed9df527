"""The report as text for a terminal and for SSM, which shows the first 2,500 characters: the verdict comes first."""

from __future__ import annotations

from imds_probe.render.lines import Style, laid_out
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.page import page_of
from imds_probe.report import Report

__all__ = ["Style", "render"]


def render(report: Report, style: Style, *, kept: bool = False, file: str = "") -> str:
    """The whole text, ending in a line feed."""
    return laid_out(page_of(report, SHORT, kept=kept, file=file), style)
