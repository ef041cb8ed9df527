"""Running things in a lab's namespaces."""

import socket
import subprocess
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.errors import CommandError
from imds_probe.net import namespaces
from imds_probe.simulator.lab.lab import Lab


@pytest.fixture
def lab():
    with Lab("node") as built:
        yield built


def test_a_program_runs_inside_and_its_answer_comes_back(lab):
    done = lab.instance.run(["ip", "-o", "-4", "address", "show", "dev", "ens5"], timeout_s=SOON_S)
    assert (done.returncode, b"10.0.0.10/24" in done.stdout) == (0, True)
    assert lab.instance.run(["cat"], stdin=b"fed", timeout_s=SOON_S).stdout == b"fed"
    assert lab.instance.run(["sh", "-c", "echo $WORD"], env={"WORD": "given"}, timeout_s=SOON_S).stdout == b"given\n"
    assert lab.instance.run(["false"], timeout_s=SOON_S).returncode == 1


def test_a_program_that_does_not_end_is_ended(lab):
    with pytest.raises(CommandError, match="did not end"):
        lab.instance.run(["sleep", "60"], timeout_s=0.2)


def test_a_started_program_is_inside_and_has_its_own_process_id(lab):
    child = lab.service.start(["sh", "-c", "echo $$; exec sleep 60"], stdout=subprocess.PIPE)
    assert int(child.stdout.readline()) == child.pid
    assert namespaces.inode(Path(f"/proc/{child.pid}/ns/net")) == lab.service.inode != lab.instance.inode
    lab.down()
    assert child.returncode == -9


def test_sockets_and_calls_happen_inside(lab):
    assert lab.instance.call(namespaces.current_inode) == lab.instance.inode
    with lab.instance.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((lab.instance.ipv4, 0))  # no other namespace has this address
        assert sock.getsockname()[0] == "10.0.0.10"


def test_a_node_says_what_it_is(lab):
    node = lab.add_container("c")
    assert (node.name, node.kind, node.distance, node.ipv4, node.ipv6) == (
        "c",
        "bridge",
        1,
        "172.17.0.2",
        "fd00:172:17::2",
    )
    assert repr(node).startswith("Node(name='c', kind='bridge', netns=PosixPath('/run/netns/imdslab-node-")
    assert node == lab.nodes["c"] and len({node, lab.instance}) == 2
