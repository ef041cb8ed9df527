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
