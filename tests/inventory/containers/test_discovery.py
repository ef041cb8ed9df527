"""The whole discovery on a /proc of files; test_discovery_live.py and test_discovery_engines.py have real processes."""

import json
import os

import pytest

from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.discovery import discover

HOST = 4026531840
ID, OTHER, THIRD = "0123456789abcdef" * 4, "f" * 64, "a1" * 32
POD_UID = "0a1b2c3d-0000-1111-2222-333344445555"
POD = f"/kubepods/burstable/pod{POD_UID}"


def write(root, path, content):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(content))


def bundle(root, container_id, **annotations):
    said = {f"io.kubernetes.cri.{key.replace('_', '-')}": value for key, value in annotations.items()}
    write(
        root, f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{container_id}/config.json", {"annotations": said}
    )


@pytest.fixture
def found(tree, tmp_path):
    return lambda **options: discover(tmp_path, tree.path, **options)


def test_a_host_without_containers(tree, found):
    tree.add(50)
    seen = found()
    assert (seen.containers, seen.processes, seen.unreadable, seen.complete, seen.notes) == ((), 2, 0, True, ())
    assert [(namespace.kind, namespace.pids) for namespace in seen.namespaces] == [("host", (1, 50))]


def test_a_container_of_docker(tree, tmp_path, found):
    config = {"Name": "/web", "Config": {"Image": "nginx:1.25"}}
    write(tmp_path, f"var/lib/docker/containers/{ID}/config.v2.json", config)
    tree.add(60, f"0::/system.slice/docker-{ID}.scope\n", netns=7, start=10)
    tree.add(50, f"0::/system.slice/docker-{ID}.scope\n", netns=7, start=20)
    (container,) = found().containers
    assert (container.id, container.runtime, container.name, container.image) == (ID, "docker", "web", "nginx:1.25")
    assert (container.pids, container.pid, container.netns, container.network) == ((60, 50), 60, 7, "own")
    assert [namespace.label for namespace in found().namespaces] == ["host", "web"]


def test_a_container_without_a_record_has_its_id_alone(tree, found):
    tree.add(50, f"0::/docker/{ID}\n", netns=7)
    (container,) = found().containers
    assert (container.id, container.name, container.image, container.pod) == (ID, None, None, None)
    assert found().namespaces[1].label == ID[:12]


def test_containers_on_the_host_network(tree, found):
    tree.add(50, f"0::/docker/{ID}\n")
    tree.add(51, f"0::/docker/{OTHER}\n", netns=7)
    assert [container.network for container in found().containers] == ["host", "own"]
    host, own = found().namespaces
    assert [container.id for container in host.containers] == [ID]
    assert [container.id for container in own.containers] == [OTHER]


def test_the_callers_word_about_the_host_counts(tree, found):
    # In the lab, the host is itself a network namespace of the machine.
    tree.add(50, f"0::/docker/{ID}\n", netns=7)
    seen = found(own_netns=7)
    assert seen.containers[0].network == "host"
    assert [(namespace.inode, namespace.kind) for namespace in seen.namespaces] == [(7, "host"), (HOST, "other")]


def test_a_pod_with_its_sandbox(tree, tmp_path, found):
    bundle(tmp_path, ID, container_type="sandbox", sandbox_name="shop-7d", sandbox_namespace="prod")
    bundle(tmp_path, OTHER, container_type="container", container_name="app", image_name="app:1")
    tree.add(50, f"0::{POD}/{ID}\n", netns=7, comm="pause")
    tree.add(60, f"0::{POD}/{OTHER}\n", netns=7)
    pause, app = found().containers
    assert (pause.sandbox, app.sandbox) == (True, False)
    assert (pause.runtime, app.runtime) == ("containerd", "containerd")
    assert (app.name, app.image, app.pod, app.pod_namespace, app.pod_uid) == (
        "app",
        "app:1",
        "shop-7d",
        "prod",
        POD_UID,
    )
    group = found().namespaces[1]
    assert (group.label, group.containers) == ("prod/shop-7d", (pause, app))


def test_a_pause_container_is_known_by_its_one_process(tree, found):
    tree.add(50, f"0::{POD}/{ID}\n", netns=7, comm="pause")
    tree.add(60, f"0::{POD}/{OTHER}\n", netns=7, comm="pause")
    tree.add(61, f"0::{POD}/{OTHER}\n", netns=7, comm="worker")
    assert [container.sandbox for container in found().containers] == [True, False]


