import pytest

from imds_probe.inventory.containers.cgroups import (
    TEXT_MAX,
    ContainerId,
    Membership,
    Memberships,
    container_of,
    membership_of,
)

ID = "0123456789abcdef" * 4
POD_UID = "0a1b2c3d-0000-1111-2222-333344445555"
POD = "kubepods-burstable-pod0a1b2c3d_0000_1111_2222_333344445555.slice"


@pytest.mark.parametrize(
    ("cgroup", "runtime"),
    [
        (f"12:pids:/docker/{ID}\n1:name=systemd:/docker/{ID}\n", "docker"),
        (f"0::/system.slice/docker-{ID}.scope\n", "docker"),
        (f"0::/docker/{ID}/init.scope\n", "docker"),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", "podman"),
        (f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope\n", "podman"),
        (f"0::/kubepods.slice/kubepods-burstable.slice/{POD}/cri-containerd-{ID}.scope\n", "containerd"),
        (f"0::/kubepods.slice/{POD}/crio-{ID}.scope\n", "cri-o"),
        (f"4:memory:/kubepods/burstable/pod0a1b2c3d-0000-1111-2222-333344445555/{ID}\n", "kubernetes"),
        (f"9:cpu:/ecs/0123456789abcdef0123456789abcdef/{ID}\n", "ecs"),
        (f"0::/default/{ID}\n", "containerd"),
        (f"3:cpu:/moby/{ID}\n", "docker"),
        (f"0::/docker/buildkit/{ID}\n", "docker"),
        (f"0::/system.slice/web.service/libpod-payload-{ID}\n", "podman"),
        (f"4:cpu:/libpod_parent/libpod-{ID}\n", "podman"),
        (f"0::/user.slice/user-1000.slice/user@1000.service/app.slice/nerdctl-{ID}.scope\n", "containerd"),
        (f"0::/system.slice/containerd.service/{POD}:cri-containerd:{ID}\n", "containerd"),
        (f"0::/system.slice/docker.service/system.slice:docker:{ID}\n", "docker"),
        (f"0::/ecstasks.slice/ecstasks-0123456789abcdef.slice/docker-{ID}.scope\n", "ecs"),
        (f"0::/kubepods/pod0a1b2c3d-0000-1111-2222-333344445555/crio-{ID}\n", "cri-o"),
        (f"0::/batch/jobs/{ID}\n", "unknown"),
        (f"0::/../../pod0a1b2c3d-0000-1111-2222-333344445555/{ID}\n", "kubernetes"),
        (f"0::/../cri-containerd-{ID}.scope\n", "containerd"),
        (f"0::/../{ID}\n", "unknown"),
    ],
)
def test_each_runtimes_spelling(cgroup, runtime):
    found = container_of(cgroup)
    assert (found.runtime, found.id) == (runtime, ID)


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        ("0::/lxc.payload.web1/init.scope\n", ContainerId("lxc", "web1")),
        ("0::/machine.slice/machine-build.scope/payload\n", ContainerId("nspawn", "build")),
        ("0::/lxc/web1/system.slice/ssh.service\n", ContainerId("lxc", "web1")),
        ("4:cpu:/lxc.payload/web1\n", ContainerId("lxc", "web1")),
        (
            "0::/machine.slice/systemd-nspawn@build\\x2dbox.service/payload/init.scope\n",
            ContainerId("nspawn", "build-box"),
        ),
        ("0::/machine.slice/machine-lxc\\x2d17\\x2dold.scope\n", ContainerId("lxc", "lxc-17-old")),
        (f"0::/ecs/{'ab' * 16}/{'cd' * 16}-1234567890\n", ContainerId("ecs", "cd" * 16 + "-1234567890")),
        (f"0::/docker/buildkit/{'k7' * 12}x\n", ContainerId("docker", "k7" * 12 + "x")),
    ],
)
def test_named_containers(cgroup, expected):
    found = container_of(cgroup)
    assert (found.runtime, found.id) == (expected.runtime, expected.id)


@pytest.mark.parametrize(
    "cgroup",
    [
        "",
        "0::/\n",
        "0::/system.slice/docker.service\n",
        "0::/user.slice/user-0.slice/session-1.scope\n",
        f"0::/system.slice/{ID}.service\n",
        "garbage",
        f"0::/docker/{ID[:12]}\n",
        f"0::/machine.slice/libpod-conmon-{ID}.scope\n",
        f"0::/kubepods.slice/{POD}/crio-conmon-{ID}.scope\n",
        "0::/lxc.monitor.web1\n",
        "0::/lxc/lxc.pivot\n",
        "0::/system.slice/lxc.service\n",
        "0::/machine.slice/machine-build.scope/supervisor\n",
        "0::/machine.slice/systemd-nspawn@build.service/supervisor\n",
        "0::/machine.slice/systemd-nspawn@build.service\n",
        "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator\n",
        f"0::/kubepods/burstable/pod{POD_UID}\n",
    ],
)
def test_what_is_no_container(cgroup):
    assert container_of(cgroup) is None


