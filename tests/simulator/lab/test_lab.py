"""The life of a lab: built fast, alone, and gone without a trace however its process ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soon import SOON_S

import imds_probe
from imds_probe.errors import UsageError
from imds_probe.net import namespaces
from imds_probe.simulator.lab import naming
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.node import Node
from imds_probe.simulator.lab.plumbing import LabError

ENVIRONMENT = {"PYTHONPATH": str(Path(imds_probe.__file__).parents[1]), "PATH": os.environ["PATH"]}

# Prints its namespaces and a program's process id, then does what its argument says.
CHILD = """
import json, os, sys, time
from imds_probe.simulator.lab.lab import Lab

with Lab(sys.argv[1]) as lab:
    lab.add_container("c", "nested")
    program = lab.service.start(["sleep", "60"])
    print(json.dumps([lab.namespaces, program.pid]), flush=True)
    if sys.argv[2] == "fork":
        child = os.fork()
        if not child:
            sys.exit(0)
        os.waitpid(child, 0)
        lab.nodes["c"].run(["true"], timeout_s=60)
        print(sum(os.path.exists("/run/netns/" + name) for name in lab.namespaces), flush=True)
    elif sys.argv[2] == "raise":
        1 / 0
    elif sys.argv[2] == "exit":
        sys.exit(7)
    else:
        time.sleep(60)
"""


def present(label):
    return sorted(path.name for path in naming.NETNS_DIRECTORY.glob(f"imdslab-{label}-*"))


def links():
    return sorted(os.listdir("/sys/class/net")), subprocess.run(
        ["ip", "-o", "link"], capture_output=True, check=True
    ).stdout


def running(pid):
    return Path(f"/proc/{pid}/exe").exists()


@pytest.fixture
def label(request):
    """A word for this test's labs alone, so that other labs on the machine do not count."""
    return f"t{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"


@pytest.fixture
def child(label):
    children = []

    def begin(what):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, label, what],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        children.append(process)
        names, pid = json.loads(process.stdout.readline())
        return process, names, pid

    yield begin
    for process in children:
        process.kill()
        process.communicate()
    Lab.remove_stale()


@pytest.fixture(autouse=True)
def nothing_is_left(label):
    before = links()
    yield
    assert present(label) == []
    assert links() == before


def test_everything_is_there_and_then_nothing_is(label):
    home = namespaces.current_inode()
    with Lab(label) as lab:
        assert present(label) == sorted(lab.namespaces)
        assert len({home, lab.instance.inode, lab.service.inode}) == 3
        addresses = lab.instance.run(["ip", "-o", "address"], timeout_s=SOON_S).stdout.decode()
        for expected in ("10.0.0.10/24", "172.17.0.1/16", "2001:db8:0:10::a/64", "fd00:172:17::1/64"):
            assert expected in addresses
        assert "tentative" not in "".join(line for line in addresses.splitlines() if "scope global" in line)
    assert present(label) == []
    lab.down()
    with pytest.raises(UsageError, match="does not stand"):
        lab.instance.run(["true"], timeout_s=1)
    with pytest.raises(UsageError, match="does not stand"):
        lab.add_container("c")


def test_a_lab_can_be_built_again(label):
    lab = Lab(label)
    for _ in range(2):
        lab.up()
        with pytest.raises(UsageError, match="stands already"):
            lab.up()
        assert lab.add_container("c", "nested").run(["true"], timeout_s=SOON_S).returncode == 0
        lab.down()
        assert present(label) == []


def test_it_is_built_fast(label):
    took = []
    for _ in range(5):
        started = time.monotonic()
        with Lab(label):
            took.append(time.monotonic() - started)
    assert min(took) < 2


def test_an_exception_takes_it_down(label):
    with pytest.raises(ZeroDivisionError), Lab(label) as lab:
        program = lab.instance.start(["sleep", "60"])
        raise ZeroDivisionError
    assert program.returncode == -signal.SIGKILL


def test_what_a_program_left_behind_goes_too(label):
    with Lab(label) as lab:
        started = lab.instance.run(
            ["sh", "-c", "setsid sleep 60 </dev/null >/dev/null 2>&1 & echo $!"], timeout_s=SOON_S
        )
        pid = int(started.stdout)
        assert running(pid)
    assert not running(pid)


