from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import static_pods
from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

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


PROBED = """apiVersion: v1
kind: Pod
metadata: {name: etcd}
spec:
  volumes: [{name: v, hostPath: {path: /srv/x}}, {name: w, emptyDir: {}}]
  containers:
  - name: main
    image: x:1
    volumeMounts: [{name: v, mountPath: /app, subPath: y}, {name: w, mountPath: /w}]
    livenessProbe: {exec: {command: [/bin/sh, -c, a]}, periodSeconds: 30}
    readinessProbe: {httpGet: {path: /, port: 80}}
    startupProbe: {exec: {command: [b]}}
    lifecycle:
      postStart: {exec: {command: [c]}}
      preStop: {exec: {command: [d]}}
"""
DONE = [(("/bin/sh", "-c", "a"), 30.0), (("b",), 10.0), (("c",), None), (("d",), None)]


def test_probes_and_hooks_run_in_its_image_and_in_the_pod_that_runs(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/etc/kubernetes/manifests/etcd.yaml": PROBED}))
    found = list(static_pods.look(files))
    in_image = [each for each in found if each.image]
    assert [(each.command, each.every_s) for each in in_image] == [((), None), *DONE]
    assert {each.mounts for each in in_image} == {(("/srv/x/y", "/app"),)}
    assert [each.whole for each in in_image] == [False, True, True, True, True]
    asked = [each for each in found if each.asked]
    assert [(each.asked.words, each.every_s) for each in asked if each.asked] == DONE
    assert {(each.asked.by, each.asked.name, each.asked.inner) for each in asked if each.asked} == {
        ("pod", "static pod/etcd", "main")
    }
    assert not any(each.asked.own_text for each in asked if each.asked)


def test_of_what_a_server_deploys_what_is_run_in_pods_that_run_here(tmp_path: Path) -> None:
    template = PROBED.partition("spec:\n")[2].replace("\n", "\n    ")
    deployment = f"kind: Deployment\nmetadata: {{name: dns}}\nspec:\n  template:\n   spec:\n    {template}"
    chart = "kind: HelmChart\nmetadata: {name: c}\nspec: {chartContent: exec command}\n"
    content = f"---\n{chart}---\n{deployment}\n---\n{PROBED}"
    for at in static_pods.SERVED:
        files = SystemFiles(made(tmp_path, {f"{at}/add/dns.yaml": content}))
        found = list(static_pods.look(files))
        assert [each.asked.name for each in found if each.asked] == ["deployment/dns"] * 4 + ["etcd"] * 4
        assert [each.image for each in found] == [None] * 8
        assert all(each.asked.own_text for each in found if each.asked)
        assert files.troubles == []
        (tmp_path / at[1:] / "add/dns.yaml").unlink()


def test_more_manifests_than_are_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = "/etc/kubernetes/manifests"
    files = SystemFiles(made(tmp_path, {f"{at}/{number}.yaml": POD for number in range(3)}))
    assert len(list(static_pods.look(files))) == 9
    assert files.take_left_out() == ()
    monkeypatch.setattr(static_pods, "MANIFESTS_MAX", 2)
    assert len(list(static_pods.look(files))) == 6
    assert files.take_left_out() == (LeftOut(at, unread.MORE),)
