import json

import pytest

from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.describing import Records

ID = "0123456789abcdef" * 4


def write(root, path, content):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))


def docker(root, place="var/lib/docker"):
    write(root, f"{place}/containers/{ID}/config.v2.json", {"Name": "/from-docker"})


def containerd(root):
    said = {"annotations": {"io.kubernetes.cri.container-name": "from-containerd"}}
    write(root, f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json", said)


def crio(root):
    said = {"annotations": {"io.kubernetes.container.name": "from-cri-o"}}
    write(root, f"run/containers/storage/overlay-containers/{ID}/userdata/config.json", said)


def podman(root, store="var/lib/containers/storage"):
    write(root, f"{store}/overlay-containers/containers.json", [{"id": ID, "names": ["from-podman"]}])


WRITERS = {"docker": docker, "containerd": containerd, "cri-o": crio, "podman": podman}


@pytest.mark.parametrize("runtime", WRITERS)
def test_each_runtime_has_its_records(tmp_path, runtime):
    for write_record in WRITERS.values():
        write_record(tmp_path)
    found = Records(tmp_path).describe(ContainerId(runtime, ID), 0)
    assert (found.name, found.runtime) == (f"from-{runtime}", None)


@pytest.mark.parametrize("runtime", ["docker", "containerd", "cri-o"])
def test_a_pods_container_is_whose_record_it_is(tmp_path, runtime):
    WRITERS[runtime](tmp_path)
    found = Records(tmp_path).describe(ContainerId("kubernetes", ID), 0)
    assert (found.name, found.runtime) == (f"from-{runtime}", runtime)


@pytest.mark.parametrize("runtime", WRITERS)
def test_an_id_of_no_known_spelling_is_whose_record_it_is(tmp_path, runtime):
    WRITERS[runtime](tmp_path)
    found = Records(tmp_path).describe(ContainerId("unknown", ID), 0)
    assert (found.name, found.runtime) == (f"from-{runtime}", runtime)


def test_ecs_runs_on_docker(tmp_path):
    docker(tmp_path)
    found = Records(tmp_path).describe(ContainerId("ecs", ID), 0)
    assert (found.name, found.runtime) == ("from-docker", None)


@pytest.mark.parametrize("runtime", [*WRITERS, "ecs", "kubernetes", "unknown", "never heard of"])
def test_no_record(tmp_path, runtime):
    records = Records(tmp_path)
    assert records.describe(ContainerId(runtime, ID), 1000).name is None
    assert records.notes == []


@pytest.mark.parametrize("runtime", ["lxc", "nspawn"])
def test_some_are_named_by_their_id(tmp_path, runtime):
    assert Records(tmp_path).describe(ContainerId(runtime, "web1"), 0).name == "web1"


@pytest.mark.parametrize(
    ("runtime", "write_record", "place"),
    [("podman", podman, ".local/share/containers/storage"), ("docker", docker, ".local/share/docker")],
)
def test_what_runs_without_root_is_at_home(tmp_path, runtime, write_record, place):
    write(tmp_path, "etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    write_record(tmp_path, f"home/ann/{place}")
    records = Records(tmp_path)
    assert records.describe(ContainerId(runtime, ID), 1000).name == f"from-{runtime}"
    assert records.describe(ContainerId(runtime, ID), 1001).name is None


def test_the_data_root_of_a_running_daemon(tmp_path):
    docker(tmp_path, "mnt/docker")
    records = Records(tmp_path, [("dockerd", "--data-root", "/mnt/docker")])
    assert records.describe(ContainerId("docker", ID), 0).name == "from-docker"


def test_a_broken_record_is_noted_and_the_next_runtime_is_asked(tmp_path):
    docker(tmp_path)
    containerd(tmp_path)
    path = f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"
    (tmp_path / path).write_text("{")
    records = Records(tmp_path)
    assert records.describe(ContainerId("kubernetes", ID), 0).runtime == "docker"
    assert records.notes == [f"/{path} is not JSON"]


def test_names_that_only_containerd_knows(tmp_path):
    write(tmp_path, "run/containerd/io.containerd.runtime.v2.task/default/web/config.json", {})
    records = Records(tmp_path)
    assert records.has_bundle("default", "web")
    assert not records.has_bundle("k8s.io", "web")
