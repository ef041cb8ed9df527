"""The one door to other programs: an argument list, no shell, a time limit, a bound on what is read."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO

from imds_probe.dataclass import dataclass
from imds_probe.errors import CommandError, CommandMissing
from imds_probe.kept.message import kept_message

# Package managers live in sbin on some distributions, and SSM and cron hand down a short PATH.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OUTPUT_LIMIT_BYTES = 32 * 1024 * 1024
GOING_S = 5.0  # what was killed is waited for; it takes a moment on a busy machine


@dataclass(frozen=True)
class Completed:
    """A program that ran to its end. Output is bytes: what package databases hold need not be UTF-8."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    def stderr_line(self) -> str:
        """The first line of standard error that says something, as far as it is kept, for a one-line error message."""
        return kept_message(self.whole_stderr_line())

    def whole_stderr_line(self) -> str:
        """The same with all words, for commands that read nothing but what the lab made."""
        for line in self.stderr.decode(errors="replace").splitlines():
            if line.strip():
                return line.strip()[:300]
        return ""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small, fixed environment: no locale surprises in the output, nothing inherited that changes behaviour."""
    return {"PATH": SEARCH_PATH, "LC_ALL": "C", "HOME": "/"} | dict(extra or {})


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    output_limit_bytes: int = OUTPUT_LIMIT_BYTES,
) -> Completed:
    """Run a program to its end and return what it said; any exit code is an answer.

    Raises CommandMissing where there is no such program, CommandError where it did not end within `timeout_s` seconds
    or printed more than `output_limit_bytes`; it and whatever it started are gone then.
    """
    started = time.monotonic()
    child = start(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = _pump(child, stdin, started + timeout_s, output_limit_bytes)
        _wait(child, started + timeout_s)
    except subprocess.TimeoutExpired:
        raise CommandError(f"{argv[0]} did not end within {timeout_s:g} s") from None
    finally:
        stop(child)
    return Completed(tuple(argv), child.returncode, out, err)


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that `stop` reaches its children too."""
    try:
        return subprocess.Popen(
            list(argv), env=environment(env), stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
    except (FileNotFoundError, NotADirectoryError):
        raise CommandMissing(f"{argv[0]} is not installed") from None
    except OSError as error:
        raise CommandError(f"{argv[0]} cannot be started: {error.strerror}") from None


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a program that `start` started, with its children, and reap it; nothing happens where it has ended. One that hangs in
    the kernel, as on a share that does not answer, ends when that lets it go: nobody waits for it.
    """
    if not _reaped(child, os.WNOHANG):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            _wait(child, time.monotonic() + GOING_S)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _reaped(child: subprocess.Popen[bytes], options: int) -> bool:
    """Whether a child has ended; it is reaped then.

    Popen's own poll and wait take a lock just before the `try` that gives it back: a Ctrl-C or SIGTERM that is raised
    between the two leaves it taken, and the clean-up that follows waits for it without end.
    """
    if child.returncode is None:
        try:
            pid, status = os.waitpid(child.pid, options)
        except ChildProcessError:
            pid, status = child.pid, 0  # reaped, and interrupted before that could be noted
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode is not None


def _wait(child: subprocess.Popen[bytes], deadline: float) -> None:
    """Until the child has ended. One that has closed its outputs is about to: a look now and then is enough."""
    pause_s = 0.0005
    while not _reaped(child, os.WNOHANG):
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(child.args, 0)
        time.sleep(pause_s)
        pause_s = min(0.05, 2 * pause_s)


def _pump(child: subprocess.Popen[bytes], stdin: bytes, deadline: float, limit: int) -> tuple[bytes, bytes]:
    """Feed standard input and drain both outputs until they close. One loop, so that no pipe can fill and block."""
    assert child.stdin and child.stdout and child.stderr  # noqa: S101 - `run` opened all three
    out, err = bytearray(), bytearray()
    pending = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, out)
        selector.register(child.stderr, selectors.EVENT_READ, err)
        if pending:
            os.set_blocking(child.stdin.fileno(), False)
            selector.register(child.stdin, selectors.EVENT_WRITE)
        else:
            child.stdin.close()
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(child.args, 0)
            for key, _ in ready:
                if key.data is None:
                    try:
                        pending = pending[os.write(key.fd, pending[:65536]) :]
                    except BrokenPipeError:
                        pending = pending[:0]
                    if not pending:
                        selector.unregister(child.stdin)
                        child.stdin.close()
                    continue
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                key.data.extend(chunk)
                if len(key.data) > limit:
                    name = child.args[0] if isinstance(child.args, list) else child.args
                    raise CommandError(f"{name!s} printed more than {limit} bytes")
    return bytes(out), bytes(err)
