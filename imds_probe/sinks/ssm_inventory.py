"""The sink "ssm-inventory": `Custom:ImdsReadiness` of this node, which the SSM agent takes along when it gathers inventory.

Rules and limits: customGatherer.go of amazon-ssm-agent, and "Working with custom inventory" in the Systems Manager guide.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from imds_probe.config import Settings, values
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks.declaration import Declaration
from imds_probe.sinks.extract import instance
from imds_probe.sinks.output_directory import output_directory, said
from imds_probe.sinks.output_file import replace_in
from imds_probe.sinks.readiness import readiness
from imds_probe.sinks.sink import Report, SinkError

FILE = "ImdsReadiness.json"
AGENT = Path("/var/lib/amazon/ssm")
FILES_MAX = 20  # with one more *.json in the directory the agent reads none of them, others' included
SETTING = "ssm-inventory.directory"
_NODE = re.compile(r"m?i-[0-9a-f]{8,17}")


@dataclass(frozen=True)
class InventoryConfig(Section):
    """directory: None finds the node's own."""

    directory: Path | None = setting(
        SETTING,
        None,
        values.absolute,
        f"Without it: the node's own directory, {AGENT}/NODE-ID/inventory/custom.",
        example=f"{AGENT}/i-0123456789abcdef0/inventory/custom",
    )


class InventorySink:
    """`directory` is made where only itself is missing; None finds the node's own below `agent`, the SSM agent's data."""

    name = "ssm-inventory"
    keeps_each = False
    repeatable = True

    def __init__(self, directory: Path | None, agent: Path = AGENT) -> None:
        self._directory, self._agent = directory, agent

    def send(self, report: Report, deadline: float) -> None:
        """Replace the node's file. Raises SinkError."""
        del deadline
        item = {"SchemaVersion": "1.0", "TypeName": "Custom:ImdsReadiness", "Content": readiness(report)}
        content = (json.dumps(item, indent=1, ensure_ascii=True) + "\n").encode("ascii")
        path = (self._directory or self._found(report)) / FILE
        with output_directory(path, SETTING, create=0o755) as directory:
            others = [name for name in os.listdir(directory) if name.endswith(".json") and name != FILE]
            if len(others) >= FILES_MAX:
                raise SinkError(
                    f"{path} is not written: {path.parent} has {len(others)} other *.json files, and with more than "
                    f"{FILES_MAX} the SSM agent takes none of them",
                    "Take away what is not needed there.",
                )
            replace_in(directory, FILE, content, 0o644)

    def _found(self, report: Report) -> Path:
        """The custom directory of the node. Its parent is made, too: neither is there before somebody's first inventory. The
        node's own directory is not: without it no agent has registered here.
        """
        inventory = self._agent / self._node(report) / "inventory"
        with output_directory(inventory, SETTING), contextlib.suppress(FileExistsError):
            os.mkdir(inventory, 0o755)
        with output_directory(inventory / "custom", SETTING):
            return inventory / "custom"

    def _node(self, report: Report) -> str:
        """Where the instance's id is known, another instance's directory comes from the image: that one is not taken."""
        own = instance(report).get("instance_id")
        nodes: list[str] = []
        with said(self._agent / "NODE-ID/inventory/custom" / FILE, SETTING), contextlib.suppress(FileNotFoundError):
            nodes = sorted(filter(_NODE.fullmatch, os.listdir(self._agent)))
        if own in nodes:
            return str(own)
        fitting = [node for node in nodes if node.startswith("mi-") or not own]
        if len(fitting) == 1:
            return fitting[0]
        which = f"several nodes ({', '.join(fitting[:5])})" if fitting else "no directory of this node"
        raise SinkError(
            f"{FILE} is not written: {self._agent} has {which}",
            f"Set {SETTING}." if fitting else f"Start the SSM agent, so that it registers, or set {SETTING}.",
        )


def make(settings: Settings, environ: Mapping[str, str]) -> InventorySink:
    """The sink; see Declaration."""
    del environ
    return InventorySink(settings.of(InventoryConfig).directory)


SINK = Declaration(
    name="ssm-inventory",
    purpose="Custom:ImdsReadiness in the SSM agent's inventory directory",
    make=make,
    settings=InventoryConfig,
    paths=(str(AGENT),),
)