@pytest.mark.parametrize(
    "above",
    [
        f"/kubepods/besteffort/pod{POD_UID}",
        f"/kubepods/pod{POD_UID}",
        f"/kubepods.slice/kubepods-burstable.slice/{POD}",
        "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod0a1b2c3d_0000_1111_2222_333344445555.slice",
    ],
)
def test_the_uid_of_the_pod(above):
    assert membership_of(f"0::{above}/{ID}\n").pod_uid == POD_UID
    assert membership_of(f"0::{above}\n") == membership_of(f"0::{above}/\n")
    assert membership_of(f"0::{above}\n").pod_uid == POD_UID


def test_the_uid_of_a_static_pod_has_no_hyphens():
    assert membership_of(f"0::/kubepods/burstable/pod{'ab' * 16}/{ID}\n").pod_uid == "ab" * 16


def test_the_innermost_container_counts_and_the_outer_ones_are_kept():
    inner = "f" * 64
    found = membership_of(f"0::/docker/{ID}/kubelet/kubepods/besteffort/pod{POD_UID}/{inner}\n")
    assert found.chain == (ContainerId("docker", ID), ContainerId("kubernetes", inner))
    assert found.container == ContainerId("kubernetes", inner)
    assert found.pod_uid == POD_UID


def test_the_pod_around_a_container_is_not_that_of_a_container_inside():
    inner = "f" * 64
    found = membership_of(f"0::/kubepods/pod{POD_UID}/{ID}/docker/{inner}\n")
    assert [container.runtime for container in found.chain] == ["kubernetes", "docker"]
    assert found.pod_uid is None


def test_a_runtimes_own_subgroup_is_not_another_container():
    assert len(membership_of(f"0::/machine.slice/libpod-{ID}.scope/libpod-payload-{ID}\n").chain) == 1


@pytest.mark.parametrize("child", ["supervisor", "conmon", f"libpod-conmon-{'e' * 64}.scope", "lxc.monitor.x"])
def test_a_container_cannot_leave_itself_by_the_name_of_a_group_below(child):
    assert container_of(f"0::/system.slice/docker-{ID}.scope/{child}\n") == ContainerId("docker", ID)
    assert container_of(f"0::/machine.slice/libpod-{ID}.scope/{child}\n") == ContainerId("podman", ID)


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
def test_a_container_cannot_forge_a_line(separator):
    # The kernel refuses a newline in the name of a group and nothing else.
    found = membership_of(f"0::/docker/{ID}/x{separator}0::/docker/{'f' * 64}\n")
    assert found.chain[0] == ContainerId("docker", ID)


def test_the_hierarchy_that_says_most_decides_under_v1():
    text = f"9:name=systemd:/system.slice/docker.service\n8:pids:/docker/{ID}\n4:memory:/process/x\n0::/\n"
    assert membership_of(text).chain == (ContainerId("docker", ID),)


@pytest.mark.parametrize(
    ("path", "unit", "owner"),
    [
        ("/system.slice/dnsmasq.service", "dnsmasq.service", None),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", None),
        ("/system.slice/a\\x2db.service/sub", "a-b.service", None),
        ("/user.slice/user-1000.slice/session-3.scope", None, 1000),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox.scope", None, 1000),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/player.service", "user 1000: player.service", 1000),
        (f"/docker/{ID}/system.slice/inner.service", None, None),
    ],
)
def test_the_unit_and_the_owner_outside_of_containers(path, unit, owner):
    found = membership_of(f"0::{path}\n")
    assert (found.unit, found.owner_uid) == (unit, owner)


def test_a_pair_is_kept_for_who_knows_containerds_names():
    assert membership_of("2:cpu:/default/web\n0::/\n").pair == ("default", "web")
    assert membership_of(f"0::/default/{ID}\n").pair is None


def test_names_are_bounded_and_raw():
    found = container_of("0::/lxc.payload.\x1b[2J" + "x" * 3000 + "\n")
    assert len(found.id) == TEXT_MAX
    assert found.id.startswith("\x1b[2J")


MANAGER = "/user.slice/user-4242.slice/user@4242.service"


def by(**uids):
    """Who owns what, by the first name of a path; all else is root's."""
    return lambda hierarchy, controllers, names: next((uids[name] for name in names if name in uids), 0)


