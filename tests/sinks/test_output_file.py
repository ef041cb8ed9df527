import os
import stat
import threading
import time

import pytest

from imds_probe.sinks.output_file import LEFT_OVER_AFTER_S, SUFFIX, check_replaceable, replace, replace_in


@pytest.fixture
def directory(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_the_umask_is_kept_to_where_no_mode_is_given(tmp_path, directory):
    before = os.umask(0o077)
    try:
        replace(tmp_path / "a", b"1")
        replace_in(directory, "b", b"2", 0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o644
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"1", b"2")


def test_a_planted_link_is_replaced_and_not_followed(tmp_path, directory):
    victim, planted = tmp_path / "victim", tmp_path / "out"
    victim.write_text("mine")
    planted.symlink_to(victim)
    replace_in(directory, "out", b"ours", 0o600)
    assert (victim.read_text(), planted.read_text(), planted.is_symlink()) == ("mine", "ours", False)
    assert sorted(os.listdir(tmp_path)) == ["out", "victim"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_left_alone(tmp_path, directory, make):
    make(tmp_path / "out")
    with pytest.raises(OSError, match="what is there is no file"):
        replace_in(directory, "out", b"")
    assert os.listdir(tmp_path) == ["out"]
    check_replaceable(directory, "nothing")


def test_no_reader_sees_half_a_file(tmp_path, directory):
    sizes, path, done = set(), tmp_path / "out", threading.Event()
    replace_in(directory, "out", b"x" * 300_000)

    def read():
        while not done.is_set():
            sizes.add(len(path.read_bytes()))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        replace_in(directory, "out", b"x" * 300_000)
    done.set()
    reader.join()
    assert sizes == {300_000}


def test_what_killed_writers_left_goes_after_an_hour(tmp_path, directory):
    ago = time.time() - LEFT_OVER_AFTER_S - 10
    names = {"old": f".out.0a0b0c0d{SUFFIX}", "young": f".out.11111111{SUFFIX}", "other": f".more.0a0b0c0d{SUFFIX}"}
    for name in names.values():
        (tmp_path / name).touch()
    for kind in ("old", "other"):
        os.utime(tmp_path / names[kind], (ago, ago))
    os.symlink("/nowhere", tmp_path / f".out.22222222{SUFFIX}")
    os.utime(tmp_path / f".out.22222222{SUFFIX}", (ago, ago), follow_symlinks=False)
    replace_in(directory, "out", b"")
    assert sorted(os.listdir(tmp_path)) == sorted(["out", names["young"], names["other"], f".out.22222222{SUFFIX}"])


def test_nothing_is_left_where_it_fails(tmp_path, directory):
    with pytest.raises(OSError, match="(?i)name too long"):
        replace(tmp_path / ("x" * 250), b"")
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "missing/out", b"")
