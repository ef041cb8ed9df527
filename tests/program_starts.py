"""Programs as they were started, made up."""

from __future__ import annotations

from pathlib import Path

from imds_probe.inventory.sdks.start import Start


def start(
    *arguments: str, executable: str = "/usr/bin/python3.9", cwd: str = "/srv", root: Path = Path("/none"), **env
) -> Start:
    mapped = frozenset(env.pop("mapped", ()))
    return Start(executable, cwd, arguments, env, mapped, root)
