import json
import os
import time

import pytest
from image_stores import bolt

from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.checks import Check
from imds_probe.inventory.containers.describing import NOT_ALL_READ, Records
from imds_probe.inventory.containers.description import Begins

ID = "0123456789abcdef" * 4


def write(root, path, content):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))


def give(directory, uid):
    """All of it to this user."""
    for place in (directory, *directory.rglob("*")):
        os.chown(place, uid, uid, follow_symlinks=False)


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
    found = Records(tmp_path).describe(ContainerId(runtime, ID), None)
    assert (found.name, found.runtime) == (f"from-{runtime}", None)


@pytest.mark.parametrize("runtime", ["docker", "containerd", "cri-o"])
def test_a_pods_container_is_whose_record_it_is(tmp_path, runtime):
    WRITERS[runtime](tmp_path)
    found = Records(tmp_path).describe(ContainerId("kubernetes", ID), None)
    assert (found.name, found.runtime) == (f"from-{runtime}", runtime)


@pytest.mark.parametrize("runtime", WRITERS)
def test_an_id_of_no_known_spelling_is_whose_record_it_is(tmp_path, runtime):
    WRITERS[runtime](tmp_path)
    found = Records(tmp_path).describe(ContainerId("unknown", ID), None)
    assert (found.name, found.runtime) == (f"from-{runtime}", runtime)


def test_ecs_runs_on_docker(tmp_path):
    docker(tmp_path)
    found = Records(tmp_path).describe(ContainerId("ecs", ID), None)
    assert (found.name, found.runtime) == ("from-docker", None)


@pytest.mark.parametrize("runtime", [*WRITERS, "ecs", "kubernetes", "unknown", "never heard of"])
def test_no_record(tmp_path, runtime):
    records = Records(tmp_path)
    assert records.describe(ContainerId(runtime, ID), 1000).name is None
    assert records.notes == []


@pytest.mark.parametrize("runtime", ["lxc", "nspawn"])
def test_some_are_named_by_their_id(tmp_path, runtime):
    assert Records(tmp_path).describe(ContainerId(runtime, "web1"), None).name == "web1"


