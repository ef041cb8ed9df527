"""The places that a command line names: they are there, and they answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from imds_probe.errors import UsageError
from imds_probe.system.state_directory import answers

_A_ROOT = "Name the root of a system."
OF_IMAGE = ("--no-code", "--deep")  # the options of collectors that an image can be judged with


def check(root: Path, out: Path | None, keep: Path | None = None) -> None:
    """Before any request is made: a report that cannot be kept is a request for nothing. Raises UsageError."""
    if not answers(root):
        raise UsageError(f"--root {root} does not answer", "Repair its file system.")
    check_root(root)
    for flag, path in (("--out", out), ("--keep", keep)):
        if path:
            _check_writable(flag, path)


def check_root(root: Path) -> None:
    """Raises UsageError where it is no directory."""
    try:
        found = root.is_dir()
    except OSError as error:  # such as a name that is too long
        raise UsageError(f"--root {root} cannot be looked at: {error.strerror}", _A_ROOT) from None
    if not found:
        raise UsageError(f"--root {root} is no directory", _A_ROOT)


def check_early(root: Path) -> None:
    """Who watches early in the boot watches the system that boots. Raises UsageError where another one is named, before anything
    is written on this one.
    """
    if root != Path("/"):
        raise UsageError(
            "--early does not go together with --root",
            "Only the system that boots can be watched early. Leave out one of them.",
        )


def check_image(root: Path, given: Sequence[str]) -> None:
    """An image is no running system, and of the options that are `given` none may ask for what only that has. Raises
    UsageError.
    """
    if others := [flag for flag in given if flag not in OF_IMAGE]:
        raise UsageError(
            f"--image does not go together with {', '.join(others)}", "An image is judged by its files alone."
        )
    if os.path.samestat(root.stat(), Path("/").stat()):
        raise UsageError(
            "--image needs the root of an image", "Mount the image, and name its directory: --root DIR --image."
        )


def _check_writable(flag: str, path: Path) -> None:
    if not answers(path.absolute().parent, path.name):
        raise UsageError(f"{flag} {path} cannot be written: its file system does not answer", "Name another file.")
    taken = path.exists() and not path.is_file()  # by a directory or a device, such as /dev/null
    if taken or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"{flag} {path} cannot be written", "Name a file in a directory that exists and is writable.")