@pytest.mark.parametrize(
    "path",
    [
        f"{MANAGER}/docker-{ID}.scope",
        f"{MANAGER}/app.slice/docker-{ID}.scope/docker-{ID}.scope",
        f"{MANAGER}/user.slice/user-0.slice/docker-{ID}.scope",
        f"{MANAGER}/user-0.slice/user@0.service/system.slice/docker-{ID}.scope",
        f"/user.slice/user-4242.slice/session-1.scope/docker-{ID}.scope",
        f"/../../user.slice/user-4242.slice/docker-{ID}.scope",
        f"/machine.slice/user@4242.service/docker-{ID}.scope",
    ],
)
def test_below_a_users_slice_a_container_is_his(path):
    found = membership_of(f"0::{path}\n")
    assert (found.container, found.owner_uid, found.by_root) == (ContainerId("docker", ID), 4242, False)


@pytest.mark.parametrize(
    "path", [f"{MANAGER}/amazon-ssm-agent.service", f"{MANAGER}/system.slice/amazon-ssm-agent.service/x"]
)
def test_a_users_unit_is_not_the_systems(path):
    for found in (membership_of(f"0::{path}\n"), membership_of(f"0::{path}\n", by(**{"user@4242.service": 4242}))):
        assert (found.unit, found.owner_uid) == ("user 4242: amazon-ssm-agent.service", 4242)


def test_a_unit_below_a_unit_is_that_units_own_group():
    found = membership_of("0::/system.slice/app.service/system.slice/amazon-ssm-agent.service\n")
    assert found.unit == "app.service"


def test_a_group_that_was_handed_to_a_user_is_his_whatever_it_is_called():
    owner = by(job=4242)
    found = membership_of(f"0::/batch/job/amazon-ssm-agent.service/docker-{ID}.scope\n", owner)
    assert (found.unit, found.owner_uid) == ("user 4242: amazon-ssm-agent.service", 4242)
    assert membership_of("0::/batch/job\n", owner).owner_uid == 4242
    assert membership_of("0::/job/web\n", owner).pair is None


def test_a_unit_of_the_system_that_was_handed_to_its_user_stays_its_own():
    owner = by(**{"app.service": 4242})
    unit = membership_of("0::/system.slice/app.service/worker\n", owner)
    assert (unit.unit, unit.owner_uid) == ("app.service", None)
    container = membership_of(f"0::/system.slice/app.service/docker-{ID}.scope\n", owner)
    assert (container.unit, container.owner_uid) == ("app.service", 4242)


def test_what_is_known_by_its_name_alone_below_a_unit_is_said_to_be():
    path = f"0::/system.slice/web.service/libpod-payload-{ID}\n"
    assert membership_of(path).by_name_alone
    assert not membership_of(path, by()).by_name_alone
    assert not membership_of(f"0::/docker/{ID}\n").by_name_alone


def test_a_hierarchy_that_root_alone_fills_goes_before_a_users_under_v1():
    other = "f" * 64
    text = f"1:name=systemd:{MANAGER}/docker-{other}.scope/docker-{ID}.scope\n8:pids:/docker/{ID}\n"
    found = membership_of(text)
    assert (found.chain, found.owner_uid) == ((ContainerId("docker", ID),), None)
    users = membership_of(f"8:pids:/user.slice/user-4242.slice\n1:name=systemd:{MANAGER}/docker-{ID}.scope\n")
    assert (users.container, users.owner_uid) == (ContainerId("docker", ID), 4242)


def test_roots_own_manager_is_root_and_no_system():
    found = membership_of("0::/user.slice/user-0.slice/user@0.service/amazon-ssm-agent.service\n")
    assert (found.unit, found.owner_uid) == ("user 0: amazon-ssm-agent.service", None)


def test_a_path_without_end_is_where_it_begins():
    """A user may nest groups as deep as a path is long, and begin a thousand processes there."""
    deep = MANAGER + "/a" * 2000
    assert membership_of(f"0::{deep}/docker-{ID}.scope\n").owner_uid == 4242
    inside = f"0::/docker/{ID}{'/ecs' * 1000}/{'f' * 64}\n"
    assert membership_of(inside).chain == (ContainerId("docker", ID),)
    for number in range(200):
        membership_of(f"0::{deep}/{number}\n")


def test_each_text_is_judged_once_in_one_look():
    asked = []
    look = Memberships(lambda *line: asked.append(line))
    assert [look.of(f"0::/docker/{ID}\n").container for _ in range(9)] == [ContainerId("docker", ID)] * 9
    assert len(asked) == 1
    assert look.of(None) == Membership()
