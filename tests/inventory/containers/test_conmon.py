import pytest

from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.conmon import children_of_conmon
from imds_probe.inventory.containers.processes import walk

ID = "0123456789abcdef" * 4
CONMON = ("/usr/bin/conmon", "--api-version", "1", "-c", ID, "-u", ID, "-r", "/usr/bin/crun", "-n", "web")
SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"


def children(tree):
    return children_of_conmon(tree.path, walk(tree.path).processes)


def test_what_conmon_started_is_its_container(tree):
    tree.add(50, SESSION, comm="conmon", command=CONMON, uid=1000)
    tree.add(51, SESSION, ppid=50, uid=1000)
    tree.add(52, SESSION, ppid=51, uid=1000)
    tree.add(53, SESSION, uid=1000)
    container = ContainerId("podman", ID)
    assert children(tree) == {51: (1000, container), 52: (1000, container)}


def test_a_control_group_knows_better(tree):
    tree.add(50, SESSION, comm="conmon", command=CONMON)
    tree.add(51, f"0::/machine.slice/libpod-{'f' * 64}.scope\n", ppid=50)
    assert children(tree) == {}


def test_a_conmon_inside_a_container_is_not_asked(tree):
    tree.add(50, f"0::/docker/{'f' * 64}\n", comm="conmon", command=CONMON)
    tree.add(51, SESSION, ppid=50)
    assert children(tree) == {}


@pytest.mark.parametrize(
    "command", [("conmon",), ("conmon", "-c"), ("conmon", "-c", "../../etc"), ("conmon", "-c", "x" * 64)]
)
def test_a_conmon_that_names_no_container(tree, command):
    tree.add(50, SESSION, comm="conmon", command=command)
    tree.add(51, SESSION, ppid=50)
    assert children(tree) == {}


def test_parents_in_a_circle_end(tree):
    # Numbers are read at different times, so that two processes may seem to be each other's parent.
    tree.add(50, SESSION, comm="conmon", command=CONMON)
    tree.add(60, SESSION, ppid=61)
    tree.add(61, SESSION, ppid=60)
    assert children(tree) == {}


def test_a_program_that_only_calls_itself_conmon_keeps_nobody(tree):
    tree.add(50, SESSION, comm="conmon", command=CONMON, exe="/usr/bin/python3", uid=1000)
    tree.add(51, SESSION, ppid=50, uid=1000)
    assert children(tree) == {}


def test_a_conmon_keeps_the_processes_of_its_own_user_alone(tree):
    tree.add(50, SESSION, comm="conmon", command=CONMON, uid=1000)
    tree.add(51, SESSION, ppid=50, uid=0)  # sudo
    tree.add(52, SESSION, ppid=51, uid=1001)
    tree.add(53, SESSION, ppid=50, uid=1000)
    assert children(tree) == {53: (1000, ContainerId("podman", ID))}


def test_a_container_of_roots_may_have_processes_of_anybody(tree):
    tree.add(50, "0::/machine.slice/x.scope\n", comm="conmon", command=CONMON)
    tree.add(51, "0::/machine.slice/x.scope\n", ppid=50, uid=1000)
    assert children(tree) == {51: (None, ContainerId("podman", ID))}


def test_a_parent_that_is_younger_than_its_child_has_got_its_number_since(tree):
    tree.add(50, SESSION, comm="conmon", command=CONMON, uid=1000, start=900)
    tree.add(51, SESSION, ppid=50, uid=1000, start=100)
    assert children(tree) == {}
