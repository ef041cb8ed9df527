"""Hosts and containers with a made-up /proc, whose code is read: scripts, libraries and programs that a test writes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from contexts import CATALOG, reader
from sdk_systems import System
from soon import SOON_S

from imds_probe.collect.code import CodeFound, CodeOptions, look_for
from imds_probe.facts.code import CodeSeen
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, SdkUse, Software
from imds_probe.reading.reader import Reader

PYTHON, SITE = "/usr/bin/python3.11", "usr/local/lib/python3.11/site-packages"
# Asks without a token, and with one.
V1 = "import urllib.request\nurllib.request.urlopen('http://169.254.169.254/latest/meta-data/instance-id')\n"
V2 = (
    "import requests\n"
    "token = requests.put('http://169.254.169.254/latest/api/token',"
    " headers={'X-aws-ec2-metadata-token-ttl-seconds': '60'}).text\n"
    "requests.get('http://169.254.169.254/latest/meta-data/', headers={'X-aws-ec2-metadata-token': token})\n"
)
CURL = "curl -s http://169.254.169.254/latest/meta-data/instance-id\n"
LATER_NS = 10_000_000_000
NO_OS = OsRelease(None, None, None)


class CodeSystem(System):
    """A host on which Python is installed, with nothing of its library but its mark."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.python(self.root)

    def python(self, root: Path) -> None:
        self.write("usr/lib/python3.11/os.py", "", root)
        self.write("usr/bin/python3.11", "", root)
        (root / SITE).mkdir(parents=True, exist_ok=True)

    def write(self, path: str, content: str | bytes, root: Path | None = None) -> str:
        at = (root or self.root) / path.lstrip("/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content.encode() if isinstance(content, str) else content)
        return f"/{path.lstrip('/')}"

    def runs(self, pid: int, script: str, *more: str, root: Path | None = None) -> int:
        return self.process(pid, root or self.root, exe=PYTHON, argv=[PYTHON, script, *more])

    def code(
        self,
        *pids: int,
        containers: Sequence[object] = (),
        sdks: Sequence[Software] = (),
        state: Path | None = None,
        deadline_s: float = SOON_S,
        by: Reader | None = None,
        now_ns: int | None = None,
        installed: Sequence[Software] = (),
        os: OsRelease = NO_OS,
        user_data: bytes = b"",
    ) -> CodeFound:
        return look_for(
            self.root,
            self.proc,
            pids=pids,
            containers=containers,
            installed=installed,
            host_os=os,
            catalog=CATALOG,
            sdks=sdks,
            images={},
            options=CodeOptions(state),
            reader=by or reader(),
            deadline=time.monotonic() + deadline_s,
            user_data=user_data,
            # Files that a test has just written count as settled.
            now_ns=time.time_ns() + LATER_NS if now_ns is None else now_ns,
        )


def sdk(package: str, version: str | None, *pids: int) -> SdkSoftware:
    """A library of Python's that its recogniser has found in these processes, or only on disk."""
    row = CATALOG.recognise("pypi", package, version)
    assert row is not None
    use = SdkUse(None, None, (f"/{SITE}/{package}",), 1)
    return SdkSoftware(row.id, "pypi", package, version, "dist-info", f"/{SITE}", pids=pids, sdk=use)


def said(found: CodeFound) -> dict[str, tuple[str, str]]:
    """How each path asks, and whether it runs."""
    return {each.path: (each.speaks, each.runs) for each in found.code.code}


def of(found: CodeFound, path: str) -> CodeSeen:
    return next(each for each in found.code.code if each.path == path)
