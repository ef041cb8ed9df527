"""The page of docs that says more of an error, where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imds_probe.documents import document
from imds_probe.errors import ProbeError

# Of the commands whose errors a page of their own explains, unless the error names another one.
OF_COMMAND: Mapping[str, str] = {
    "run": "verdict.md",
    "daemon": "on-the-host.md",
    "watch": "callers.md",
    "doctor": "on-the-host.md",
    "judge": "report.md",
    "fleet": "fleet.md",
    "explain": "findings.md",
    "catalog": "catalog.md",
    "rehearse": "rehearse.md",
    "simulate": "simulator.md",
    "demo": "commands.md",
}
CONFIGURATION, ACCEPTED_RISKS = "configuration.md", "accepted-risks.md"


def with_page(error: ProbeError, arguments: Sequence[str] = ()) -> str:
    """What is said of an error that ends a command with these arguments, and the page that says more."""
    said = str(error)
    command = next((each for each in arguments if not each.startswith("-")), "")
    page = error.page or OF_COMMAND.get(command, "")
    if not page:
        return said
    return f"{said}{'' if said.endswith(('.', '?', '!')) else '.'} See {document(f'docs/{page}')}."
