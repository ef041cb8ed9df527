"""Where the daemon keeps what must outlive it, whose that has to be, and the lock that keeps a second one out."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from imds_probe.errors import HeldError, ProbeError
from imds_probe.system.confined import FileUnanswered, FileUnreadable
from imds_probe.system.rootfs import names, opened, status

DEFAULT = Path("/var/lib/imds-probe")
LOCK = "daemon.lock"
SPOOL = "spool"
UNIT = "imds-probe-daemon.service"
WANTS = "/etc/systemd/system/multi-user.target.wants"  # the links that systemctl enable makes for it
ROOT = 0
AFTER_DEATH_S = 5.0


class StateError(ProbeError):
    """The state directory, or what is in it, is not ours alone, or cannot be used."""

    page = "on-the-host.md"


def state_directory(given: Path | None, environ: Mapping[str, str], root: Path = Path("/")) -> Path:
    """The one that was named; the one systemd made (systemd.exec(5), StateDirectory=); or the default one below `root`."""
    if given is not None:
        return given
    made = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(made) if made else root / DEFAULT.relative_to("/")


def answers(directory: Path, *files: str) -> bool:
    """Whether a directory and these files in it, as far as they are there, answer whoever reads them."""
    try:
        status(directory, "/")
    except FileUnreadable as trouble:
        return not isinstance(trouble, FileUnanswered)
    for name in files:
        try:
            with opened(directory, name) as file:
                if file is not None:
                    file.read(1)
        except FileUnanswered:
            return False
        except FileUnreadable:
            continue
    return True


def check_directory(path: Path) -> None:
    """Raise StateError where there is something else than a directory that only root or we can write to, or where it does not
    answer; OSError where nobody may look. Nothing there is right, too.
    """
    if not answers(path):
        raise _hangs(path)
    if (found := _found(path)) is not None:
        if not stat.S_ISDIR(found.st_mode):
            raise StateError(f"{path} is {_kind(found)}, not a directory", f"Move it away, {_OTHERWISE}.")
        _check_rights(path, found)


def check_file(path: Path) -> bool:
    """Whether there is a file. Raises StateError where there is something else, others can write to it, or it does not answer;
    OSError where nobody may look.
    """
    if not answers(path.parent, path.name):
        raise _hangs(path)
    if (found := _found(path)) is None:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise StateError(f"{path} is {_kind(found)}, not a file", "Move it away.")
    _check_rights(path, found)
    return True


def daemon_was_here(directory: Path) -> bool:
    """Whether a daemon has begun to work in this directory. Raises OSError where nobody may look, StateError where it does not
    answer.
    """
    if not answers(directory, LOCK):
        raise _hangs(directory / LOCK)
    found = _found(directory / LOCK)
    return found is not None and found.st_size > 0


def daemon_is_enabled(root: Path) -> bool:
    """Whether systemd starts the daemon at boot, on the system below `root`. Raises FileUnreadable."""
    return UNIT in names(root, WANTS)


_OTHERWISE = "or set state_directory to another place"


def _found(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _check_rights(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in (ROOT, os.geteuid()):
        raise StateError(
            f"{path} belongs to user {found.st_uid}, who can change its content",
            f"Inspect its content, then make root its owner (chown root), {_OTHERWISE}.",
        )
    by_group = found.st_mode & stat.S_IWGRP and found.st_gid not in (ROOT, os.getegid())
    if found.st_mode & stat.S_IWOTH or by_group:
        raise StateError(
            f"{path} can be written by other users",
            f"Inspect its content, then remove that permission (chmod go-w), {_OTHERWISE}.",
        )


def _hangs(path: Path) -> StateError:
    return StateError(f"{path} does not answer: its file system hangs", f"Repair that file system, {_OTHERWISE}.")


def _kind(found: os.stat_result) -> str:
    kinds = (
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISREG, "a file"),
    )
    return next((name for is_one, name in kinds if is_one(found.st_mode)), "something else")


class Lock:
    """Held while open: by one process at a time, and given back by the kernel however that ends.

    Raises HeldError where another process holds it, StateError where the directory cannot be made or written, or is not
    ours alone.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK
        try:
            check_directory(directory)
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_file(path)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _cannot_be_written(directory, error) from None
        try:
            self._take(path)
        except BaseException as error:
            os.close(self._fd)
            if isinstance(error, OSError):
                raise _cannot_be_written(directory, error) from None
            raise

    def _take(self, path: Path) -> None:
        # What a killed daemon had just forked has its lock for a moment longer.
        until = time.monotonic() + AFTER_DEATH_S
        while not self._is_free():
            holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip()
            if not _has_ended(holder) or time.monotonic() >= until:
                raise HeldError(
                    f"process {holder or 'unknown'} holds {path}: a daemon is running already",
                    "Stop that daemon first, or give this one another --state-directory.",
                )
            time.sleep(0.02)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _is_free(self) -> bool:
        """And it is ours then."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def _has_ended(holder: str) -> bool:
    return holder.isdecimal() and not Path("/proc", holder).exists()


def _cannot_be_written(directory: Path, error: OSError) -> StateError:
    return StateError(
        f"{directory} cannot be written: {error.strerror}",
        "Free space on its disk, make it writable, or name another directory with --state-directory.",
    )
