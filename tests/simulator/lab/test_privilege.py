"""How a lab can be built, asked and tried by processes with more and fewer rights. Real ones: no right is imitated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from soon import SOON_S

import imds_probe
from imds_probe.simulator.lab import naming, privilege

ENVIRONMENT = {"PYTHONPATH": str(Path(imds_probe.__file__).parents[1]), "PATH": os.environ["PATH"]}

# An ordinary user: number 65534, no capabilities. Inside a user namespace, so that what the tests run from
# stays readable wherever it is installed.
ORDINARY_USER = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
ASK = """
from imds_probe.simulator.lab import privilege
answer = privilege.how_to_build_a_lab()
print(answer.way, answer.reason, sep="\\n")
"""
BUILD = """
import os, socket
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.privilege import how_to_build_a_lab
print(how_to_build_a_lab().way)
print(os.listdir("/run/netns"))
with Lab("unprivileged") as lab:
    nested = lab.add_container("c", "nested")
    for family, address in ((socket.AF_INET, "169.254.169.254"), (socket.AF_INET6, "fd00:ec2::254")):
        with lab.service.socket(family, socket.SOCK_STREAM) as listener:
            listener.bind((address, 80))
            listener.listen()
            with nested.socket(family, socket.SOCK_STREAM) as caller:
                caller.settimeout(60)
                caller.connect((address, 80))
                print(caller.getpeername()[0])
print(os.listdir("/run/netns"))
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
    print(client.getpeername() == server.getsockname())
"""
REEXEC = f"""
import os, sys
from imds_probe.simulator.lab import privilege
print(os.getuid(), os.getpid())
print("CapEff:\\t" + "0" * 16 in open("/proc/self/status").read())
privilege.reexec_in_userns([sys.executable, "-c", "import os; print(os.getuid(), os.getpid())" + {BUILD!r}])
"""


def python(code, *prefix):
    return subprocess.run(
        [*prefix, sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )


def test_with_the_capabilities_it_is_root():
    answer = privilege.how_to_build_a_lab()
    assert (answer.way, "CAP_SYS_ADMIN" in answer.reason) == ("root", True)


def test_an_ordinary_user_takes_a_user_namespace():
    done = python(ASK, *ORDINARY_USER)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "userns",
        "CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN not held, but a user namespace may be made",
    ]


def test_root_without_its_capabilities_cannot():
    # It may not give its own number to a namespace either: that takes CAP_SETFCAP, user_namespaces(7).
    done = python(ASK, "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
    assert done.stderr == ""
    way, reason = done.stdout.splitlines()
    assert way == "none"
    assert "CAP_SYS_ADMIN not held, and a user namespace is refused: unshare: " in reason


def test_root_of_a_user_namespace_that_kept_foreign_mounts_is_not_root():
    done = python(ASK, "unshare", "--user", "--map-root-user", "--")
    assert done.stderr == ""
    way, reason = done.stdout.splitlines()
    assert (way, reason) == (
        "userns",
        "the mount namespace belongs to somebody else, but a user namespace may be made",
    )


def test_where_user_namespaces_are_turned_off_the_switch_is_named():
    code = 'open("/proc/sys/user/max_user_namespaces", "w").write("0")\n' + ASK
    done = python(code, "unshare", "--user", "--map-root-user", "--")  # the limit holds in this namespace only
    assert done.stderr == ""
    way, reason = done.stdout.splitlines()
    assert way == "none"
    assert reason.endswith("sysctl user.max_user_namespaces=0")


def test_without_unshare_there_is_no_user_namespace(tmp_path):
    code = f"from imds_probe.system import process; process.SEARCH_PATH = {str(tmp_path)!r}\n" + ASK
    done = python(code, *ORDINARY_USER)
    assert done.stdout.splitlines()[0] == "none"
    assert "cannot be tried: unshare is not installed" in done.stdout


def test_an_ordinary_user_builds_a_lab():
    done = python(REEXEC, *ORDINARY_USER)
    assert done.stderr == ""
    first, without_capabilities, second, *built = done.stdout.splitlines()
    assert (first.split()[0], without_capabilities) == ("65534", "True")
    assert second == f"0 {first.split()[1]}"  # root there, and the very same process
    assert built == ["root", "[]", "169.254.169.254", "fd00:ec2::254", "[]", "True"]
    assert [name for name in os.listdir(naming.NETNS_DIRECTORY) if "unprivileged" in name] == []


def test_a_program_run_beside_this_one_builds_a_lab():
    done = privilege.run_in_userns([sys.executable, "-c", BUILD], timeout_s=60)
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == ["root", "[]", "169.254.169.254", "fd00:ec2::254", "[]", "True"]


@pytest.mark.parametrize("code", [0, 5])
def test_exit_codes_come_through(code):
    assert privilege.run_in_userns(["sh", "-c", f"exit {code}"], timeout_s=SOON_S).returncode == code


def test_without_unshare_becoming_fails_with_a_remedy(tmp_path):
    code = f"""
import os
from imds_probe.errors import ProbeError
from imds_probe.simulator.lab import privilege
os.environ["PATH"] = {str(tmp_path)!r}
try:
    privilege.reexec_in_userns(["true"])
except ProbeError as error:
    print(error)
"""
    done = python(code)
    assert done.stderr == ""
    assert done.stdout == "unshare is not installed. Install the package util-linux, or run as root\n"
