from pathlib import Path

import pytest
from small_roots import made

from imds_probe.collect.container_starters import container_starters

KUBELET, RUNNER = "/var/lib/kubelet/config.yaml", "/etc/gitlab-runner/config.toml"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), ()),
        ((KUBELET, "/etc/kubernetes/kubelet.conf"), ("kubelet",)),
        (("/etc/ecs/ecs.config",), ("the ECS agent",)),
        ((RUNNER,), ()),  # its jobs are no containers where there is no engine
        ((RUNNER, "/usr/bin/docker"), ("GitLab Runner",)),
        ((RUNNER, "/usr/bin/podman", KUBELET), ("kubelet", "GitLab Runner")),
        (("/usr/bin/docker",), ()),
    ],
)
def test_what_is_set_up_to_start_containers(tmp_path: Path, files: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert container_starters(made(tmp_path, dict.fromkeys(files, "x"))) == expected
