"""Hosts and containers with a made-up /proc, to look for SDKs in: processes by their files, with links to roots."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from contexts import CATALOG, reader
from soon import SOON_S

from imds_probe.collect.own_software import OwnPackage
from imds_probe.collect.sdks import SdksFound, SearchOptions, look_for
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.reading.reader import Reader

SITE = "usr/lib/python3/dist-packages"


class System:
    """A host and its /proc, to put processes and libraries in."""

    def __init__(self, folder: Path) -> None:
        self.root, self.proc = folder / "host", folder / "host/proc"
        self.proc.mkdir(parents=True)
        self._folder = folder

    def image(self, name: str) -> Path:
        root = self._folder / name
        (root / "etc").mkdir(parents=True)
        (root / "etc/os-release").write_text(f"ID={name}\n")
        return root

    def process(
        self,
        pid: int,
        root: Path,
        *,
        exe: str = "/usr/bin/python3",
        env: str = "",
        cgroup: str = "/",
        cwd: str = "/",
        maps: str = "",
        argv: Sequence[str] = (),
    ) -> int:
        at = self.proc / str(pid)
        at.mkdir()
        for name, target in (("exe", exe), ("cwd", cwd)):
            (at / name).symlink_to(target)
        (at / "root").symlink_to(root)
        contents = {
            "cmdline": "\0".join([*(argv or (exe,)), ""]),
            "maps": maps,
            "environ": env,
            "comm": f"worker-{pid}\n",
            "statm": "1 1",
        }
        for name, content in {**contents, "cgroup": f"0::{cgroup}\n", "mountinfo": ""}.items():
            (at / name).write_text(content)
        return pid

    def look(
        self,
        *pids: int,
        containers=(),
        installed=(),
        request=None,
        deadline_s: float = SOON_S,
        by: Reader | None = None,
        now_ns: int | None = None,
        own: OwnPackage | None = None,
    ) -> SdksFound:
        return look_for(
            self.root,
            self.proc,
            pids=pids,
            containers=containers,
            installed=installed,
            catalog=CATALOG,
            images={},
            options=request or SearchOptions(),
            reader=by or reader(),
            deadline=time.monotonic() + deadline_s,
            now_ns=now_ns,
            own=own,
        )


def record(root: Path, name: str, version: str, site: str = SITE) -> None:
    at = root / site / f"{name}-{version}.dist-info"
    at.mkdir(parents=True)
    (at / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")


def container(name: str | None, *pids: int, **changes) -> DiscoveredContainer:
    return DiscoveredContainer(
        f"{pids[0]:064x}", "docker", name, None, None, None, pids, pids[0], None, "own", **changes
    )