def test_two_labs_share_nothing(label):
    with Lab(label) as one, Lab(label) as two:
        assert not set(one.namespaces) & set(two.namespaces)
        assert len({node.inode for lab in (one, two) for node in (lab.instance, lab.service)}) == 4
        listening = [lab.service.socket(2, 1) for lab in (one, two)]
        for listener in listening:
            listener.bind(("169.254.169.254", 80))
            listener.listen()
            listener.settimeout(SOON_S)
        with one.add_container("c").socket(2, 1) as caller:
            caller.settimeout(SOON_S)
            caller.connect(("169.254.169.254", 80))
            listening[0].accept()[0].close()
        listening[1].settimeout(0.1)
        with pytest.raises(TimeoutError):
            listening[1].accept()
        one.down()
        with two.add_container("c").socket(2, 1) as caller:
            caller.settimeout(SOON_S)
            caller.connect(("169.254.169.254", 80))
        for listener in listening:
            listener.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_it_down(child, number):
    process, names, pid = child("wait")
    assert len(names) == 4 and all((naming.NETNS_DIRECTORY / name).exists() for name in names)
    process.send_signal(number)
    _, said = process.communicate(timeout=SOON_S)
    assert said.splitlines()[-1] == "KeyboardInterrupt"
    assert [name for name in names if (naming.NETNS_DIRECTORY / name).exists()] == []
    assert not running(pid)


@pytest.mark.parametrize(("what", "code"), [("raise", 1), ("exit", 7), ("fork", 0)])
def test_every_way_out_takes_it_down(child, what, code):
    process, names, pid = child(what)
    said, _ = process.communicate(timeout=SOON_S)
    assert process.returncode == code
    assert said == ("4\n" if what == "fork" else "")  # a forked child's end left the lab standing
    assert [name for name in names if (naming.NETNS_DIRECTORY / name).exists()] == []
    assert not running(pid)


@pytest.mark.parametrize("step_ms", [18, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_leaves_nothing(label, number, step_ms):
    code = """
import sys
from imds_probe.simulator.lab.lab import Lab
sys.stdout.write("go"); sys.stdout.flush()
while True:
    with Lab(sys.argv[1]) as lab:
        lab.service.start(["sleep", "60"])
        lab.add_container("c", "nested")
"""
    for delay_ms in range(0, 90, step_ms):
        argv = [sys.executable, "-c", code, label]
        with subprocess.Popen(argv, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.read(2) == b"go"
            time.sleep(delay_ms / 1000)
            while process.poll() is None:
                # Python drops what is raised in a finalizer, Ctrl-C too: then whoever pressed it presses again.
                process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=20)
        assert process.returncode != 0
        assert present(label) == [], f"after {delay_ms} ms"


def test_a_half_built_lab_is_taken_down(label, tmp_path, monkeypatch):
    # Every tool exists, but nft fails: the last step of the building.
    for tool in ("ip", "nsenter"):
        (tmp_path / tool).symlink_to(subprocess.check_output(["which", tool], text=True).strip())
    (tmp_path / "nft").write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    (tmp_path / "nft").chmod(0o755)
    monkeypatch.setattr("imds_probe.system.process.SEARCH_PATH", str(tmp_path))
    with pytest.raises(LabError, match="out of order"):
        Lab(label).up()
    assert present(label) == []


def test_a_failed_container_leaves_the_lab_as_it_was(label):
    with Lab(label) as lab:
        # Its veth's name is taken in the instance.
        lab.instance.run(["ip", "link", "add", "veth2", "type", "bridge"], timeout_s=SOON_S)
        before = (lab.namespaces, dict(lab.nodes))
        with pytest.raises(LabError, match="File exists"):
            lab.add_container("c")
        assert (lab.namespaces, lab.nodes) == before
        assert lab.add_container("c").run(["true"], timeout_s=SOON_S).returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "taken"},
        {"name": "instance"},
        {"name": "c", "kind": "service"},
        {"name": "Not-A-Name"},
        {"name": "Not-A-Name", "kind": "host"},
        {"name": "c", "kind": "shared"},
        {"name": "c", "kind": "bridge", "with_": "taken"},
        {"name": "c", "kind": "bridge", "inside": "taken"},
        {"name": "c", "kind": "nested", "inside": "instance"},
        {"name": "c", "kind": "chain", "hops": 0},
        {"name": "c", "kind": "chain", "hops": 9},
        {"name": "c", "kind": "host", "drop": True},
        {"name": "c", "kind": "macvlan", "drop": True},
        {"name": "c", "kind": "host", "no_route": True},
    ],
)
def test_what_makes_no_sense_is_refused(label, wrong):
    with Lab(label) as lab:
        lab.add_container("taken")
        before = (lab.namespaces, dict(lab.nodes))
        arguments = {key: lab.nodes[value] if key in ("inside", "with_") else value for key, value in wrong.items()}
        with pytest.raises(UsageError):
            lab.add_container(**arguments)
        assert (lab.namespaces, lab.nodes) == before


def test_a_container_of_another_lab_is_no_neighbour(label):
    with Lab(label) as one, Lab(label) as two:
        stranger = two.add_container("c")
        assert isinstance(stranger, Node)
        with pytest.raises(UsageError):
            one.add_container("d", "nested", inside=stranger)
        with pytest.raises(UsageError):
            one.add_container("d", "shared", with_=stranger)


def test_sigterm_is_what_it_was_once_the_lab_is_gone():
    before = signal.getsignal(signal.SIGTERM)
    with Lab("sigterm"):
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is before is signal.SIG_DFL
