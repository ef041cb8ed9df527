"""Steers a running simulator over a Unix socket that speaks HTTP and JSON.

GET /state, PATCH /state with the fields to change, GET /counts, POST /reset. Errors are {"error": text}.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import stat
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any

from imds_probe.errors import HeldError, ProbeError
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import parse_changes

BODY_LIMIT_BYTES = 1024 * 1024
# One caller at a time is served; one that says nothing must not lock the others out.
SILENCE_LIMIT_S = 5.0
POLL_S = 0.1


class Control:
    """Serves the socket at `path`, mode 0600, from `start` to `stop`; also a context manager."""

    def __init__(self, simulator: Simulator, path: Path) -> None:
        self._simulator = simulator
        self._path = path
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises ProbeError where the socket cannot be made, also where another process serves it."""
        _remove_stale(self._path)
        before = os.umask(0o177)
        try:
            self._server = _Server(str(self._path), self._simulator)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ProbeError(f"cannot make the socket {self._path}: {reason}", "Give another path") from None
        finally:
            os.umask(before)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": POLL_S}, name="imds-simulator-control"
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread and remove the socket; waits at most 5 s for a request that is being read."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
        self._server = self._thread = None

    def __enter__(self) -> Control:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody serves any more; raises ProbeError for anything else that is in the way."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # not there, or bind says why not
    if not stat.S_ISSOCK(mode):
        raise ProbeError(f"{path} exists and is not a socket", "Give another path")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(SILENCE_LIMIT_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise ProbeError(f"{path} cannot be used: {error.strerror or error}", "Give another path") from None
    raise HeldError(f"{path} is served by another process", "Give another path, or stop that process")


class _Server(socketserver.UnixStreamServer):
    def __init__(self, path: str, simulator: Simulator) -> None:
        self.simulator = simulator
        super().__init__(path, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that left before its answer is no event; anything else is a bug and is shown by the base class."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    timeout = SILENCE_LIMIT_S
    server: _Server

    def do_GET(self) -> None:
        match self.path:
            case "/state":
                self._answer(200, self.server.simulator.state.to_mapping())
            case "/counts":
                self._answer(200, self.server.simulator.counts.to_mapping())
            case _:
                self._absent()

    def do_PATCH(self) -> None:
        if self.path != "/state":
            self._absent()
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 7 or int(length) > BODY_LIMIT_BYTES:
            self._answer(411, {"error": f"give a Content-Length of at most {BODY_LIMIT_BYTES}"})
            return
        text = self.rfile.read(int(length)).decode(errors="replace")
        try:
            self.server.simulator.update(**parse_changes(text))
        except ProbeError as error:
            self._answer(400, {"error": str(error)})
            return
        self._answer(200, self.server.simulator.state.to_mapping())

    def do_POST(self) -> None:
        if self.path != "/reset":
            self._absent()
            return
        self.server.simulator.reset_counts()
        self._answer(200, self.server.simulator.counts.to_mapping())

    def _absent(self) -> None:
        self._answer(404, {"error": "there are GET /state, PATCH /state, GET /counts, POST /reset"})

    def _answer(self, status: int, values: dict[str, Any]) -> None:
        body = (json.dumps(values, indent=2) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The command's standard error is for the metadata service's own requests."""
