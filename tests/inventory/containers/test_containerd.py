import json

import pytest

from imds_probe.inventory.containers.containerd import STATES, bundles, describe
from imds_probe.system.rootfs import FileUnreadable

ID = "0123456789abcdef" * 4


def bundle(root, annotations, *, state=STATES[0], runtime="io.containerd.runtime.v2.task", namespace="k8s.io", name=ID):
    place = f"{state}/{runtime}/{namespace}/{name}"
    directory = root / place.lstrip("/")
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps({"ociVersion": "1.0.2", "annotations": annotations}))
    return place


CRI = {
    "io.kubernetes.cri.container-name": "app",
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.image-name": "registry.example/app:1",
    "io.kubernetes.cri.sandbox-id": "f" * 64,
    "io.kubernetes.cri.sandbox-name": "shop-7d",
    "io.kubernetes.cri.sandbox-namespace": "prod",
}


def test_a_container_of_a_pod(tmp_path):
    found = describe(tmp_path, bundle(tmp_path, CRI))
    assert (found.name, found.image) == ("app", "registry.example/app:1")
    assert (found.pod, found.pod_namespace, found.sandbox) == ("shop-7d", "prod", False)


def test_the_sandbox_of_a_pod(tmp_path):
    said = {key: CRI[key] for key in ("io.kubernetes.cri.sandbox-name", "io.kubernetes.cri.sandbox-namespace")}
    found = describe(tmp_path, bundle(tmp_path, said | {"io.kubernetes.cri.container-type": "sandbox"}))
    assert (found.name, found.pod, found.pod_namespace, found.sandbox) == ("POD", "shop-7d", "prod", True)


def test_nerdctl(tmp_path):
    assert describe(tmp_path, bundle(tmp_path, {"nerdctl/name": "web"}, namespace="default")).name == "web"


@pytest.mark.parametrize("annotations", [None, [], 7, {"io.kubernetes.cri.container-name": 7}])
def test_a_bundle_that_says_nothing(tmp_path, annotations):
    found = describe(tmp_path, bundle(tmp_path, annotations))
    assert (found.name, found.pod, found.sandbox) == (None, None, False)


def test_no_configuration(tmp_path):
    assert describe(tmp_path, "/run/containerd/none") is None


def test_a_broken_configuration_is_said(tmp_path):
    place = bundle(tmp_path, CRI)
    (tmp_path / place.lstrip("/") / "config.json").write_text("{")
    with pytest.raises(FileUnreadable):
        describe(tmp_path, place)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("runtime", ["io.containerd.runtime.v2.task", "io.containerd.runtime.v1.linux"])
def test_all_bundles_of_all_places(tmp_path, state, runtime):
    place = bundle(tmp_path, {}, state=state, runtime=runtime, namespace="default", name="c1")
    assert bundles(tmp_path, []) == {("default", "c1"): place}


def test_no_containerd(tmp_path):
    notes = []
    assert bundles(tmp_path, notes) == {}
    assert notes == []


def test_a_place_that_cannot_be_listed_is_noted(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/containerd").symlink_to("containerd")
    notes = []
    assert bundles(tmp_path, notes) == {}
    assert notes
    assert all("too many symbolic links" in note for note in notes)
