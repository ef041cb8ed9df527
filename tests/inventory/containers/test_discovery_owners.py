"""Users who call their own what root's containers are called, on a /proc of files: the whole discovery, with records."""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import owners_world
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inventory_trees import HOST_MNTNS, HOST_NETNS, ProcTree
from owners_world import IDS, MANAGERS, POD, UNITS, USERS, owner_of, puts

from imds_probe.inventory.containers.describing import NOT_ALL_READ
from imds_probe.inventory.containers.discovery import discover, outside_containers
from imds_probe.inventory.containers.processes import still_there

ID, OTHER = IDS
MALLORY = 4242
SCOPE = f"0::{MANAGERS[MALLORY]}/app.slice/docker-{ID}.scope\n"
HOMES = "".join(f"u{user}:x:{user}:{user}::/home/u{user}:/bin/sh\n" for user in USERS)
BOOTED_AT = 1_700_000_000


def record(root, place, owner, **said):
    at = root / place
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(json.dumps(said))
    os.chown(at, owner, owner)


def of_docker(root, name, *, container_id=ID, started=None, **labels):
    config = {"Image": f"{name}:1", "Labels": labels}
    state = {"Pid": started[0], "StartedAt": started[1]} if started else {}
    place = f"var/lib/docker/containers/{container_id}/config.v2.json"
    record(root, place, 0, Name=f"/{name}", Config=config, State=state)


def handed_over(root, path):
    """The directory of a control group, as a user has it."""
    place = root / "sys/fs/cgroup"
    place.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    for name in path.strip().removeprefix("0::").strip("/").split("/"):
        names.append(name)
        place = place / name
        if not place.exists():
            place.mkdir()
            owner = owner_of(names)
            os.chown(place, owner, owner)


@pytest.fixture
def found(tree, tmp_path):
    return lambda **options: discover(tmp_path, tree.path, **options)


def by_identity(seen):
    return {each.identity: each for each in seen.containers}


def test_a_users_scope_takes_nothing_from_the_container_whose_name_it_has(tree, tmp_path, found):
    """His process is older, on the host's network, and turned a container that needs a higher hop limit into one that does not."""
    of_docker(tmp_path, "web")
    tree.add(50, SCOPE, uid=MALLORY, start=10)
    tree.add(60, f"0::/system.slice/docker-{ID}.scope\n", netns=7, start=900)
    seen = found()
    assert set(by_identity(seen)) == {ID, f"user 4242/{ID}"}
    web, his = by_identity(seen)[ID], by_identity(seen)[f"user 4242/{ID}"]
    assert (web.pids, web.pid, web.netns, web.name, web.owner_uid) == ((60,), 60, 7, "web", None)
    assert (his.pids, his.netns, his.name, his.owner_uid) == ((50,), HOST_NETNS, None, MALLORY)
    assert (web.title, his.title) == ("web", f"{ID[:12]} of user 4242")
    assert [namespace.label for namespace in seen.namespaces] == ["host", "web"]


def test_the_same_below_a_unit_that_was_handed_to_him(tree, tmp_path, found):
    of_docker(tmp_path, "web")
    path = f"0::{UNITS[MALLORY]}/docker-{ID}.scope\n"
    tree.add(50, path, uid=MALLORY, real_uid=MALLORY, start=10, mntns=9)
    tree.add(60, f"0::/system.slice/docker-{ID}.scope\n", netns=7, start=900)
    handed_over(tmp_path, path)
    assert {identity: each.pids for identity, each in by_identity(found()).items()} == {
        f"user 4242/{ID}": (50,),
        ID: (60,),
    }


