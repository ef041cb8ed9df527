"""Hosts for the checks of `imds-probe doctor`, made of files, and the program itself with fewer rights."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from small_roots import made

from imds_probe.config import Settings
from imds_probe.config.keys import Section
from imds_probe.doctor.check import Host, Result

ON_EC2 = {
    "sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
    "sys/class/dmi/id/board_asset_tag": "i-0123456789abcdef0\n",
}
# Capabilities are given up before anything is imported that starts a process.
_WITHOUT = """
import sys
from imds_probe.reading.confinement import keep_capabilities
assert keep_capabilities(())
from imds_probe.commands.dispatch import main
sys.exit(main(sys.argv[1:]))
"""


def host(root: Path, files: Mapping[str, str | bytes | Path] | None = None, *sections: Section, **changed: Any) -> Host:
    """One that is not running, with these files and settings; its state directory is below it."""
    made(root, files or {})
    known = {"root": root, "environ": {}, "settings": Settings(*sections), "state": root / "var/lib/imds-probe"}
    return Host(**(known | {"now": time.time()} | changed))


def here(**changed: Any) -> Host:
    """This machine. Nothing that is looked at may hang on what it happens to be."""
    known = {"root": Path("/"), "environ": {}, "settings": Settings(), "state": Path("/nonesuch")}
    return Host(**(known | {"now": time.time()} | changed))


def told(arguments: Sequence[str], *, rights: bool = True) -> tuple[int, dict[str, Any]]:
    """The exit code, and what is said as JSON, with or without capabilities."""
    program = [sys.executable, *(["-m", "imds_probe"] if rights else ["-c", _WITHOUT])]
    done = subprocess.run(
        [*program, "doctor", "-o", "json", *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def results(found: Result | Any) -> list[Result]:
    return [found] if isinstance(found, Result) else list(found)
