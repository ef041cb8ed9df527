"""Where the daemon keeps what must outlive it, and the lock that keeps a second one out."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from imds_probe.errors import UsageError

DEFAULT = Path("/var/lib/imds-probe")
LOCK = "daemon.lock"


def state_directory(given: Path | None, environ: Mapping[str, str], root: Path = Path("/")) -> Path:
    """The one that was named; the one systemd made (systemd.exec(5), StateDirectory=); or the default one below `root`."""
    if given is not None:
        return given
    made = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(made) if made else root / DEFAULT.relative_to("/")


class Lock:
    """Held while open: by one process at a time, and given back by the kernel however that ends.

    Raises UsageError where another process holds it, or the directory cannot be made or written.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UsageError(
                f"{directory} cannot be written: {error.strerror}", "Name a writable one with --state-directory."
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._fd, 20).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise UsageError(
                f"process {holder or 'unknown'} holds {path}: a daemon is running already",
                "Stop that one first, or give this one another --state-directory.",
            ) from None
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