def test_his_pod_has_not_the_name_of_roots(tree, tmp_path, found):
    labels = {"io.kubernetes.pod.name": "shop-7d", "io.kubernetes.pod.namespace": "prod"}
    of_docker(tmp_path, "web", **labels)
    tree.add(50, f"0::{MANAGERS[MALLORY]}/kubepods/pod{POD}/{OTHER}\n", uid=MALLORY)
    tree.add(60, f"0::/kubepods/pod{POD}/{ID}\n", netns=7)
    tree.add(61, f"0::/kubepods/pod{POD}/{'e' * 64}\n", netns=7)
    seen = by_identity(found())
    assert {identity: each.pod for identity, each in seen.items()} == {
        f"user 4242/{OTHER}": None,
        ID: "shop-7d",
        "e" * 64: "shop-7d",
    }


def test_a_pod_in_a_container_has_not_the_name_of_the_hosts(tree, tmp_path, found):
    of_docker(tmp_path, "web", **{"io.kubernetes.pod.name": "shop-7d"})
    tree.add(50, f"0::/docker/{OTHER}\n")
    tree.add(51, f"0::/docker/{OTHER}/kubepods/pod{POD}/{'e' * 64}\n")
    tree.add(60, f"0::/kubepods/pod{POD}/{ID}\n", netns=7)
    seen = by_identity(found())
    assert seen[f"{OTHER}/{'e' * 64}"].pod is None
    assert seen[ID].pod == "shop-7d"


def test_a_name_hides_no_container_that_has_a_record(tree, tmp_path, found):
    """A pause container counts for nothing, and anything can be called pause."""
    of_docker(tmp_path, "web")
    tree.add(50, f"0::/kubepods/pod{POD}/{ID}\n", netns=7, comm="pause")
    tree.add(51, f"0::/docker/{OTHER}\n", netns=8, comm="pause")
    tree.add(52, f"0::{MANAGERS[MALLORY]}/kubepods/pod{POD}/{OTHER}\n", uid=MALLORY, comm="pause")
    assert {each.sandbox for each in found().containers} == {False}


@pytest.mark.parametrize(
    ("pid", "started", "expected"),
    [
        (60, "2023-11-14T22:13:30.123456789Z", 60),  # 10 s after the system was started, as process 60
        (60, "2023-11-14T22:13:25Z", 50),  # the number was another process's then
        (50, "2023-11-14T22:13:30Z", 50),
        (77, "2023-11-14T22:13:30Z", 50),
        (60, "yesterday", 50),
        ("60", "2023-11-14T22:13:30Z", 50),
    ],
)
def test_the_process_that_the_record_names_is_the_way_in_if_it_began_in_time(
    tree, tmp_path, found, pid, started, expected
):
    of_docker(tmp_path, "web", started=(pid, started))
    (tree.path / "stat").write_text(f"cpu 0 0\nbtime {BOOTED_AT}\nprocesses 9\n")
    tree.add(50, f"0::/docker/{ID}\n", netns=7, start=10)
    tree.add(60, f"0::/docker/{ID}\n", netns=8, start=1000)
    (container,) = found().containers
    assert (container.pid, container.netns) == (expected, {50: 7, 60: 8}[expected])


def test_a_record_of_a_users_names_no_process_of_roots(tree, tmp_path, found):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(HOMES)
    (tree.path / "stat").write_text(f"btime {BOOTED_AT}\n")
    state = {"Pid": 60, "StartedAt": "2024-01-01T00:00:00Z"}
    record(
        tmp_path, f"home/u4242/.local/share/docker/containers/{ID}/config.v2.json", MALLORY, Name="/web", State=state
    )
    tree.add(50, SCOPE, uid=MALLORY)
    tree.add(60, f"0::/docker/{ID}\n", netns=7)
    seen = by_identity(found())
    assert (seen[f"user 4242/{ID}"].pid, seen[f"user 4242/{ID}"].title) == (50, "web of user 4242")
    assert (seen[ID].pid, seen[ID].name) == (60, None)


