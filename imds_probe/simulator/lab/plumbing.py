"""What a lab is built with: ip, nft, nsenter and /proc/sys, each called once for many things."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from imds_probe.errors import CommandMissing, ProbeError
from imds_probe.net import namespaces
from imds_probe.simulator.lab import naming, processes
from imds_probe.simulator.lab.naming import NETNS_DIRECTORY
from imds_probe.system import process

TIMEOUT_S = 20.0
PACKAGES = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux"}  # Debian's names, also Ubuntu's
REMEDIES = {
    "Operation not permitted": "Run as root, or in a user namespace of your own",
    "Permission denied": "Run as root, or in a user namespace of your own",
    "Unknown device type": "This kernel lacks that kind of link: load its module (modprobe ipvlan), or do without",
}


class LabError(ProbeError):
    """A lab could not be built or taken down."""


def require_tools(search_path: str = process.SEARCH_PATH) -> None:
    """Raise CommandMissing, naming the packages to install, unless every program a lab needs is there."""
    missing = [tool for tool in PACKAGES if shutil.which(tool, path=search_path) is None]
    if missing:
        wanted = " ".join(PACKAGES[tool] for tool in missing)
        raise CommandMissing(
            f"a lab needs {', '.join(missing)}, not installed here",
            f"Install the package{'s' * (len(missing) > 1)} {wanted}, on Debian with: apt-get install {wanted}",
        )


def inside(netns: Path, argv: Iterable[str]) -> list[str]:
    """The argument list that runs a program in a network namespace.

    nsenter, because `ip netns exec` mounts a /sys of its own and needs the rights for that.
    """
    return ["nsenter", f"--net={netns}", "--", *argv]


def add_namespaces(names: Iterable[str]) -> None:
    """Make network namespaces that live under /run/netns."""
    for lab_id, group in itertools.groupby(names, naming.parse):
        _feed(["ip", "-batch", "-"], [f"netns add {name}" for name in group], lab_id)


def remove_namespaces(names: Iterable[str]) -> None:
    """Remove those of the namespaces that exist. A link goes with either of the namespaces it ends in."""
    present = _present(names)
    if present:
        try:
            _feed(["ip", "-force", "-batch", "-"], [f"netns delete {name}" for name in present])
        except LabError:
            # Another process may have removed the same ones meanwhile; what counts is that they are gone.
            if _present(present):
                raise


def ip_batch(netns: Path, commands: Iterable[str]) -> None:
    """Run ip commands in a namespace. They are issued there, so nothing is ever asked of the caller's own namespace."""
    _feed(inside(netns, ["ip", "-batch", "-"]), commands, naming.parse(netns.name))


def nft(netns: Path, rules: Iterable[str]) -> None:
    """Load nftables commands in a namespace, all or none."""
    _feed(inside(netns, ["nft", "-f", "-"]), rules, naming.parse(netns.name))


def write_sysctls(netns: Path, values: Mapping[str, str]) -> None:
    """Write network sysctls of a namespace; keys are paths below /proc/sys/net."""

    def write() -> None:
        # /proc/sys/net shows the namespace of the thread that opens the file, so no program is needed.
        for key, value in values.items():
            try:
                Path("/proc/sys/net", key).write_text(value)
            except OSError as error:
                raise LabError(
                    f"the sysctl net/{key} cannot be set: {error.strerror}",
                    "Build the lab where /proc/sys can be written, not in a container without privileges",
                ) from None

    namespaces.call_in(netns, write)


def kernel_has_ipv6(netns: Path) -> bool:
    """Whether IPv6 exists in a namespace at all (ipv6.disable=1 on the kernel command line takes it away)."""
    return namespaces.call_in(netns, Path("/proc/sys/net/ipv6/conf/all/forwarding").exists)


def _present(names: Iterable[str]) -> list[str]:
    return [name for name in names if (NETNS_DIRECTORY / name).exists()]


def _feed(argv: list[str], lines: Iterable[str], lab_id: naming.LabId | None = None) -> None:
    """Run a tool on commands. With a `lab_id` it is that lab's, so that it ends with the lab if its starter is killed."""
    text = "".join(f"{line}\n" for line in lines)
    if not text:
        return
    env = processes.environment(lab_id) if lab_id else None
    done = process.run(argv, stdin=text.encode(), timeout_s=TIMEOUT_S, env=env)
    if done.returncode == 0:
        return
    said = done.whole_stderr_line() or f"exit code {done.returncode}"
    remedy = next((remedy for words, remedy in REMEDIES.items() if words in said), "")
    raise LabError(f"a lab command failed ({' '.join(argv)}): {said}", remedy)
