"""Snaps, read from snapd: by its REST API, by its command where the socket does not answer, else from what it keeps.

A snap's version is free text without an order of its own; what counts is the upstream number in it.
Seen with snapd 2.57; the API is documented at snapcraft.io, snapd REST API.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imds_probe.errors import CommandError
from imds_probe.inventory.packages.package import DAMAGED, Package, PackageError, PackageStatus, field_text
from imds_probe.inventory.packages.rooted import to_look
from imds_probe.kept.message import kept_message
from imds_probe.system import process, rootfs
from imds_probe.system.confined import FileUnreadable, pin

SOCKET = "run/snapd.socket"
STATE = "var/lib/snapd/state.json"
MOUNTS = ("snap", "var/lib/snapd/snap")  # the second where distributions keep /snap free: snapd.conf(5)
LIMIT_BYTES = 16 * 1024 * 1024  # one answer for all snaps; a host has some dozens
SOCKET_SHARE = 0.5  # of the time there is; the command asks the same daemon and may fare no better
COMMAND_TIMEOUT_S = 3.0  # without a daemon it tries for as long as one lets it
_VERSION = b"version:"  # snap.yaml(5), top level


class Snap:
    """snapd, on the running system or on one below another root."""

    id = "snap"

    def present(self, root: Path) -> bool:
        """Whether snapd keeps its state here. Raises PackageError where it may not be looked at."""
        try:
            return "state.json" in rootfs.names(root, "var/lib/snapd")
        except rootfs.FileUnreadable as trouble:
            raise PackageError(self.id, trouble.problem, trouble.remedy or to_look(trouble)) from None

    def query(self, root: Path, names: Sequence[str], timeout_s: float) -> list[Package]:
        """The snaps of these names; see PackageManager.query."""
        if not names:
            return []
        if not self.present(root):
            raise PackageError(self.id, f"{root}/{STATE} is missing", DAMAGED)
        deadline = time.monotonic() + timeout_s
        troubles = []
        for look in (self._by_socket, self._by_command, self._by_state):
            try:
                found = look(root, max(0.1, deadline - time.monotonic()))
            except _Unanswered as trouble:
                troubles.append(trouble.problem)
                continue
            return [package for package in found if package.name in names]
        raise PackageError(self.id, "; ".join(troubles), "Start snapd (systemctl start snapd) and run again")

    def kept(self, root: Path, names: Sequence[str]) -> list[Package]:
        """The same by what snapd keeps on the disk, without asking it. Raises PackageError."""
        return self._of_state(root, names)

    def _by_socket(self, root: Path, left_s: float) -> list[Package]:
        try:
            rootfs.status(root, SOCKET)  # by whoever may wait for it, unlike what comes next
            pinned = pin(root, SOCKET)
        except FileUnreadable as trouble:
            raise _Unanswered(self.id, trouble.problem) from None
        if pinned is None:
            raise _Unanswered(self.id, f"snapd does not answer on its socket: {root / SOCKET} is missing")
        try:
            # The very socket that is below the root, whatever its name leads to; and no path of it is too long.
            answer = _get(f"/proc/thread-self/fd/{pinned}", "/v2/snaps", time.monotonic() + left_s * SOCKET_SHARE)
        finally:
            os.close(pinned)
        try:
            document = json.loads(answer)
        except (ValueError, RecursionError):
            raise PackageError(self.id, "snapd answered with something that is not JSON", DAMAGED) from None
        result = document.get("result") if isinstance(document, dict) else None
        if not isinstance(result, list) or document.get("type") != "sync":
            raise PackageError(self.id, f"snapd answered with something unexpected, {len(answer)} bytes", DAMAGED)
        return [self._package(entry) for entry in result]

    def _package(self, entry: Any) -> Package:
        fields = [entry.get(key) if isinstance(entry, dict) else None for key in ("name", "version", "status")]
        if not all(isinstance(field, str) and field for field in fields):
            raise PackageError(self.id, "snapd listed an entry that is not a snap", DAMAGED)
        name, version, status = (_field(str(field)) for field in fields)
        return Package(self.id, name, version, "", _status(active=status == "active"))

    def _by_command(self, root: Path, left_s: float) -> list[Package]:
        if root != Path("/"):
            raise _Unanswered(self.id, "the command snap knows only the running system")
        try:
            done = process.run(
                ["snap", "list", "--all", "--color=never", "--unicode=never"], timeout_s=min(left_s, COMMAND_TIMEOUT_S)
            )
        except CommandError as error:
            raise _Unanswered(self.id, error.problem) from None
        lines = done.stdout.decode(errors="backslashreplace").splitlines()
        if done.returncode or (lines and lines[0].split()[:2] != ["Name", "Version"]):
            raise _Unanswered(self.id, f"snap list: {done.stderr_line() or 'printed something unexpected'}")
        found = []
        for line in lines[1:]:
            fields = line.split()
            if len(fields) < 6:  # name, version, revision, tracking, publisher, notes
                raise PackageError(self.id, f"snap list printed something unexpected, {len(line)} characters", DAMAGED)
            active = "disabled" not in fields[5].split(",")
            found.append(Package(self.id, _field(fields[0]), _field(fields[1]), "", _status(active=active)))
        return found

    def _by_state(self, root: Path, left_s: float) -> list[Package]:
        del left_s  # a few small files
        return self._of_state(root, None)

    def _of_state(self, root: Path, names: Sequence[str] | None) -> list[Package]:
        """Which snaps there are stands in the state, their versions only in the snaps themselves. None: all snaps."""
        try:
            state = rootfs.read_json(root, STATE, LIMIT_BYTES)
        except rootfs.FileUnreadable as trouble:
            raise _Unanswered(self.id, trouble.problem) from None
        data = state.get("data") if isinstance(state, dict) else None
        snaps = data.get("snaps") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(snaps, dict | None):
            raise PackageError(self.id, f"{STATE} has not the shape of snapd's state", DAMAGED)
        found = []
        for name, entry in (snaps or {}).items():
            if names is not None and name not in names:
                continue
            if not isinstance(entry, dict):
                raise PackageError(self.id, f"{STATE} has not the shape of snapd's state", DAMAGED)
            version = self._mounted_version(root, name, entry.get("current"))
            found.append(Package(self.id, _field(name), version, "", _status(bool(entry.get("active")))))
        return found

    def _mounted_version(self, root: Path, name: str, revision: object) -> str:
        for mounts in MOUNTS:
            try:
                content = rootfs.read(root, f"{mounts}/{name}/{revision}/meta/snap.yaml")
            except rootfs.FileUnreadable as trouble:
                raise _Unanswered(self.id, trouble.problem) from None
            if content and (version := _version(content)):
                return field_text(self.id, version)
        raise _Unanswered(self.id, f"snapd does not run, and the version of {name} is not to be seen without it")


class _Unanswered(PackageError):
    """This way to ask gave nothing; the next one may."""


def _field(text: str) -> str:
    """A text of JSON or of the command, which may hold halves of characters."""
    return field_text("snap", text.encode("utf-8", "replace"))


def _version(content: bytes) -> bytes:
    """The version in a snap.yaml; empty for none."""
    for line in content.split(b"\n"):
        if line.startswith(_VERSION):
            return line.removeprefix(_VERSION).partition(b"#")[0].strip().strip(b"'\"")
    return b""


def _status(active: bool) -> PackageStatus:
    return "installed" if active else "unpacked"  # a disabled snap is there and cannot be run


def _get(path: str, target: str, deadline: float) -> bytes:
    """The body of one GET on a Unix socket. Raises _Unanswered where none comes in time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(max(0.05, deadline - time.monotonic()))
            sock.connect(path)
            connection = http.client.HTTPConnection("localhost")
            connection.sock = sock
            connection.request("GET", target)
            response = connection.getresponse()
            body = bytearray()
            while len(body) <= LIMIT_BYTES and (left_s := deadline - time.monotonic()) > 0:
                sock.settimeout(left_s)
                chunk = response.read1(65536)
                if not chunk:
                    break
                body += chunk
            else:
                raise _Unanswered("snap", "snapd did not come to an end with its answer")
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: lengths that are no numbers
            said = kept_message(str(error)) or type(error).__name__
            raise _Unanswered("snap", f"snapd does not answer on its socket: {said}") from None
    if response.length:
        raise _Unanswered("snap", f"snapd's answer was cut off, {response.length} bytes are missing")
    if response.status != 200:
        raise _Unanswered("snap", f"snapd answered with status {response.status}")
    return bytes(body)