def test_pods_are_not_mixed_up(tree, tmp_path, found):
    bundle(tmp_path, ID, container_type="sandbox", sandbox_name="shop-7d", sandbox_namespace="prod")
    other_pod = f"/kubepods/pod{'ab' * 16}"
    tree.add(50, f"0::{POD}/{ID}\n", netns=7)
    tree.add(60, f"0::{other_pod}/{OTHER}\n", netns=8)
    assert [container.pod for container in found().containers] == ["shop-7d", None]


def test_an_ecs_task(tree, tmp_path, found):
    task = "0::/ecs/0123456789abcdef0123456789abcdef"
    labels = {"com.amazonaws.ecs.container-name": "~internal~ecs~pause"}
    write(tmp_path, f"var/lib/docker/containers/{ID}/config.v2.json", {"Name": "/x", "Config": {"Labels": labels}})
    labels = {"com.amazonaws.ecs.container-name": "worker"}
    write(tmp_path, f"var/lib/docker/containers/{OTHER}/config.v2.json", {"Name": "/y", "Config": {"Labels": labels}})
    tree.add(50, f"{task}/{ID}\n", netns=7)
    tree.add(51, f"{task}/{OTHER}\n", netns=7)
    pause, worker = found().containers
    assert (pause.runtime, pause.sandbox, worker.name, worker.sandbox) == ("ecs", True, "worker", False)


def test_containerds_own_names_need_a_bundle(tree, tmp_path, found):
    write(tmp_path, "run/containerd/io.containerd.runtime.v2.task/default/web/config.json", {})
    tree.add(50, "0::/default/web\n", netns=7)
    tree.add(51, "0::/default/none\n", netns=8)
    (container,) = found().containers
    assert (container.id, container.runtime, container.pids) == ("web", "containerd", (50,))


def test_conmon_is_not_the_container_and_knows_it(tree, tmp_path, found):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("ann:x:1000:1000::/home/ann:/bin/sh\n")
    store = "home/ann/.local/share/containers/storage/overlay-containers/containers.json"
    write(tmp_path, store, [{"id": ID, "names": ["mine"]}])
    session = "0::/user.slice/user-1000.slice/session-3.scope\n"
    os.chown(tmp_path / store, 1000, 1000)
    tree.add(50, session, comm="conmon", command=("conmon", "-c", ID), uid=1000)
    tree.add(51, session, ppid=50, netns=7, uid=1000)
    (container,) = found().containers
    assert (container.runtime, container.id, container.pids) == ("podman", ID, (51,))
    assert (container.owner_uid, container.identity) == (1000, f"user 1000/{ID}")
    assert container.name == "mine"


def test_a_container_that_is_only_just_starting(tree, found):
    tree.add(50, f"0::/docker/{ID}\n", comm="runc:[2:INIT]")
    (container,) = found().containers
    assert (container.network, container.netns, container.pid) == ("unknown", None, 50)


def test_a_newcomer_by_exec_does_not_move_the_container(tree, found):
    tree.add(50, f"0::/docker/{ID}\n", comm="runc:[1:CHILD]", start=5)
    tree.add(60, f"0::/docker/{ID}\n", netns=7, start=9)
    (container,) = found().containers
    assert (container.network, container.netns, container.pid) == ("own", 7, 60)


def test_what_may_not_be_seen_is_unknown_and_counted(tree, found):
    directory = tree.add(50, f"0::/docker/{ID}\n", netns=None)
    os.symlink("not a namespace", directory / "ns/net")
    seen = found()
    assert (seen.containers[0].network, seen.containers[0].netns) == ("unknown", None)
    assert (seen.unreadable, seen.complete) == (1, False)
    assert "1 of 2 processes hide" in seen.notes[0]


def test_process_1_may_be_hidden(tree, found):
    (tree.path / "1/ns/net").unlink()
    os.symlink("no", tree.path / "1/ns/net")
    tree.add(50, f"0::/docker/{ID}\n", netns=os.stat("/proc/thread-self/ns/net").st_ino)
    seen = found()
    assert seen.containers[0].network == "host"
    assert not seen.complete
    assert any("the probe's own is taken" in note for note in seen.notes)


def test_hidden_processes_are_noticed(tree, found):
    for child in sorted((tree.path / "1").rglob("*"), reverse=True):
        child.rmdir() if child.is_dir() and not child.is_symlink() else child.unlink()
    (tree.path / "1").rmdir()
    tree.add(50)
    seen = found()
    assert not seen.complete
    assert any("hidepid" in note for note in seen.notes)


def test_a_probe_inside_a_container_knows_that_it_sees_only_that(tree, found):
    (tree.path / "1/ns/pid").unlink()
    os.symlink("pid:[4026532999]", tree.path / "1/ns/pid")
    seen = found()
    assert not seen.complete
    assert any("PID namespace" in note for note in seen.notes)


