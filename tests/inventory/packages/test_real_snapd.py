"""A real snapd on a state that the test wrote, in a mount namespace of its own: no snap of the machine is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe.system import process

STATE = {
    "data": {
        "seeded": True,
        "patch-level": 6,
        "patch-sublevel": 3,
        "snaps": {
            name: {
                "type": "app",
                "sequence": [{"name": name, "snap-id": "", "revision": "1", "channel": "stable"}],
                "active": active,
                "current": "1",
                "channel": "latest/stable",
            }
            for name, active in (("aws-cli", True), ("amazon-ssm-agent", False))
        },
    },
    "changes": {},
    "tasks": {},
}
VERSIONS = {"aws-cli": "1.15.58", "amazon-ssm-agent": "3.3.131.0"}

# Runs within the namespace. Ends the daemon that it started, by its process id.
SCRIPT = """
import json, subprocess, sys, time
from pathlib import Path
from imds_probe.inventory.packages import snap
from imds_probe.inventory.packages.snap import Snap

state, versions = json.loads(sys.argv[1]), json.loads(sys.argv[2])
for where in ("/run", "/var/lib/snapd", "/snap"):
    subprocess.run(["mount", "-t", "tmpfs", "none", where], check=True)
for where in ("snaps", "assertions", "sequence", "seed"):
    Path("/var/lib/snapd", where).mkdir()
Path("/run/snapd").mkdir()
for name, version in versions.items():
    meta = Path("/snap", name, "1/meta")
    meta.mkdir(parents=True)
    meta.joinpath("snap.yaml").write_text(f"name: {name}\\nversion: '{version}'\\ntype: app\\narchitectures: [all]\\n")
    Path("/var/lib/snapd/snaps", f"{name}_1.snap").touch()
Path("/var/lib/snapd/state.json").write_text(json.dumps(state))

manager, root, names = Snap(), Path("/"), [*versions, "never-heard-of"]
def ask(look=None):
    found = look(root, 120.0) if look else manager.query(root, names, 120.0)
    return sorted([package.name, package.version, package.status] for package in found)

answers = {"down": ask()}
snap.COMMAND_TIMEOUT_S = 120.0  # a daemon that has just been started may take longer than one that is asked in a run
daemon = subprocess.Popen(
    ["systemd-socket-activate", "-l", "/run/snapd.socket", "/usr/lib/snapd/snapd"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
try:
    while daemon.poll() is None and not Path("/run/snapd.socket").exists():
        time.sleep(0.05)
    answers |= {"socket": ask(manager._by_socket), "command": ask(manager._by_command), "all": ask()}
finally:
    daemon.kill()
    daemon.wait()
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, list[list[str]]]:
    unshare = ["unshare", "--mount", "--map-root-user"]
    done = subprocess.run(
        [*unshare, sys.executable, "-c", SCRIPT, json.dumps(STATE), json.dumps(VERSIONS)],
        env={"PATH": process.SEARCH_PATH, "LC_ALL": "C"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[list[str]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("way", ["socket", "command", "down", "all"])
def test_every_way_gives_the_same(answers: dict[str, list[list[str]]], way: str) -> None:
    assert answers[way] == [["amazon-ssm-agent", "3.3.131.0", "unpacked"], ["aws-cli", "1.15.58", "installed"]]
