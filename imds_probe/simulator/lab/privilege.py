"""Whether a lab can be built here: as root, in a user namespace of one's own, or not at all."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NoReturn

import imds_probe
from imds_probe.dataclass import dataclass
from imds_probe.errors import CommandError, ProbeError
from imds_probe.simulator.lab import userns
from imds_probe.simulator.lab.naming import NETNS_DIRECTORY
from imds_probe.system import process

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}  # <linux/capability.h>
NS_GET_USERNS = 0xB701  # <linux/nsfs.h>
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--")
TRIAL_TIMEOUT_S = 10.0

# Switches that turn user namespaces off, with the value that does so: user_namespaces(7), Debian's and Ubuntu's own.
SWITCHES = {
    "user/max_user_namespaces": "0",
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
}


@dataclass(frozen=True)
class LabPrivilege:
    """How to build a lab, and why so: for "none" what is in the way, in one clause."""

    way: Literal["root", "userns", "none"]
    reason: str


def how_to_build_a_lab() -> LabPrivilege:
    """Find out by looking, and where looking cannot tell, by trying: a user namespace is made and gone again."""
    lacking = _lacking()
    if not lacking:
        return LabPrivilege("root", f"this process has {', '.join(CAPABILITIES)} and may write to {NETNS_DIRECTORY}")
    try:
        # Mounting is part of the trial: Ubuntu hands out user namespaces that may do nothing.
        done = process.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/run"], timeout_s=TRIAL_TIMEOUT_S)
    except CommandError as error:
        return LabPrivilege("none", f"{lacking}, and a user namespace cannot be tried: {error.problem}")
    if done.returncode == 0:
        return LabPrivilege("userns", f"{lacking}, but a user namespace may be made")
    closed = [f"sysctl {key.replace('/', '.')}={value}" for key, value in SWITCHES.items() if _sysctl(key) == value]
    detail = ", ".join([done.whole_stderr_line() or f"exit code {done.returncode}", *closed])
    return LabPrivilege("none", f"{lacking}, and a user namespace is refused: {detail}")


def reexec_in_userns(argv: Sequence[str]) -> NoReturn:
    """Become `argv`, run in new user, network and mount namespaces where a lab can be built. Never returns.

    The program sees itself as root with an empty /run and the loopback only; files stay the caller's. Its process id,
    standard streams and environment stay too. Raises ProbeError where unshare is missing.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # what is buffered would be lost with this program
    try:
        os.execvpe(UNSHARE[0], userns_argv(argv), dict(os.environ) | userns_environment())  # noqa: S606
    except FileNotFoundError:
        raise ProbeError("unshare is not installed", "Install the package util-linux, or run as root") from None


def run_in_userns(argv: Sequence[str], *, timeout_s: float) -> process.Completed:
    """Like reexec_in_userns, as a program run to its end beside this one. Errors as process.run."""
    return process.run(userns_argv(argv), timeout_s=timeout_s, env=userns_environment())


def userns_argv(argv: Sequence[str]) -> list[str]:
    """The argument list that runs `argv` in namespaces fit for a lab; it needs userns_environment() as well."""
    return [*UNSHARE, sys.executable, "-m", userns.__name__, *argv]


def userns_environment() -> dict[str, str]:
    """What to add to the environment for userns_argv()."""
    # The new interpreter must find this very package, also where it runs from a source tree.
    roots = [str(Path(imds_probe.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {
        userns.OUTSIDE_MARKER: str(userns.mount_namespace()),
        "PYTHONPATH": os.pathsep.join(root for root in roots if root),
    }


def _lacking() -> str:
    """What root has and this process has not; empty where nothing is lacking."""
    status = Path("/proc/thread-self/status").read_text()
    effective = int(status.split("CapEff:")[1].split()[0], 16)
    missing = [name for name, bit in CAPABILITIES.items() if not effective >> bit & 1]
    if missing:
        return f"{', '.join(missing)} not held"
    if not _mounts_are_own():
        return "the mount namespace belongs to somebody else"
    directory = NETNS_DIRECTORY if NETNS_DIRECTORY.is_dir() else NETNS_DIRECTORY.parent
    return "" if os.access(directory, os.W_OK) else f"{directory} not writable"


def _mounts_are_own() -> bool:
    """Whether the capabilities count for mounting: not so for root of a user namespace that kept the mounts it found."""
    fd = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.close(fcntl.ioctl(fd, NS_GET_USERNS))
    except PermissionError:  # the owner is outside of this process's user namespace: ioctl_ns(2)
        return False
    finally:
        os.close(fd)
    return True


def _sysctl(key: str) -> str | None:
    try:
        return Path("/proc/sys", key).read_text().strip()
    except OSError:
        return None
