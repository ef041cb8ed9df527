"""Chromium, headless, led over a pipe by its own protocol: no port, no driver and no library is between.

It is Debian's. It runs in the network namespace of the tests, in a directory that is thrown away, and is ended by its group.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = "/usr/lib/chromium/chromium"  # the wrapper that Debian has before it looks into the user's home
PATIENCE_S = 120.0
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio", "--no-proxy-server", "--no-pings"),
    *("--disable-breakpad", "--disable-crash-reporter", "--metrics-recording-only", "--password-store=basic"),
    "--disable-features=OptimizationHints,MediaRouter,Translate,DialMediaRouteProvider",
)


class Failed(AssertionError):
    """The browser says that something does not work."""


class Chromium:
    """One page of a browser. `said` has all that its console, its scripts and its security policy complained about, and `asked`
    each address that it wanted, since the last document was opened.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self._loaded = False
        self.said: list[str] = []
        self.asked: list[str] = []

    def attach(self) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """What a method of the protocol returns. Raises Failed."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            came = self._next()
            if came.get("id") == number:
                if "error" in came:
                    raise Failed(f"{method}: {came['error']}")
                return came["result"]

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reading], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(self._reading, 1 << 20) if ready else b""
            if not piece:
                raise Failed("Chromium has ended" if ready else "Chromium does not answer")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        came = json.loads(line)
        self._note(came.get("method", ""), came.get("params", {}))
        return came

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.said.append(json.dumps(params["args"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.said.append(json.dumps(params["entry"])[:500])
        elif method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def show(self, *, width: int = 1400, height: int = 900, dark: bool = False, scripts: bool = True) -> None:
        """How documents are shown from now on; scripts are off or on from the next one."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)

    def open(self, path: Path) -> None:
        """Load a file, and wait for it."""
        self.said.clear()
        self.asked.clear()
        self._loaded = False
        self.send("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._next()

    def run(self, expression: str) -> Any:
        """What an expression of JavaScript comes to, whether or not the page may run scripts. Raises Failed."""
        done = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise Failed(json.dumps(done["exceptionDetails"])[:1000])
        return done["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press a key, such as Tab (9) or Enter (13)."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def picture(self, path: Path) -> None:
        """All of the page as a PNG."""
        done = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(done["data"]))

    def printed(self) -> bytes:
        """The page as a PDF on A4, as its own style says."""
        return base64.b64decode(self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])


@contextmanager
def chromium() -> Iterator[Chromium]:
    """A running browser, which has ended afterwards, whatever happened."""
    home = tempfile.mkdtemp(prefix="imds-probe-chromium-")
    commands, answers = os.pipe(), os.pipe()
    ours, its = (commands[1], answers[0]), (commands[0], answers[1])
    at_3_and_4 = f'exec "$@" 3<&{its[0]} 4>&{its[1]}'  # where the protocol has its ends
    options = (*OPTIONS, f"--user-data-dir={home}/profile", "--remote-debugging-pipe", "about:blank")
    process = subprocess.Popen(
        ["bash", "-c", at_3_and_4, "bash", PROGRAM, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=its,
        start_new_session=True,
        env={"HOME": home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": home, "TMPDIR": home},
    )
    for end in its:
        os.close(end)
    try:
        browser = Chromium(answers[0], commands[1])
        browser.attach()
        yield browser
    finally:
        for end in ours:
            os.close(end)
        # It is not reaped before: the number of its group is nobody else's until then.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(home, ignore_errors=True)
