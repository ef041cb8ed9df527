import os
import subprocess
import sys

import pytest
from soon import wait_for

from imds_probe.collect import environment
from imds_probe.collect.environment import AT_A_TIME, LIMIT_BYTES, collect, of_several
from imds_probe.facts.sdk_settings import SdkSettings, Variable, names_of


def write(proc, pid, content, arguments=b"x\0"):
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "environ").write_bytes(content)
    (proc / str(pid) / "cmdline").write_bytes(arguments)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ((),)),
        (b"PATH=/bin\0HOME=/\0", ((),)),
        (b"AWS_REGION=eu-west-1\0PATH=/bin\0", (("AWS_REGION",),)),
        (b"HTTP_PROXY=http://proxy:3128\0PATH=/bin\0", (("HTTP_PROXY",),)),
        (b"HTTP_PROXY=http://proxy:3128\0AWS_REGION=a\0", (("AWS_REGION", "HTTP_PROXY"),)),
        (b"AWS_REGION=\0AWS_ROLE_ARN=x=y\0", (("AWS_REGION", "AWS_ROLE_ARN"),)),
        (b"MY_AWS_REGION=x\0aws_region=x\0AWS_REGION\0", ((),)),
        (b"\xff\xfe=1\0AWS_PROFILE=\xff\0", (("AWS_PROFILE",),)),
        (b"X=AWS_REGION=1\nAWS_PROFILE=2\0", ((),)),
        # What overwrites its environment, with what it calls itself and nothing else, tells nothing.
        (b"nginx: worker process\0\0\0\0", ()),
        (bytes(99), ()),
        (b"http_proxy=http://proxy:3128\0", (("HTTP_PROXY",),)),
        (b"http_proxy=http://proxy:3128\0no_proxy=169.254.169.254\0", ((),)),
    ],
)
def test_names_of_one_process(tmp_path, content, expected):
    write(tmp_path, 1, content)
    found = collect(tmp_path, [1])
    assert names_of(found) == expected


def test_each_set_of_names_once(tmp_path):
    for pid, content in enumerate([b"AWS_REGION=a\0", b"AWS_REGION=\0", b"AWS_PROFILE=c\0", b"X=1\0"], 1):
        write(tmp_path, pid, content)
    found = collect(tmp_path, range(1, 5))
    assert [[(each.name, each.value) for each in some.variables] for some in found] == [
        [],
        [("AWS_PROFILE", "set")],
        [("AWS_REGION", "empty")],
        [("AWS_REGION", "set")],
    ]
    assert names_of(found) == ((), ("AWS_PROFILE",), ("AWS_REGION",))


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [(b"", b"sh\0", True), (b"", b"", False), (b"PATH=/bin\0", b"", True), (b"\0\0\0", b"nginx: worker\0", False)],
)
def test_one_that_runs_without_variables_counts_beside_others(tmp_path, content, arguments, told):
    """As a child of cron does. One that has ended has no arguments either."""
    write(tmp_path, 1, b"AWS_ACCESS_KEY_ID=a\0")
    write(tmp_path, 2, content, arguments)
    assert (SdkSettings() in collect(tmp_path, [1, 2])) == told


@pytest.mark.parametrize(
    ("error", "told"),
    [(PermissionError, True), (TimeoutError, True), (FileNotFoundError, False), (ProcessLookupError, False)],
)
def test_one_that_cannot_be_read_may_set_nothing(tmp_path, monkeypatch, error, told):
    def heads(proc, paths, limit):
        return [error() if path.startswith("2/") else b"AWS_PROFILE=a\0" for path in paths]

    monkeypatch.setattr(environment, "heads", heads)
    assert (SdkSettings() in collect(tmp_path, [1, 2])) == told
    assert collect(tmp_path, [2]) is None


ROLE = b"AWS_ROLE_ARN=arn:aws:iam::1:role/x\0AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/t\0"


