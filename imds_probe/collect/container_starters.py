"""What starts containers on a host later on: an orchestrator's agent, or a runner of CI jobs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnanswered
from imds_probe.system.door import FileStatus

# What each of them has on its hosts once it is set up. Runners are known to start containers only where there is an engine.
_ORCHESTRATORS: Sequence[tuple[str, str]] = (
    ("kubelet", "/var/lib/kubelet/config.yaml"),
    ("kubelet", "/etc/kubernetes/kubelet.conf"),
    ("kubelet", "/etc/kubernetes/kubelet/kubelet-config.json"),
    ("kubelet", "/etc/kubernetes/kubelet/config.json"),
    ("k3s", "/etc/rancher/k3s/k3s.yaml"),
    ("k3s agent", "/etc/systemd/system/k3s-agent.service"),
    ("the ECS agent", "/etc/ecs/ecs.config"),
    ("Docker Swarm", "/var/lib/docker/swarm/docker-state.json"),
    ("Nomad", "/etc/nomad.d/nomad.hcl"),
)
_RUNNERS: Sequence[tuple[str, str]] = (
    ("GitLab Runner", "/etc/gitlab-runner/config.toml"),
    ("the Buildkite agent", "/etc/buildkite-agent/buildkite-agent.cfg"),
    ("the GitHub Actions runner", "/opt/actions-runner/.runner"),
    ("the GitHub Actions runner", "/home/ubuntu/actions-runner/.runner"),
    ("the GitHub Actions runner", "/home/ec2-user/actions-runner/.runner"),
    ("Jenkins", "/var/lib/jenkins/config.xml"),
    ("Drone", "/etc/drone-runner-docker/config"),
    ("Woodpecker", "/etc/woodpecker/woodpecker-agent.env"),
)
_ENGINES = ("/usr/bin/dockerd", "/usr/bin/docker", "/usr/bin/podman", "/snap/bin/docker", "/usr/local/bin/docker")


def container_starters(root: Path) -> tuple[str, ...]:
    """Those that are set up below a root, each once; what cannot be looked up does not count."""
    there = _there(root, [path for _, path in (*_ORCHESTRATORS, *_RUNNERS)] + [*_ENGINES])
    found = [name for name, path in _ORCHESTRATORS if path in there]
    if there.intersection(_ENGINES):
        found += [name for name, path in _RUNNERS if path in there]
    return tuple(dict.fromkeys(found))


def _there(root: Path, paths: Sequence[str]) -> set[str]:
    """One directory of the root after the other, up to one that does not answer: the rest of the run needs its time more."""
    found = set()
    for _, some in groupby(sorted(paths), key=lambda path: path.split("/")[1]):
        below = tuple(some)
        looked = dict(zip(below, rootfs.looked_up(root, below), strict=True))
        found |= {path for path, status in looked.items() if isinstance(status, FileStatus)}
        if any(isinstance(status, FileUnanswered) for status in looked.values()):
            break
    return found
