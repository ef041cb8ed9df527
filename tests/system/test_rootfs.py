import os
import socket

import pytest

from imds_probe.system import confined
from imds_probe.system.confined import DEPTH_MAX
from imds_probe.system.local_files import LocalFiles
from imds_probe.system.rootfs import LIMIT_BYTES, FileUnreadable, names, read, read_json


@pytest.fixture(params=["by the kernel", "by steps"], autouse=True)
def way(request, monkeypatch):
    """Both ways to look paths up: the second is what kernels before 5.6 get."""
    if request.param == "by steps":
        monkeypatch.setattr(confined, "by_kernel", lambda root_fd, path: None)


@pytest.fixture
def root(tmp_path):
    """A root with a file in it, and something outside that must not be reached."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("outside")
    made = tmp_path / "root"
    (made / "data").mkdir(parents=True)
    (made / "data/file").write_text("inside")
    return made


def test_reading(root):
    assert read(root, "/data/file") == b"inside"
    assert read(root, "data//./file") == b"inside"
    assert read(root, "data/../data/file") == b"inside"


@pytest.mark.parametrize("path", ["data/none", "none/file", "data/file/below", "x" * 200])
def test_nothing_there(root, path):
    assert read(root, path) is None
    assert read_json(root, path) is None
    assert names(root, path) == ()


def test_no_root(tmp_path):
    assert read(tmp_path / "none", "file") is None


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("data/link", "../../outside/secret"),
        ("data/link", "/outside/secret"),
        ("data/link", "../../../../../../../../outside/secret"),
        ("link/../../outside/secret", None),
    ],
)
def test_no_link_leads_out_of_the_root(root, link, target):
    if target:
        (root / link).symlink_to(target)
    assert read(root, link) is None


def test_the_root_of_this_very_process_does_not_lead_out(root):
    (root / "link").symlink_to(f"/proc/{os.getpid()}/root{root.parent}/outside/secret")
    assert read(root, "link") is None


@pytest.mark.parametrize("target", ["/moved", "moved", "../moved", "./x/../moved"])
def test_links_inside_the_root_are_followed(root, target):
    (root / "moved").mkdir()
    (root / "x").mkdir()
    (root / "moved/file").write_text("moved")
    (root / "link").symlink_to(target)
    assert read(root, "link/file") == b"moved"
    assert names(root, "link") == ("file",)


def test_a_loop_of_links_ends(root):
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(FileUnreadable, match="too many symbolic links"):
        read(root, "a/file")


def test_links_that_multiply_end(root):
    (root / "z0").mkdir()
    for level in range(1, 30):
        (root / f"z{level}").symlink_to(f"z{level - 1}/../z{level - 1}")
    with pytest.raises(FileUnreadable, match="too many symbolic links"):
        read(root, "z29/file")


def test_depth_is_bounded(root):
    here = root
    for _ in range(DEPTH_MAX + 5):
        here = here / "d"
        here.mkdir()
    with pytest.raises(FileUnreadable, match="too deep"):
        read(root, "d/" * (DEPTH_MAX + 5) + "file")


def test_what_is_no_file_is_neither_opened_nor_waited_for(root):
    os.mkfifo(root / "fifo")
    os.mknod(root / "tty", 0o20600, os.makedev(5, 0))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        for name in ("fifo", "tty", "socket", "data"):
            with pytest.raises(FileUnreadable, match="not a regular file"):
                read(root, name)
    assert names(root, "fifo") == ()


def test_size_is_bounded(root):
    (root / "fits").write_bytes(b"x" * LIMIT_BYTES)
    (root / "huge").write_bytes(b"x" * (LIMIT_BYTES + 1))
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert len(read(root, "fits")) == LIMIT_BYTES
    for name in ("huge", "sparse"):
        with pytest.raises(FileUnreadable, match="more than"):
            read(root, name)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 500_000, b'{"a": ' + b"9" * 9000 + b"}", b"{}x"])
def test_what_is_not_json_is_said(root, content):
    (root / "bad").write_bytes(content)
    with pytest.raises(FileUnreadable, match="is not JSON"):
        read_json(root, "bad")


def test_json(root):
    (root / "good").write_text('{"a": [1, "\\u00e9"]}')
    assert read_json(root, "good") == {"a": [1, "é"]}


def test_names_are_sorted_and_bounded(root, monkeypatch):
    for name in ("c", "a", "b"):
        (root / "data" / name).touch()
    assert names(root, "data") == ("a", "b", "c", "file")
    monkeypatch.setattr(LocalFiles, "entries_max", 2)
    assert len(names(root, "data")) == 2


def test_a_nul_byte_is_not_a_crash(root):
    with pytest.raises(FileUnreadable, match="NUL"):
        read(root, "da\0ta")


def test_no_permission_is_told_from_nothing_there(root):
    (root / "data").chmod(0)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.chdir(root)  # what leads here belongs to root
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            read(root.relative_to(root), "data/file")
        except FileUnreadable as trouble:
            code = 0 if "denied" in trouble.problem and trouble.remedy else 2
        except PermissionError:
            code = 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_no_descriptor_is_left_open(root):
    (root / "link").symlink_to("/data/../data/file")
    (root / "a").symlink_to("a")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        read(root, "link")
        read(root, "data/none/x")
        names(root, "data")
        with pytest.raises(FileUnreadable):
            read(root, "a")
        with pytest.raises(FileUnreadable):
            read(root, "data")
    assert len(os.listdir("/proc/self/fd")) == before
