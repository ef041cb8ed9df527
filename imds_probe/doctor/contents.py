"""What there is on the host to look at: firmware, packages, container engines, and the tools that are asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from imds_probe.collect.firmware import look
from imds_probe.collect.needs import Need
from imds_probe.doctor.check import Host, Result
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers import containerd, docker, storage
from imds_probe.inventory.images import containerd_store
from imds_probe.inventory.packages.managers import MANAGERS
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.process import SEARCH_PATH

# Where engines keep their records of containers, and the layers of images.
ENGINES = {
    "Docker": docker.DEFAULT_ROOTS,
    "Podman and CRI-O": storage.SYSTEM_STORES,
    "containerd": (*containerd.STATES, *containerd_store.ROOTS),
}
QUERY_S = 10.0
# What lists packet rules, and what each is for.
TOOLS = {"nft": "rules of nf_tables", "iptables-save": "rules of iptables"}


def firmware(host: Host) -> Result:
    found = look(host.root)
    if found.is_ec2:
        return Result("ok", f"{found.method}{f'; instance {found.instance_id}' if found.instance_id else ''}")
    return Result(
        "missing",
        f"this is not an EC2 instance: {found.method}",
        Need.FIRMWARE,
        ("nothing is sent, and the verdict is unknown",),
        "Run on an EC2 instance, or say that it is one: `imds-probe run --assume-ec2`.",
    )


def packages(host: Host) -> Iterator[Result]:
    there = []
    for manager in MANAGERS:
        try:
            if not manager.present(host.root):
                continue
            if host.is_here:
                manager.query(host.root, ("imds-probe",), QUERY_S)  # any name has it read its database
            there.append(manager.id)
        except ProbeError as error:
            yield Result("missing", error.problem, Need.PACKAGES, remedy=error.remedy or "Repair the database.")
    if there:
        yield Result("ok", f"databases of packages: {', '.join(there)}")
    else:
        yield Result(
            "missing",
            "no database of packages was found",
            Need.PACKAGES,
            ("software is known by its files alone",),
            "In a container, name the host's root: `imds-probe run --root DIR`.",
        )


def containers(host: Host) -> Iterator[Result]:
    """The engines' own places: the probe asks no engine, and needs no socket of one."""
    found = []
    for name, places in ENGINES.items():
        there, closed = [], []
        for place in places:
            try:
                if rootfs.status(host.root, place) is None:
                    continue
                rootfs.names(host.root, place)
                there.append(place)
            except FileUnreadable:
                closed.append(place)
        found += [f"{name} ({', '.join(there)})"] if there else []
        if closed:
            yield Result(
                "missing",
                f"the records of {name} cannot be read: {', '.join(closed)}",
                Need.FILES,
                ("names of containers, and the files of images that schedules start",),
                "Run as root, and mount these directories into the probe's container.",
            )
    if found:
        yield Result("ok", f"records of containers and images: {'; '.join(found)}")
    else:
        yield Result("ok", "no container engine keeps records here")


def tools(host: Host) -> Iterator[Result]:
    """What is asked for packet rules runs on the system that the probe runs on, whatever root it reads."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=SEARCH_PATH) is None]
    if "nft" in missing and _rules_may_be_there(host):
        yield Result(
            "missing",
            "nft is not installed, and the kernel has nf_tables",
            Need.RULES,
            remedy="Install the package nftables.",
        )
    elif missing:
        said = ", ".join(f"{tool} ({TOOLS[tool]})" for tool in missing)
        yield Result("ok", f"not installed, and not needed unless there are such rules: {said}")
    else:
        yield Result("ok", f"tools that list packet rules: {', '.join(TOOLS)}")


def _rules_may_be_there(host: Host) -> bool:
    return host.runs and Path("/sys/module/nf_tables").is_dir()
