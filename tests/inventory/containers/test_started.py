import os

import pytest

from imds_probe.inventory.containers.description import Started
from imds_probe.inventory.containers.processes import walk
from imds_probe.inventory.containers.started import booted_at, by_pid_file, by_words, is_first

BOOTED = 1_700_000_000


def test_a_file_with_a_number_counts_from_its_writing(tmp_path):
    (tmp_path / "init.pid").write_text("77\n")
    os.utime(tmp_path / "init.pid", (BOOTED, BOOTED))
    assert by_pid_file(tmp_path, "/init.pid", (0,)) == Started(77, BOOTED)
    assert by_pid_file(tmp_path, "/init.pid", (4242,)) is None
    os.chown(tmp_path / "init.pid", 4242, 4242)
    assert by_pid_file(tmp_path, "/init.pid", (0,)) is None


@pytest.mark.parametrize("content", ["", "0", "-1", "1 2", "x", "1" * 30, "\u0661"])
def test_a_file_that_holds_no_number(tmp_path, content):
    (tmp_path / "init.pid").write_text(content)
    assert by_pid_file(tmp_path, "/init.pid", (0,)) is None


def test_a_file_that_is_none(tmp_path):
    os.mkfifo(tmp_path / "init.pid")
    assert by_pid_file(tmp_path, "/init.pid", (0,)) is None
    assert by_pid_file(tmp_path, "/none", (0,)) is None


@pytest.mark.parametrize("at", ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123456789Z"])
def test_dockers_words(at):
    assert by_words(77, at) == Started(77, BOOTED)


@pytest.mark.parametrize(
    ("pid", "at"),
    [
        (0, "2023-11-14T22:13:20Z"),
        (True, "2023-11-14T22:13:20Z"),
        ("77", "2023-11-14T22:13:20Z"),
        (77, "2023-11-14T22:13:20+01:00"),
        (77, "2023-11-14"),
        (77, ""),
        (77, None),
        (77, 1_700_000_000),
    ],
)
def test_words_that_say_nothing(pid, at):
    assert by_words(pid, at) is None


def test_when_the_system_was_started(tmp_path):
    assert booted_at(tmp_path) is None
    (tmp_path / "stat").write_text(f"cpu 1 2 3\nbtime {BOOTED}\nprocesses 9\n")
    assert booted_at(tmp_path) == BOOTED
    (tmp_path / "stat").write_text("cpu 1 2 3\n")
    assert booted_at(tmp_path) is None


@pytest.mark.parametrize(
    ("started", "booted", "expected"),
    [
        (Started(50, BOOTED + 10), BOOTED, True),
        (Started(50, BOOTED + 999), BOOTED, True),  # it was made some time before it was started
        (Started(50, BOOTED + 9), BOOTED, True),  # clocks are not exact
        (Started(50, BOOTED + 5), BOOTED, False),
        (Started(51, BOOTED + 10), BOOTED, False),
        (Started(50, BOOTED + 10), None, False),
    ],
)
def test_the_number_and_the_time_have_to_be_right(tree, started, booted, expected):
    tree.add(50, start=1000)  # 10 s after the start
    process = next(each for each in walk(tree.path).processes if each.pid == 50)
    assert is_first(process, started, booted) is expected
