"""Nobody's process is a part of somebody else's container, whatever he calls it."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from owners_world import BUNDLE, HOST_MNTNS, IDS, MANAGERS, UNITS, Put, process, puts

from imds_probe.inventory.containers.cgroups import ContainerId, Membership
from imds_probe.inventory.containers.members import Key, entry, key_of, members, settled

ID = IDS[0]
DOCKER = (ContainerId("docker", ID),)


def grouped(processes, *, orphans=None):
    return members(processes, orphans or {}, lambda *pair: pair == BUNDLE, HOST_MNTNS)


def own(pid, by=4242, path=f"{MANAGERS[4242]}/docker-{ID}.scope", **changes):
    put = Put(by, path, by or 0, by or 0, None, HOST_MNTNS, "app")
    return process(pid, replace(put, **changes), owners_seen=True)


@given(st.lists(puts(), max_size=12))
@example(
    [Put(None, f"/docker/{ID}", 0, 0, None, 7, "app"), Put(4242, f"{UNITS[4242]}/docker/{ID}", 4242, 0, None, 1, "app")]
)
def test_a_container_has_the_processes_of_one_owner_alone(there):
    """Where the owners of control groups can be seen."""
    hold(there, owners_seen=True)


@given(st.lists(puts(handed_by_chown=False), max_size=12))
@example([Put(4242, f"{UNITS[4242]}/docker-{ID}.scope", 4242, 0, None, 1, "app")])
def test_a_container_has_the_processes_of_one_owner_alone_by_names(there):
    """Where nobody can see who owns control groups."""
    hold(there, owners_seen=False)


def hold(there, *, owners_seen):
    by_pid = dict(enumerate(there, 1))
    processes = [process(pid, put, owners_seen=owners_seen) for pid, put in by_pid.items()]
    for key, some in grouped(processes).items():
        assert {by_pid[each.pid].by for each in some} == {key.owner_uid}
        ids = {tuple(container.id for container in each.membership.chain) or BUNDLE[1:] for each in some}
        assert ids == {tuple(container.id for container in key.chain)}
        first = entry(key, settled(some, HOST_MNTNS), lambda _: False)
        assert first is None or by_pid[first.pid].by == key.owner_uid
    for each in processes:
        unit, put = each.membership.unit, by_pid[each.pid]
        if put.by is not None and put.path.startswith("/user.slice"):
            assert unit is None or unit.startswith(f"user {put.by}: ")
        elif put.by is not None:
            assert unit in (
                None,
                f"app-{put.by}.service",
                f"user {put.by}: amazon-ssm-agent.service",
            ) or unit.startswith(f"user {put.by}: ")
    keys = list(grouped(processes))
    assert len({key.identity for key in keys}) == len(keys)
    assert all(key.identity.startswith("user ") == (key.owner_uid is not None) for key in keys)


def test_a_users_older_process_of_the_same_name_is_no_part_of_the_container():
    """What turned NEEDS-HOP-LIMIT into READY."""
    container = process(60, Put(None, f"/system.slice/docker-{ID}.scope", 0, 0, None, 7, "app"), owners_seen=True)
    found = grouped([own(50), container])
    assert {key.owner_uid: [each.pid for each in some] for key, some in found.items()} == {4242: [50], None: [60]}
    assert {key.identity for key in found} == {ID, f"user 4242/{ID}"}


@pytest.mark.parametrize("owners_seen", [True, False])
def test_what_a_user_starts_with_roots_rights_is_not_a_part_of_his_container(owners_seen):
    sudo = Put(4242, f"{MANAGERS[4242]}/docker-{ID}.scope", 0, 0, None, HOST_MNTNS, "sudo")
    assert grouped([process(50, sudo, owners_seen=owners_seen)]) == {}


def test_a_rootless_container_has_processes_of_other_numbers():
    of_container = own(51, real_uid=100_999, uid=100_999, userns_maker=4242)
    of_somebody = own(52, real_uid=100_999, uid=100_999, userns_maker=4243)
    found = grouped([own(50), of_container, of_somebody])
    assert {key.owner_uid: [each.pid for each in some] for key, some in found.items()} == {4242: [50, 51]}


def test_a_rootless_container_whose_namespaces_are_hidden_is_still_his():
    hidden = replace(own(50, real_uid=100_999, uid=100_999), userns=None)
    assert [key.owner_uid for key in grouped([hidden])] == [4242]


def test_what_root_put_together_belongs_together():
    """A second program, other users, and a sandbox that the container's own program made for itself."""
    first = Put(None, f"/docker/{ID}", 0, 0, None, 7, "app")
    some = [first, replace(first, real_uid=1000, uid=1000), replace(first, mntns=8), replace(first, userns_maker=1000)]
    processes = [process(pid, put, owners_seen=True) for pid, put in enumerate(some, 50)]
    ((key, found),) = grouped(processes).items()
    assert (key.owner_uid, found) == (None, processes)


