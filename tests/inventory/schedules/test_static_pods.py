from __future__ import annotations

from pathlib import Path

from small_roots import made

from imds_probe.inventory.schedules import static_pods
from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import SystemFiles

POD = """apiVersion: v1
kind: Pod
spec:
  initContainers:
  - {image: "setup:1", args: [1, x]}
  containers:
  - name: agent
    image: registry/agent:2
    command: [/agent]
    args: ["--v=2"]
    workingDir: /srv
    env:
    - {name: A, value: b}
    - {name: FROM, valueFrom: {}}
    - odd
  - image: own
  - odd
"""


def test_the_containers_of_a_manifest(tmp_path: Path) -> None:
    files = SystemFiles(
        made(tmp_path, {"/etc/kubernetes/manifests/agent.yaml": POD, "/etc/kubernetes/manifests/.x": POD})
    )
    found = list(static_pods.look(files))
    assert [(each.image, each.command, each.directory, each.environment) for each in found] == [
        ("setup:1", ("1", "x"), "", {}),
        ("registry/agent:2", ("/agent", "--v=2"), "/srv", {"A": "b"}),
        ("own", (), "", {}),
    ]
    assert [each.whole for each in found] == [False, True, False]
    assert {(each.kind, each.place) for each in found} == {("boot", Place("/etc/kubernetes/manifests/agent.yaml"))}
    assert files.troubles == []


def test_a_kubelet_may_have_another_place(tmp_path: Path) -> None:
    config = '{"staticPodPath": "/srv/pods/"}'
    pod = '{"spec": {"containers": [{"image": "x"}]}}'
    made(tmp_path, {"/etc/kubernetes/kubelet/kubelet-config.json": config, "/srv/pods/x.json": pod})
    assert [each.image for each in static_pods.look(SystemFiles(tmp_path))] == ["x"]


def test_what_is_no_pod_is_passed_over_and_what_is_no_yaml_is_said(tmp_path: Path) -> None:
    at = "/etc/kubernetes/manifests"
    made(
        tmp_path,
        {f"{at}/a": "a: [", f"{at}/b": "spec: 1", f"{at}/c": "- 1", f"{at}/d": "spec: {containers: x}", f"{at}/e": ""},
    )
    files = SystemFiles(tmp_path)
    assert list(static_pods.look(files)) == []
    assert files.troubles == [f"{at}/a is not YAML"]
