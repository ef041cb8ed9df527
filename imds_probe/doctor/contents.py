"""What there is on the host to look at: firmware, packages, container engines, and the tools that are asked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

from imds_probe.collect.firmware import look
from imds_probe.collect.needs import Need
from imds_probe.doctor.check import Host, Result
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers import containerd, docker, storage
from imds_probe.inventory.images import containerd_store
from imds_probe.inventory.packages.managers import MANAGERS
from imds_probe.net.obstacles.saving import FAMILIES, legacy_tables, saved_by
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.process import SEARCH_PATH

# Where engines keep their records of containers, and the layers of images.
_OTHERS = {
    "Podman and CRI-O": storage.SYSTEM_STORES,
    "containerd": (*containerd.STATES, *containerd_store.ROOTS),
}
QUERY_S = 10.0
TOOLS = ("nft", "iptables-save", "iptables-legacy-save")  # what lists packet rules


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
    there, present = [], False
    for manager in MANAGERS:
        try:
            if not manager.present(host.root):
                continue
            present = True
            manager.query(host.root, ("imds-probe",), QUERY_S)  # any name has it read its database
            there.append(manager.id)
        except ProbeError as error:
            present = True
            yield Result("missing", error.problem, Need.PACKAGES, remedy=error.remedy or "Repair the database.")
    if there:
        yield Result("ok", f"databases of packages: {', '.join(there)}")
    elif not present:
        yield Result(
            "missing",
            "no database of packages was found",
            Need.PACKAGES,
            ("software is known by its files alone",),
            "In a container, name the host's root: `imds-probe run --root DIR`."
            if host.is_here
            else "Name the root of a whole system as --root.",
        )


def containers(host: Host) -> Iterator[Result]:
    """The engines' own places: the probe asks no engine, and needs no socket of one."""
    found, notes = [], list[str]()
    engines = {"Docker": docker.data_roots(host.root, notes=notes), **_OTHERS}
    for note in notes:
        yield Result("limited", f"where Docker keeps its records is not known: {note}", remedy="Repair that file.")
    for name, places in engines.items():
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
    """What is asked for packet rules runs on the system that the probe runs on, whatever root it reads. A run says of each that is
    missing that its rules are not known, so nothing is in order without nft, nor with tables of which nothing says the rules.
    """
    if not host.runs:
        yield Result("ok", "the packet rules of another system are not looked at")
        return
    fine = True
    if not _is_there("nft"):
        fine = False
        yield Result(
            "missing",
            "nft is not installed, so that rules of nf_tables cannot be seen",
            Need.RULES,
            remedy="Install the package nftables.",
        )
    for _, prefix in FAMILIES:
        if (names := _legacy_tables(prefix)) and not _lists_legacy(prefix):
            fine = False
            yield Result(
                "missing",
                f"the kernel has tables of {prefix}tables ({', '.join(names)[:60]}), and no tool here lists legacy ones",
                Need.RULES,
                remedy=f"Install the package iptables, with {prefix}tables-legacy-save.",
            )
    if fine:
        there = [tool for tool in TOOLS if _is_there(tool)]
        yield Result("ok", f"the tools that list packet rules are installed: {', '.join(there)}")


def _is_there(tool: str) -> bool:
    return shutil.which(tool, path=SEARCH_PATH) is not None


def _legacy_tables(prefix: str) -> list[str]:
    """None where the kernel does not say, which the check of rights tells."""
    try:
        return legacy_tables(prefix)
    except OSError:
        return []


def _lists_legacy(prefix: str) -> bool:
    """Whether a run could read what is in them."""
    return saved_by("legacy", prefix, time.monotonic() + QUERY_S).printed is not None