def test_a_container_in_a_users_slice_is_roots_if_root_alone_can_have_made_it():
    def owner(hierarchy, controllers, names):
        return 0

    path = f"/user.slice/user-4242.slice/session-3.scope/libpod-payload-{ID}"
    put = Put(None, path, 0, 0, None, 7, "app")
    assert [key.owner_uid for key in grouped([process(50, put, owners_seen=True)])] == [None]
    assert grouped([process(50, put, owners_seen=False)]) == {}  # by its name it is the user's, and he did not start it


@pytest.mark.parametrize(
    ("maker", "real_uid", "mntns", "owner"),
    [
        (4242, 100_000, 9, 4242),
        (None, 4242, HOST_MNTNS, 4242),
        (None, 1000, 7, None),
        (0, 100_000, 7, None),
        (None, 0, HOST_MNTNS, None),
    ],
)
def test_whose_a_container_below_a_unit_is_where_its_owners_cannot_be_seen(maker, real_uid, mntns, owner):
    put = Put(owner, f"{UNITS[4242]}/libpod-payload-{ID}", real_uid, real_uid, maker, mntns, "app")
    assert [key.owner_uid for key in grouped([process(50, put, owners_seen=False)])] == [owner]


def first_of(*processes, is_first=lambda _: False):
    found = entry(Key(None, DOCKER), settled(processes, HOST_MNTNS), is_first)
    return found.pid if found else None


def of_root(pid, **changes):
    return process(pid, replace(Put(None, f"/docker/{ID}", 0, 0, None, 7, "app"), **changes), owners_seen=True)


def test_the_oldest_is_the_way_in_unless_the_record_names_another():
    assert first_of(of_root(50), of_root(51)) == 50
    assert first_of(of_root(50), of_root(51), is_first=lambda each: each.pid == 51) == 51
    assert first_of(replace(of_root(50), netns=None), of_root(51)) == 51
    assert first_of() is None


def test_a_namespace_that_a_user_made_is_no_way_into_a_container_of_roots():
    assert first_of(of_root(50, userns_maker=4242), of_root(51)) == 51
    # A rootless runtime in a container is all there is in it, and root alone can have put it there; names alone do not say so.
    inside = of_root(50, userns_maker=1000)
    assert first_of(inside) == 50
    assert first_of(replace(inside, membership=replace(inside.membership, by_root=False))) is None


def test_a_program_that_calls_itself_as_runc_does_hides_nothing():
    assert first_of(of_root(50, comm="runc:[2:INIT]", mntns=HOST_MNTNS), of_root(51)) == 51
    assert first_of(of_root(50, comm="runc:[2:INIT]"), of_root(51)) == 50


def test_containers_in_containers_are_told_apart_by_what_is_around_them():
    inner = ContainerId("docker", "f" * 64)
    key = Key(None, (*DOCKER, inner))
    assert (key.inside, key.identity, key.outer) == (ID, f"{ID}/{'f' * 64}", Key(None, DOCKER))
    assert Key(4242, (*DOCKER, inner)).identity == f"user 4242/{ID}/{'f' * 64}"


def test_by_control_groups_and_user_alone():
    assert key_of(Membership(), 0) is None
    assert key_of(Membership(DOCKER), 4242) == Key(None, DOCKER)
    assert key_of(Membership(DOCKER, owner_uid=4243), 4242) == Key(4243, DOCKER)
    assert key_of(Membership(DOCKER, by_name_alone=True), 4242) == Key(4242, DOCKER)
    assert key_of(Membership(DOCKER, by_name_alone=True), 0) == Key(None, DOCKER)
