"""The page of docs that says more of an error, where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.errors import ProbeError

INSTALLED = Path("/usr/share/doc/imds-probe")  # where the packages put them
# Of the commands whose errors a page of their own explains, unless the error names another one.
OF_COMMAND: Mapping[str, str] = {
    "catalog": "catalog.md",
    "fleet": "fleet.md",
    "rehearse": "rehearse.md",
    "simulate": "simulator.md",
}
CONFIGURATION = "configuration.md"


def with_page(error: ProbeError, arguments: Sequence[str] = ()) -> str:
    """What is said of an error that ends a command with these arguments, and the page that says more."""
    said = str(error)
    command = next((each for each in arguments if not each.startswith("-")), "")
    page = error.page or OF_COMMAND.get(command, "")
    if not page:
        return said
    return f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} See {place(page)}."


def place(page: str) -> str:
    """Where a page is: as the package put it, or its name in the source."""
    installed = INSTALLED / page
    return str(installed) if installed.is_file() else f"docs/{page}"