def test_a_container_in_a_container_has_its_records_there(tree, found):
    node = tree.add(50, f"0::/docker/{ID}\n", netns=7)
    bundle(node / "root", OTHER, container_type="container", container_name="app", sandbox_name="shop-7d")
    tree.add(60, f"0::/docker/{ID}/kubelet{POD}/{OTHER}\n", netns=8)
    outer, inner = found().containers
    assert (outer.id, outer.inside, outer.pids) == (ID, None, (50,))
    assert (inner.id, inner.inside, inner.name, inner.pod, inner.netns) == (OTHER, ID, "app", "shop-7d", 8)


def test_a_container_cannot_pass_for_another(tree, tmp_path, found):
    write(tmp_path, f"var/lib/docker/containers/{OTHER}/config.v2.json", {"Name": "/victim"})
    tree.add(50, f"0::/docker/{OTHER}\n", netns=7)
    tree.add(40, f"0::/docker/{ID}/docker/{OTHER}\n", netns=8, start=1)
    tree.add(41, f"0::/docker/{THIRD}\n", netns=9)
    tree.add(42, f"0::/docker/{THIRD}/docker/{OTHER}\n", netns=9)
    by_name = {(container.id, container.inside): container for container in found().containers}
    assert set(by_name) == {(OTHER, None), (OTHER, ID), (THIRD, None), (OTHER, THIRD)}
    victim = by_name[OTHER, None]
    assert (victim.name, victim.pids, victim.netns) == ("victim", (50,), 7)
    assert by_name[OTHER, ID].name is None
    assert by_name[OTHER, THIRD].name is None


def test_only_roots_own_docker_says_where_its_data_is(tree, tmp_path, found):
    write(tmp_path, f"mnt/docker/containers/{ID}/config.v2.json", {"Name": "/web"})
    command = ("dockerd", "--data-root", "/mnt/docker")
    tree.add(60, f"0::/docker/{ID}\n", netns=7)
    tree.add(50, f"0::/docker/{OTHER}\n", comm="dockerd", command=command)
    assert {container.name for container in found().containers} == {None}
    tree.add(51, comm="dockerd", command=command, uid=1000)
    tree.add(52, comm="dockerd", command=command, real_uid=1000)
    tree.add(53, "0::/user.slice/user-1000.slice/session-1.scope\n", comm="dockerd", command=command)
    tree.add(54, comm="dockerd", command=command, exe="/usr/bin/sudo")
    tree.add(55, comm="docker", command=command)
    assert {container.name for container in found().containers} == {None}
    tree.add(56, comm="dockerd", command=command)
    assert {container.name for container in found().containers} == {None, "web"}


@pytest.mark.parametrize(
    "name", ["\x1b]0;x\x07\x1b[2J", "a\nb\r\nc", "<script>", "../../etc/passwd", "\u202egnp.exe", "x" * 9999]
)
def test_hostile_names_stay_raw_and_short(tree, tmp_path, found, name):
    config = {"Name": f"/{name}", "Config": {"Image": name, "Labels": {"io.kubernetes.pod.name": name}}}
    write(tmp_path, f"var/lib/docker/containers/{ID}/config.v2.json", config)
    tree.add(50, f"0::/docker/{ID}\n", netns=7, comm=name)
    (container,) = found().containers
    assert {container.image, container.pod} == {name[:256]}
    assert len(container.name) <= 256
    assert len(found().namespaces[1].label) <= 256


def test_trouble_with_records_is_noted_once_and_does_not_make_it_incomplete(tree, tmp_path, found):
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/docker/daemon.json").write_text("{")
    for number in range(5):
        tree.add(50 + number, f"0::/docker/{number:064x}\n", netns=7)
    seen = found()
    assert seen.notes == ("/etc/docker/daemon.json is not JSON",)
    assert seen.complete


def test_no_proc(tmp_path):
    with pytest.raises(ProbeError, match="cannot be listed"):
        discover(tmp_path, tmp_path / "proc")


def test_a_busy_host(tree, tmp_path, found):
    for number in range(250):
        container_id = f"{number:064x}"
        config = {"Name": f"/c{number}", "Config": {"Image": "a:1", "Labels": {}}}
        write(tmp_path, f"var/lib/docker/containers/{container_id}/config.v2.json", config)
        for process in range(4):
            tree.add(1000 + number * 4 + process, f"0::/docker/{container_id}\n", netns=5000 + number)
    seen = found()
    assert (len(seen.containers), len(seen.namespaces), seen.processes) == (250, 251, 1001)