@pytest.mark.parametrize("content", [b"PATH=/command:/bin\0", b""])
@pytest.mark.parametrize(
    ("exe", "told"),
    [
        ("/package/admin/s6-2.12/command/s6-supervise", False),
        ("/usr/bin/runsv", False),
        ("/usr/sbin/sshd (deleted)", False),
        ("/usr/bin/tini", False),
        ("/usr/bin/python3.11", True),
        ("/usr/bin/s6", True),
        ("/usr/bin/cronjob", True),
        (None, True),
    ],
)
def test_a_supervisor_that_sets_nothing_says_nothing_of_what_it_starts(tmp_path, content, exe, told):
    write(tmp_path, 1, content)
    write(tmp_path, 2, ROLE)
    if exe:
        (tmp_path / "1/exe").symlink_to(exe)
    assert (SdkSettings() in collect(tmp_path, [1, 2])) == told
    assert collect(tmp_path, [1]) == (SdkSettings(),)  # alone, it is all that is known


def test_what_a_supervisor_does_set_counts(tmp_path):
    write(tmp_path, 1, b"AWS_REGION=a\0")
    (tmp_path / "1/exe").symlink_to("/usr/bin/tini")
    write(tmp_path, 2, ROLE)
    assert len(collect(tmp_path, [1, 2])) == 2


def test_nobody_to_be_read_is_not_the_same_as_nothing_set(tmp_path):
    assert collect(tmp_path, [7]) is None
    assert collect(tmp_path, []) is None


def test_each_container_has_what_its_own_processes_set(tmp_path):
    pids = {name: range(first, first + AT_A_TIME - 1) for name, first in (("a", 1), ("b", 100), ("gone", 200))}
    for pid in (*pids["a"], *pids["b"]):
        write(tmp_path, pid, b"AWS_REGION=a\0" if pid < 100 else b"AWS_PROFILE=b\0" if pid == 100 else b"")
    found = of_several(tmp_path, pids)
    assert {key: some and names_of(some) for key, some in found.items()} == {
        "a": (("AWS_REGION",),),
        "b": ((), ("AWS_PROFILE",)),
        "gone": None,
    }
    assert of_several(tmp_path, {}) == {}


def test_several_are_read_in_one_go(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(environment, "heads", lambda proc, paths, limit: asked.append(paths) or [b"A="] * len(paths))
    of_several(tmp_path, {number: [number] for number in range(AT_A_TIME + 1)})
    assert [len(paths) for paths in asked] == [AT_A_TIME, 1]


def test_a_value_is_never_kept(tmp_path):
    write(tmp_path, 1, b"AWS_SECRET_ACCESS_KEY=hunter2\0AWS_ACCESS_KEY_ID=AKIA\0")
    assert "hunter2" not in repr(collect(tmp_path, [1]))


def test_a_fifo_does_not_block(tmp_path):
    (tmp_path / "1").mkdir()
    os.mkfifo(tmp_path / "1/environ")
    assert collect(tmp_path, [1]) is None


def test_reading_is_bounded(tmp_path, monkeypatch):
    write(tmp_path, 1, b"X=" + b"y" * LIMIT_BYTES + b"\0AWS_REGION=1\0")
    assert collect(tmp_path, [1]) == (SdkSettings(),)
    monkeypatch.setattr(environment, "PROCESSES_MAX", 2)
    for pid in range(2, 5):
        write(tmp_path, pid, b"AWS_PROFILE=1\0")
    # Where there are more, nobody knows what these are told.
    assert names_of(collect(tmp_path, [2, 3, 4])) == ((), ("AWS_PROFILE",))
    assert names_of(collect(tmp_path, [2, 3])) == (("AWS_PROFILE",),)


def test_all_processes_of_a_busy_container_are_read(tmp_path):
    for pid in range(1, 200):
        write(tmp_path, pid, b"AWS_ACCESS_KEY_ID=a\0" if pid < 199 else b"AWS_REGION=a\0")
    assert names_of(collect(tmp_path, range(1, 200))) == (("AWS_ACCESS_KEY_ID",), ("AWS_REGION",))


def test_a_real_process():
    from pathlib import Path

    names = {"AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_V1_DISABLED": "true", "PATH": "/bin"}
    child = subprocess.Popen([sys.executable, "-c", "input()"], env=names, stdin=subprocess.PIPE)
    expected = SdkSettings((Variable("AWS_EC2_METADATA_V1_DISABLED", "true"), Variable("AWS_REGION", "set")))
    try:
        wait_for(lambda: collect(Path("/proc"), [child.pid]) == (expected,))
    finally:
        child.communicate(b"\n")