@pytest.mark.parametrize(
    ("runtime", "write_record", "place"),
    [("podman", podman, ".local/share/containers/storage"), ("docker", docker, ".local/share/docker")],
)
def test_what_runs_without_root_is_at_home(tmp_path, runtime, write_record, place):
    write(tmp_path, "etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    write_record(tmp_path, f"home/ann/{place}")
    give(tmp_path / "home/ann", 1000)
    records = Records(tmp_path)
    assert records.describe(ContainerId(runtime, ID), 1000).name == f"from-{runtime}"
    assert records.describe(ContainerId(runtime, ID), 1001).name is None
    assert records.describe(ContainerId(runtime, ID), None).name is None


@pytest.mark.parametrize(
    ("runtime", "place"), [("podman", ".local/share/containers"), ("docker", ".local/share/docker")]
)
def test_a_link_in_a_home_does_not_lead_to_the_records_of_root(tmp_path, runtime, place):
    write(tmp_path, "etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
    WRITERS[runtime](tmp_path)
    link = tmp_path / "home/ann" / place
    link.parent.mkdir(parents=True)
    link.symlink_to({"podman": "/var/lib/containers", "docker": "/var/lib/docker"}[runtime])
    records = Records(tmp_path)
    assert records.describe(ContainerId(runtime, ID), 1000).name is None
    assert all("belongs to user 0" in note for note in records.notes)
    assert records.notes


@pytest.mark.parametrize("runtime", WRITERS)
def test_a_record_that_is_not_roots_does_not_count(tmp_path, runtime):
    WRITERS[runtime](tmp_path)
    give(tmp_path, 4242)
    records = Records(tmp_path)
    assert records.describe(ContainerId(runtime, ID), None).name is None
    assert any("belongs to user 4242 and is ignored" in note for note in records.notes)


def test_what_a_user_says_of_his_container_is_asked_of_no_other_runtime(tmp_path):
    for write_record in WRITERS.values():
        write_record(tmp_path)
    give(tmp_path, 4242)
    records = Records(tmp_path)
    for runtime in (*WRITERS, "ecs", "kubernetes", "unknown"):
        assert records.describe(ContainerId(runtime, ID), 4242).name is None


def test_what_is_in_a_container_may_be_anybodys(tmp_path):
    docker(tmp_path)
    give(tmp_path, 100_000)
    assert Records(tmp_path, of_a_container=True).describe(ContainerId("docker", ID), None).name == "from-docker"


def test_after_the_deadline_nothing_is_read(tmp_path):
    docker(tmp_path)
    records = Records(tmp_path, deadline=time.monotonic() - 1)
    assert records.describe(ContainerId("docker", ID), None).name is None
    assert records.notes == [NOT_ALL_READ]


def test_the_data_root_of_a_running_daemon(tmp_path):
    docker(tmp_path, "mnt/docker")
    records = Records(tmp_path, [("dockerd", "--data-root", "/mnt/docker")])
    assert records.describe(ContainerId("docker", ID), None).name == "from-docker"


def test_a_broken_record_is_noted_and_the_next_runtime_is_asked(tmp_path):
    docker(tmp_path)
    containerd(tmp_path)
    path = f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"
    (tmp_path / path).write_text("{")
    records = Records(tmp_path)
    assert records.describe(ContainerId("kubernetes", ID), None).runtime == "docker"
    assert records.notes == [f"/{path} is not JSON"]


def test_names_that_only_containerd_knows(tmp_path):
    write(tmp_path, "run/containerd/io.containerd.runtime.v2.task/default/web/config.json", {})
    records = Records(tmp_path)
    assert ("default", "web") in records.bundled()
    assert ("k8s.io", "web") not in records.bundled()


OCI = {"process": {"args": ["/entry", "a"], "cwd": "/srv", "env": ["A=secret"]}}


@pytest.mark.parametrize(
    ("runtime", "place"),
    [
        ("containerd", f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"),
        ("containerd", f"run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/{ID}/config.json"),
        ("cri-o", f"run/containers/storage/overlay-containers/{ID}/userdata/config.json"),
        ("podman", f"var/lib/containers/storage/overlay-containers/{ID}/userdata/config.json"),
    ],
)
def test_what_a_container_begins_with(tmp_path, runtime, place):
    podman(tmp_path)
    write(tmp_path, place, OCI)
    assert Records(tmp_path).describe(ContainerId(runtime, ID), None).begins == Begins(("/entry", "a"), "/srv")


def test_where_podmans_cannot_be_read_its_name_counts(tmp_path):
    podman(tmp_path)
    write(tmp_path, f"var/lib/containers/storage/overlay-containers/{ID}/userdata/config.json", "{")
    records = Records(tmp_path)
    found = records.describe(ContainerId("podman", ID), None)
    assert (found.name, found.begins) == ("from-podman", None)
    assert len(records.notes) == 1


def test_what_a_users_container_begins_with_he_says(tmp_path):
    home = tmp_path / "home/ana"
    write(tmp_path, "etc/passwd", "ana:x:1000:1000::/home/ana:/bin/sh\n")
    store = ".local/share/containers/storage"
    podman(home, store)
    write(home, f"{store}/overlay-containers/{ID}/userdata/config.json", OCI)
    give(home, 1000)
    found = Records(tmp_path).describe(ContainerId("podman", ID), 1000)
    assert (found.name, found.begins) == ("from-podman", Begins(("/entry", "a"), "/srv"))


@pytest.mark.parametrize("uid", [None, 1000])
def test_how_a_container_of_podman_is_checked(tmp_path, uid):
    home = tmp_path / "home/ana" if uid else tmp_path
    store = ".local/share/containers/storage" if uid else "var/lib/containers/storage"
    write(tmp_path, "etc/passwd", "ana:x:1000:1000::/home/ana:/bin/sh\n")
    podman(home, store)
    (home / store / "libpod").mkdir()
    config = json.dumps({"healthcheck": {"Test": ["CMD", "/check"]}}).encode()
    (home / store / "libpod/bolt_state.db").write_bytes(bolt({b"ctr": {ID.encode(): {b"config": config}}}))
    if uid:
        give(home, uid)
    assert Records(tmp_path).describe(ContainerId("podman", ID), uid).checks == (Check(("/check",)),)
