"""Where reports go. A sink reads nothing but the report; one that fails never changes verdict or exit code."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imds_probe.sinks.declaration import Declaration

# One line for each sink: its name, and the module whose SINK declares all else. As text, so that who only wants the names
# imports nothing.
SINKS: dict[str, str] = {
    "cloudwatch": "imds_probe.sinks.cloudwatch",
    "cloudwatch-logs": "imds_probe.sinks.cloudwatch_logs",
    "s3": "imds_probe.sinks.s3",
    "emf": "imds_probe.sinks.emf",
    "ssm-inventory": "imds_probe.sinks.ssm_inventory",
    "textfile": "imds_probe.sinks.textfile",
    "file": "imds_probe.sinks.file",
}


def declared(name: str) -> Declaration:
    """The declaration of a sink. Its module is imported, but nothing that the sink sends by, as botocore takes longer to load
    than a whole run.
    """
    found: Declaration = importlib.import_module(SINKS[name]).SINK
    return found