def test_a_number_that_is_used_again_mixes_nothing(tree, tmp_path, found, monkeypatch):
    """Between the walk and the end of the look, the container ends, and its number becomes another's."""
    of_docker(tmp_path, "web")
    tree.add(50, f"0::/docker/{ID}\n", netns=7, start=10)
    tree.add(60, f"0::/docker/{OTHER}\n", netns=8, start=10)
    from imds_probe.inventory.containers import describing, record_reading

    class Slow(describing.Records):
        def describe(self, container, owner_uid):
            if container.id == ID and (tree.path / "50/ns").exists():
                shutil.rmtree(tree.path / "50")
                tree.add(50, f"0::/docker/{OTHER}\n", netns=9, start=99)
                os.replace(tree.path / "60/cgroup", tree.path / "60/before")
                (tree.path / "60/cgroup").write_text("0::/system.slice/cron.service\n")  # and this one was moved
            return super().describe(container, owner_uid)

    monkeypatch.setattr(record_reading, "Records", Slow)
    assert found().containers == ()


def test_later_too_a_number_is_known_by_its_beginning(tree, found):
    tree.add(50, f"0::/docker/{ID}\n", netns=7, start=10)
    tree.add(51, f"0::/docker/{ID}\n", netns=7, start=11)
    (container,) = found().containers
    assert still_there(tree.path, container.pids, container.started) == [50, 51]
    shutil.rmtree(tree.path / "50")
    tree.add(50, SCOPE, uid=MALLORY, start=99)
    assert still_there(tree.path, container.pids, container.started) == [51]


def test_containers_in_containers_are_not_read_without_end(tree, found):
    tree.add(50, f"0::/docker/{ID}\n")
    for number in range(200):
        tree.add(100 + number, f"0::/docker/{ID}/docker/{number:064x}\n")
    seen = found(deadline=time.monotonic() - 1)
    assert len(seen.containers) == 201
    assert {each.name for each in seen.containers} == {None}
    assert NOT_ALL_READ in seen.notes


def test_what_runs_outside_of_containers(tree, tmp_path):
    tree.add(50, f"0::/docker/{ID}\n", netns=7)
    tree.add(51, SCOPE, uid=MALLORY)
    tree.add(52, "0::/system.slice/a.service\n")
    sudo = tree.add(53, SCOPE, uid=0, real_uid=0)
    assert [each.pid for each in outside_containers(tmp_path, tree.path)] == [1, 52, 53]
    assert sudo.exists()


@settings(max_examples=40)
@given(st.lists(puts(handed_by_chown=True), max_size=6), st.booleans())
def test_no_mixture_of_groups_records_and_owners_mixes_containers(there, owners_seen):
    """What a container is called and where it is comes from its owner's processes and records alone."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        tree = ProcTree(root / "proc")
        tree.add(1, "0::/init.scope\n", comm="systemd", ppid=0)
        (root / "etc").mkdir()
        (root / "etc/passwd").write_text(HOMES)
        for container_id in IDS:
            of_docker(root, "of-root", container_id=container_id)
            for user in USERS:
                place = f"home/u{user}/.local/share/docker/containers/{container_id}/config.v2.json"
                record(root, place, user, Name=f"/of-{user}")
        put_by = {None: "of-root"} | {user: f"of-{user}" for user in USERS}
        netns = {None: 70, 4242: 71, 4243: 72}
        pids = {}
        for pid, put in enumerate(there, 50):
            if not owners_seen and (put.path.startswith("/batch") or put.userns_maker):
                continue  # nothing but the owner of its directory tells, or that of namespaces that links do not have
            tree.add(
                pid,
                f"0::{put.path}\n",
                uid=put.uid,
                real_uid=put.real_uid,
                netns=netns[put.by],
                mntns=HOST_MNTNS if put.mntns == owners_world.HOST_MNTNS else put.mntns,
                comm=put.comm,
            )
            pids[pid] = put
            if owners_seen:
                handed_over(root, put.path)
        for container in discover(root, tree.path).containers:
            assert {pids[pid].by for pid in container.pids} == {container.owner_uid}
            assert container.netns in (None, netns[container.owner_uid])
            if container.inside is None and container.runtime in ("docker", "unknown"):
                assert container.name in (None, put_by[container.owner_uid])
