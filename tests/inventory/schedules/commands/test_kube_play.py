from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import ELF, followed
from small_roots import made

from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.followed import NO_SCRIPT, Unfollowed
from imds_probe.inventory.schedules.commands.kube_play import played, runs
from imds_probe.inventory.schedules.system_files import SystemFiles

PODS = """spec:
  containers:
  - {image: "x:1", args: [a]}
---
kind: Deployment
spec:
  template:
    spec:
      hostNetwork: true
      containers:
      - {image: "y:1", command: [/b], livenessProbe: {exec: {command: [/c]}}}
"""
RUNS = (
    ImageRun("x:1", ("a",), engine="podman", check=()),
    ImageRun("y:1", ("/b",), True, engine="podman", own_network=False, check=()),
    ImageRun("y:1", ("/c",), True, engine="podman", own_network=False, check=()),
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("podman kube play p.yml", ("p.yml", True)),
        ("podman --root /x play kube --replace --network host p.yml", ("p.yml", False)),
        ("podman kube play --service-container=true /srv/p.yml", ("/srv/p.yml", True)),
        ("podman kube play -", (None, True)),
        ("podman kube play https://x/p.yml", (None, True)),
        ("podman kube play --down p.yml", None),
        ("podman kube down p.yml", None),
        ("podman kube play", None),
        ("podman ps", None),
        ("docker kube play p.yml", None),
    ],
)
def test_what_is_played(line: str, expected: object) -> None:
    program, *arguments = line.split()
    assert played(program, arguments) == expected


def test_the_containers_of_the_pods(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/p.yml": PODS}))
    assert tuple(runs("/p.yml", files, own_network=True)) == RUNS
    assert not any(each.own_network for each in runs("/p.yml", files, own_network=False))


def test_a_command_that_plays_them_runs_these_images(root: Path) -> None:
    made(root, {"/srv/p.yml": PODS, "/usr/bin/podman": ELF}, executable=("/usr/bin/podman",))
    found = followed(root, "cd /srv && podman kube play p.yml")
    assert (found.images, found.unfollowed) == (RUNS, ())
    for line in ("podman kube play /none.yml", "cat x | podman kube play -"):
        assert followed(root, line).unfollowed == (Unfollowed(NO_SCRIPT),)
