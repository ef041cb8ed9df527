"""SSM's inventory of `Custom:ImdsReadiness`: the agent's file, a file of a resource data sync, what `aws ssm` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from imds_probe.fleet import naming
from imds_probe.fleet.hosts import A_SERVICE, INVENTORY, STATES, Fix, Host, V1Caller, is_node, moment, run_number
from imds_probe.sinks.readiness import CUT, NONE

TYPE = "Custom:ImdsReadiness"
NODES = ("resourceId", "InstanceId")  # members that name the node
_ACCOUNT = re.compile(r"/accountid=(\d{12})/")
_REGION = re.compile(r"/region=([a-z0-9-]{5,30})/")
_OF_SOFTWARE = frozenset(("software-too-old", "sdk-too-old"))


class NotInventory(Exception):
    """It is said to be an entry, and is none; the words say why."""


def is_inventory(value: dict[str, Any]) -> bool:
    """Whether this is one of the forms, valid or not."""
    return value.get("TypeName") == TYPE or ("Verdict" in value and "ReportedAt" in value)


def host_of_inventory(value: dict[str, Any], path: str) -> list[Host]:
    """The rows of a document, without a key where it does not name the node. Raises NotInventory."""
    return [_host(entry, node, path) for entry, node in _entries(value)]


def _entries(value: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    node = next((value[key] for key in NODES if isinstance(value.get(key), str)), "")
    listed = value.get("Entries")
    for each in listed if isinstance(listed, list) else [value.get("Content", value)]:
        if not isinstance(each, dict):
            raise NotInventory("an entry of the inventory is no table")
        yield each, node


def _host(entry: dict[str, Any], node: str, path: str) -> Host:
    said = {name: value for name, value in entry.items() if isinstance(value, str)}
    state = said.get("Verdict", "")
    if state not in STATES:
        raise NotInventory(f"there is no verdict {state[:40]!r}")
    try:
        started_at = moment(said.get("ReportedAt", ""))
        valid_until = moment(said["ValidUntil"]) if said.get("ValidUntil") else 0
    except ValueError as error:
        raise NotInventory(str(error)) from None
    account, region = _ACCOUNT.search(path), _REGION.search(path)
    return Host(
        key=node if is_node(node) else "",
        started_at=started_at,
        run=run_number(said.get("RunId", "")),
        detail=INVENTORY,
        version=naming.text(said.get("ProbeVersion")),
        state=state,
        confidence=naming.text(said.get("Confidence")),
        tokens=naming.text(said.get("HttpTokens")) or "unknown",
        endpoint=naming.text(said.get("Endpoint")) or "unknown",
        hop_limit=_number(said.get("HopLimit", ""), 64),
        hop_limit_needed=_number(said.get("HopLimitNeeded", ""), 64),
        account=account[1] if account else "",
        region=region[1] if region else "",
        fixes=_fixes(said) if state in ("not-ready", "unknown") else (),
        callers=tuple(
            V1Caller(naming.text(each), "", 1) for each in _list(said.get("IMDSv1Callers", ""))[: naming.CALLERS_MAX]
        ),
        accepted=_number(said.get("AcceptedRisks", ""), 100_000),
        accepted_until="" if said.get("AcceptedUntil", NONE) == NONE else naming.text(said["AcceptedUntil"]),
        template_waits=_template_waits(said.get("TemplateWaitsFor", "")),
        valid_until=valid_until,
        managed_by=A_SERVICE if said.get("SwitchCommand") == "" else "",
        cannot="not an EC2 instance" if "[not-ec2]" in said.get("Reasons", "") else "",
    )


def _template_waits(said: str) -> str | None:
    """What is empty was not looked for, and rows from before say nothing of it."""
    if said == "":
        return None
    return "" if said == NONE else naming.text(said)


def _fixes(said: dict[str, str]) -> tuple[Fix, ...]:
    """An entry says which findings block and which software is too old, and not which belongs to which."""
    kinds = _list(said.get("Blockers", "")) if said.get("Verdict") == "not-ready" else []
    found: list[Fix] = []
    for kind in kinds:
        if kind in _OF_SOFTWARE and (old := _list(said.get("SoftwareTooOld", ""))):
            found += [Fix("software", naming.text(each), kind) for each in old]
        elif kind == "imdsv1-caller" and (callers := _list(said.get("IMDSv1Callers", ""))):
            found += [Fix("program", naming.text(each), kind) for each in callers]
        else:
            found.append(Fix("check", naming.text(kind), naming.text(kind)))
    found = found or list(naming.by_reasons(_list(said.get("Reasons", ""))))
    return tuple(dict.fromkeys(found))[: naming.FIXES_MAX]


def _list(said: str) -> list[str]:
    """A list as the sink joins it; what was cut off is left out."""
    if said in ("", NONE):
        return []
    parts = said.split("; ")
    return parts[:-1] if said.endswith(CUT) else parts


def _number(said: str, most: int) -> int:
    return min(int(said), most) if said.isascii() and said.isdigit() and len(said) < 10 else 0
