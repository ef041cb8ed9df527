"""The readers of the packaged program for aarch64, on a machine of another architecture: qemu-user runs it, without filters of
system calls. So a machine of our own has the filter's answer to each call that the readers really make.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import package_roots
import pytest
import reading_tasks as tasks
from package_roots import PREFIX, PYTHON, must
from seccomp_machine import RETURN_ALLOW, call, run
from traced_readers import FILTER

from imds_probe.reading.calls import AUDIT_ARCH, ROLES
from imds_probe.reading.reader import BROKEN
from imds_probe.reading.seccomp import program

TESTS = Path(__file__).parents[1]
HERE = "aarch64"
PATHS = ("file", "link", "directory", "none", "long")
# What stands for numbers in the trace, as <asm/fcntl.h> of aarch64 and <asm-generic> have them.
WORDS = {
    "NULL": 0,
    "AT_FDCWD": -100,
    "O_RDONLY": 0,
    "O_CLOEXEC": 0o2000000,
    "O_PATH": 0o10000000,
    "O_DIRECTORY": 0o40000,
    "O_NOFOLLOW": 0o100000,
    "O_NONBLOCK": 0o4000,
    "O_NOCTTY": 0o400,
    "O_LARGEFILE": 0o100000,  # what O_NOFOLLOW is called by qemu
    "F_DUPFD_CLOEXEC": 1030,
    "F_GETFL": 3,
    "F_GETFD": 1,
    "PROT_NONE": 0,
    "PROT_READ": 1,
    "PROT_WRITE": 2,
    "MAP_PRIVATE": 2,
    "MAP_ANONYMOUS": 0x20,
    "CLOCK_MONOTONIC": 1,
    "CLOCK_REALTIME": 0,
    "SEEK_SET": 0,
    "SEEK_CUR": 1,
    "SEEK_END": 2,
    "SEEK_DATA": 3,
    "AT_EMPTY_PATH": 0x1000,
    "AT_SYMLINK_NOFOLLOW": 0x100,
    "MADV_DONTNEED": 4,
}
POINTER = 1 << 40
CALL = re.compile(r"^\d+ (\w+)\((.*?)\)(?: = |$)")


@pytest.fixture(scope="module")
def traced(packages, tmp_path_factory) -> tuple[list, dict[str, list[tuple[str, list[int]]]]]:
    """What comes of it, and the calls of each role once its filter would be there."""
    place = tmp_path_factory.mktemp("traced")
    (deb,) = packages.this.glob("*_arm64.deb")
    root, made, logs = package_roots.unpacked(deb, place / "root"), place / "made", place / "logs"
    logs.mkdir()
    (made / "directory/inside").mkdir(parents=True)
    (made / "file").write_text("content")
    (made / "link").symlink_to("file")
    (made / "long").write_bytes(bytes(300_000))
    lib = root / PREFIX / "lib"
    argv = [lib / "ld-linux-aarch64.so.1", "--library-path", lib, root / PYTHON[1:], "-B", TESTS / "traced_readers.py"]
    said = must(["qemu-aarch64-static", "-strace", *argv, logs, made, *PATHS])
    roles = {f'"{FILTER}{len(program(calls, HERE))}"': role for role, calls in ROLES.items()}
    calls: dict[str, list[tuple[str, list[int]]]] = {}
    for log in logs.iterdir():
        _, mark, after = log.read_text().partition(f'"{FILTER}')
        if mark:
            calls[roles[f"{mark}{after.partition(',')[0]}"]] = list(made_of(after.splitlines()[1:]))
    at_first_hand = [each.said for each in tasks._all_ways(tasks.At(str(made), PATHS))]
    return [*json.loads(said), at_first_hand], calls


def made_of(lines: list[str]) -> Iterator[tuple[str, list[int]]]:
    for line in lines:
        if match := CALL.match(line):
            yield match[1], [number(word) for word in match[2].split(",")] if match[2] else []


def number(word: str) -> int:
    if word.startswith('"'):
        return POINTER
    total = 0
    for each in word.split("|"):
        total |= WORDS[each] if each in WORDS else int(each, 0)
    return total


def test_where_there_are_no_filters_nothing_is_read(traced):
    (as_it_is, _, _), _ = traced
    assert as_it_is == [BROKEN, 0]


def test_it_reads_what_is_read_at_first_hand(traced):
    (_, read, at_first_hand), _ = traced
    assert read == ["", at_first_hand]


@pytest.mark.parametrize("role", ROLES)
def test_the_filter_allows_each_call_that_it_makes(traced, role):
    _, calls = traced
    code, numbers = program(ROLES[role], HERE), {each.name: each.aarch64 for each in ROLES[role]}
    assert len(calls[role]) > 20
    answers = {
        (name, *arguments): name in numbers and run(code, call(AUDIT_ARCH[HERE], numbers[name], *arguments))
        for name, arguments in calls[role]
    }
    assert {each: answer for each, answer in answers.items() if answer != RETURN_ALLOW} == {}
