"""The programs, run by a machine of our own for both architectures; test_confinement.py has the kernel run them."""

from __future__ import annotations

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seccomp_machine import RETURN_ALLOW, RETURN_KILL, RETURN_REFUSE, call, run

from imds_probe.reading.calls import ARCHITECTURES, AUDIT_ARCH, ROLES, WRITING, Call, OneOf, Without
from imds_probe.reading.seccomp import RETURN, program

BOTH = [(role, architecture) for role in ROLES for architecture in ARCHITECTURES]
NUMBERS = 1024  # there are fewer than 500
I386, ARM = 0x40000003, 0x40000028
X32 = 0x40000000
MINUS_1 = (1 << 64) - 1


@pytest.mark.parametrize(("role", "architecture"), BOTH)
def test_all_that_is_not_listed_is_refused(role: str, architecture: str) -> None:
    code = program(ROLES[role], architecture)
    listed = {each.number(architecture) for each in ROLES[role]}
    here = AUDIT_ARCH[architecture]
    for number in (*range(NUMBERS), *range(X32, X32 + NUMBERS), 0xFFFFFFFF):
        answers = {run(code, call(here, number, *arguments)) for arguments in ((0, 0), (0, 1), (MINUS_1,) * 6)}
        assert (RETURN_ALLOW in answers) == (number in listed), number
        assert answers <= {RETURN_ALLOW, RETURN_REFUSE}


@pytest.mark.parametrize(("role", "architecture"), BOTH)
def test_another_architectures_calls_are_the_end(role: str, architecture: str) -> None:
    code = program(ROLES[role], architecture)
    for other in {I386, ARM, *AUDIT_ARCH.values()} - {AUDIT_ARCH[architecture]}:
        assert {run(code, call(other, number)) for number in range(NUMBERS)} == {RETURN_KILL}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_opening_is_for_reading_only(architecture: str) -> None:
    code = program(ROLES["opener"], architecture)
    number = next(each for each in ROLES["opener"] if each.name == "openat").number(architecture)
    assert number is not None
    for flags in (0, os.O_CLOEXEC | os.O_NONBLOCK, os.O_PATH | os.O_NOFOLLOW, os.O_DIRECTORY | os.O_CLOEXEC):
        assert run(code, call(AUDIT_ARCH[architecture], number, -100, 1, flags)) == RETURN_ALLOW
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND, os.O_TMPFILE, 3):
        assert run(code, call(AUDIT_ARCH[architecture], number, -100, 1, flags | os.O_CLOEXEC)) == RETURN_REFUSE
        assert flags & WRITING


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nothing_becomes_executable_and_nothing_is_sent_elsewhere(architecture: str) -> None:
    code = program(ROLES["parser"], architecture)
    numbers = {each.name: each.number(architecture) for each in ROLES["parser"]}
    for name, good, bad in (
        ("mmap", (0, 4096, 3), (0, 4096, 7)),
        ("mprotect", (0, 4096, 1), (0, 4096, 5)),
        ("sendto", (3, 1, 1, 0, 0), (3, 1, 1, 0, 1 << 40)),
        ("sendto", (3, 1, 1, 0, 0), (3, 1, 1, 0, 1)),
    ):
        number = numbers[name]
        assert number is not None
        assert run(code, call(AUDIT_ARCH[architecture], number, *good)) == RETURN_ALLOW
        assert run(code, call(AUDIT_ARCH[architecture], number, *bad)) == RETURN_REFUSE


@given(
    conditions=st.lists(
        st.one_of(
            st.builds(Without, st.integers(0, 5), st.integers(0, MINUS_1)),
            st.builds(
                OneOf, st.integers(0, 5), st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=5).map(tuple)
            ),
        ),
        max_size=4,
    ),
    arguments=st.lists(st.one_of(st.integers(0, MINUS_1), st.integers(0, 3)), min_size=6, max_size=6),
)
def test_conditions_mean_what_they_say(conditions: list[Without | OneOf], arguments: list[int]) -> None:
    code = program((Call("x", 7, 7, tuple(conditions)), Call("y", 8, 8)), "x86_64")
    holds = all(
        not arguments[each.argument] & each.mask
        if isinstance(each, Without)
        else arguments[each.argument] & 0xFFFFFFFF in each.values
        for each in conditions
    )
    assert run(code, call(AUDIT_ARCH["x86_64"], 7, *arguments)) == (RETURN_ALLOW if holds else RETURN_REFUSE)
    assert run(code, call(AUDIT_ARCH["x86_64"], 8, *arguments)) == RETURN_ALLOW


@pytest.mark.parametrize(("role", "architecture"), BOTH)
def test_it_is_as_short_as_the_kernel_takes(role: str, architecture: str) -> None:
    code = program(ROLES[role], architecture)
    assert len(code) % 8 == 0
    assert len(code) // 8 <= 4096  # BPF_MAXINSNS
    *jumps, last = struct.iter_unpack("=HBBI", code)
    assert all(at + 1 + max(yes, no) <= len(jumps) for at, (_, yes, no, _) in enumerate(jumps))
    assert last[0] == RETURN
