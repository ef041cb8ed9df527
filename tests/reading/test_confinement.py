"""What the kernel makes of it, in children that are thrown away."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from seccomp_machine import RETURN_ALLOW

from imds_probe.reading import confinement, landlock, seccomp
from imds_probe.reading.calls import ARCHITECTURES, ROLES
from imds_probe.reading.confinement import CAPABILITIES, Limits, Role, confine, detach, keep_capabilities

LIMITS = Limits(64 << 20, 60, 64)
MACHINE = platform.machine()
NUMBERS = 600
X32 = 0x40000000
# Linux lets its own return probes past every filter. They are for code that it has put there itself, and end others.
PROBES = {335, 336} if MACHINE == "x86_64" else set()
SYSTEM_CALLS = ctypes.CDLL(None, use_errno=True)


@pytest.fixture(params=["with Landlock", "without Landlock", "without capset"])
def before(request: pytest.FixtureRequest) -> Callable[[], None]:
    """What is done before confining: kernels before 5.13 do not know Landlock, and a unit may refuse capset."""
    refused = {"without Landlock": (444, 445, 446), "without capset": (126 if MACHINE == "x86_64" else 91,)}
    numbers = refused.get(request.param, ())
    code = errno.ENOSYS if request.param == "without Landlock" else errno.EPERM

    def refuse() -> None:
        if numbers:
            SYSTEM_CALLS.prctl(38, 1, 0, 0, 0)
            tests = [(0x15, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
            program = [(0x20, 0, 0, 0), *tests, (0x06, 0, 0, RETURN_ALLOW), (0x06, 0, 0, 0x00050000 | code)]
            seccomp.install(b"".join(struct.pack("=HBBI", *each) for each in program))

    return refuse


def in_a_child(work: Callable[[Callable[[object], None]], None]) -> tuple[object, int]:
    """What `work` says by what it is given, as JSON; and how the child ended. What says it is made before."""
    shared = mmap.mmap(-1, 1 << 20)

    def say(value: object) -> None:
        said = json.dumps(value).encode()
        shared[: len(said) + 1] = said + b"\0"

    child = os.fork()
    if not child:
        code = 1
        try:
            work(say)
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    said = shared[: shared.find(b"\0")]
    return json.loads(said or b"null"), os.waitstatus_to_exitcode(status)


def answer(number: int, *arguments: int) -> int:
    """The errno, 0 where it was done."""
    return ctypes.get_errno() if SYSTEM_CALLS.syscall(number, *arguments) < 0 else 0


@pytest.mark.parametrize("role", ROLES)
def test_every_system_call_that_is_not_listed_is_refused(role: Role, before: Callable[[], None]) -> None:
    """Whatever it is asked for, which is nothing that makes sense."""
    listed = {each.number(MACHINE) for each in ROLES[role]}
    tried = [number for number in range(NUMBERS) if number not in listed | PROBES]
    tried += [X32 + number for number in range(NUMBERS)] if MACHINE == "x86_64" else []

    def sweep(say: Callable[[object], None]) -> None:
        before()
        confine(role, LIMITS)
        say(
            [
                number
                for number in tried
                for arguments in ((0,) * 6, (-1,) * 6)
                if answer(number, *arguments) != errno.EPERM
            ]
        )

    assert in_a_child(sweep) == ([], 0)


def test_the_opener_writes_nothing(tmp_path: Path, before: Callable[[], None]) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")

    def write(say: Callable[[object], None]) -> None:
        before()
        confine("opener", LIMITS)
        said = []
        for flags in (
            os.O_WRONLY,
            os.O_RDWR,
            os.O_CREAT,
            os.O_TRUNC,
            os.O_RDONLY | os.O_APPEND,
            os.O_TMPFILE | os.O_RDWR,
        ):
            try:
                os.open(kept, flags)
                said.append("done")
            except OSError as error:
                said.append(errno.errorcode[error.errno or 0])
        descriptor = os.open(kept, os.O_RDONLY)
        say([said, os.read(descriptor, 10).decode()])

    assert in_a_child(write) == ([["EPERM"] * 6, "kept"], 0)
    assert (kept.read_text(), os.listdir(tmp_path)) == ("kept", ["kept"])


def test_a_call_of_another_architecture_is_the_end() -> None:
    """For the other one's filter, that is any call of this machine's."""
    (other,) = set(ARCHITECTURES) - {MACHINE}

    def call(say: Callable[[object], None]) -> None:
        SYSTEM_CALLS.prctl(38, 1, 0, 0, 0)
        say("to be filtered")
        seccomp.install(seccomp.program(ROLES["parser"], other))
        os.getpid()
        say("went on")

    assert in_a_child(call) == ("to be filtered", -signal.SIGSYS)


if MACHINE == "x86_64":

    def test_so_is_one_that_this_processor_makes_besides() -> None:
        """Those of i386 have an instruction of their own."""

        def call(say: Callable[[object], None]) -> None:
            code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # getpid of i386: mov $20, %eax; int $0x80; ret
            function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
            say(function() == os.getpid())
            confine("parser", LIMITS)
            function()
            say("went on")

        assert in_a_child(call) == (True, -signal.SIGSYS)


@pytest.mark.parametrize("role", ROLES)
def test_capabilities_are_those_of_the_role(role: Role) -> None:
    def look(say: Callable[[object], None]) -> None:
        assert keep_capabilities(CAPABILITIES[role])
        say([line.split() for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Cap")])

    said, code = in_a_child(look)
    assert code == 0
    assert isinstance(said, list)
    sets = {name: int(value, 16) for name, value in said}
    mine = sum(1 << each for each in CAPABILITIES[role])
    assert sets["CapEff:"] & ~mine == sets["CapPrm:"] & ~mine == sets["CapInh:"] == sets["CapAmb:"] == 0
    assert sets["CapEff:"] == sets["CapPrm:"]


def test_limits_and_what_else_the_kernel_says_of_it() -> None:
    reading, writing = os.pipe()

    def look(say: Callable[[object], None]) -> None:
        detach((writing,))
        confine("opener", LIMITS)
        os.kill = None  # type: ignore[assignment]
        status = os.open("/proc/self/status", os.O_RDONLY)
        content = os.read(status, 8192).decode()
        limits = os.read(os.open("/proc/self/limits", os.O_RDONLY), 8192).decode()
        streams = [os.fstat(each).st_rdev for each in range(3)]
        say(
            [
                content,
                limits,
                streams,
                [each for each in range(3, 64) if each not in (writing, status) and is_open(each)],
            ]
        )

    said, code = in_a_child(look)
    os.close(reading)
    os.close(writing)
    assert code == 0
    assert isinstance(said, list)
    status, limits, streams, others = said
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    for name, most in (("core file size", 0), ("file size", 0), ("cpu time", 60), ("open files", 64)):
        (line,) = (line for line in limits.splitlines() if line.startswith(f"Max {name}"))
        assert line.removeprefix(f"Max {name}").split()[:2] == [str(most)] * 2
    assert set(streams) == {os.stat(os.devnull).st_rdev}
    assert len(others) == 1  # /proc/self/limits, which was not closed


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_memory_is_bounded() -> None:
    def take(say: Callable[[object], None]) -> None:
        confine("parser", Limits(16 << 20, 60, 64))
        kept = bytearray(8 << 20)
        taken = []
        try:
            # What a long test run let go of is there to be taken again.
            for _ in range(16):
                taken.append(bytearray(64 << 20))
        except MemoryError:
            taken.clear()
            say(len(kept))

    assert in_a_child(take) == (8 << 20, 0)


def test_time_is_bounded() -> None:
    def spin(say: Callable[[object], None]) -> None:
        confine("parser", Limits(16 << 20, 1, 64))
        say("spins")
        while True:
            pass

    assert in_a_child(spin) == ("spins", -signal.SIGKILL)


def test_it_does_not_outlive_its_parent() -> None:
    """Even where it does not notice that the other end of its socket is gone."""
    script = (
        "import os, time\nfrom imds_probe.reading.confinement import Limits, confine\n"
        "child = os.fork()\n"
        "if not child:\n    confine('opener', Limits(1 << 24, 60, 64))\n    while True: os.read(0, 1)\n"
        # Filtered, which comes last.
        "while 'Seccomp:\\t2' not in open(f'/proc/{child}/status').read(): time.sleep(0.001)\n"
        "print('confined', flush=True)\ntime.sleep(600)"
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    reading, writing = os.pipe()
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdin=reading, stdout=subprocess.PIPE, text=True, env=env) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "confined\n"
        parent.kill()
        assert parent.stdout.read() == ""  # nobody holds the other end any more
    os.close(reading)
    os.close(writing)


def test_the_limits_of_who_forks_are_not_raised() -> None:
    def limit(say: Callable[[object], None]) -> None:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the whole suite may have more than 20 open
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
        confinement._limit(LIMITS)
        say(resource.getrlimit(resource.RLIMIT_NOFILE))

    assert in_a_child(limit) == ([20, 20], 0)


def test_landlock_is_used_where_it_is() -> None:
    def give_up(say: Callable[[object], None]) -> None:
        SYSTEM_CALLS.prctl(38, 1, 0, 0, 0)
        there = landlock.give_up_everything()
        try:
            os.open("/etc/hostname", os.O_RDONLY)
            say([there, "opened"])
        except OSError as error:
            say([there, errno.errorcode[error.errno or 0]])

    known = SYSTEM_CALLS.syscall(landlock.CREATE_RULESET, None, 0, 1) > 0
    assert in_a_child(give_up) == ([known, "EACCES" if known else "opened"], 0)
