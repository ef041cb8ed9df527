from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from imds_probe.inventory.packages.rooted import LINKS_MAX, LinkLoop, resolve, to_look
from imds_probe.system.confined import FileFailed, FileUnanswered


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_text("of the host")
    made = tmp_path / "root"
    (made / "a/b").mkdir(parents=True)
    (made / "a/b/file").write_text("of the root")
    return made


def test_plain_paths(root: Path) -> None:
    assert resolve(root, "a/b/file") == root / "a/b/file"
    assert resolve(root, "/a//./b/file") == root / "a/b/file"
    assert resolve(root, "a/none") is None
    assert resolve(root, "a/b/file/below") is None
    assert resolve(root, "") == root


@pytest.mark.parametrize("target", ["/a/b", "a/b", "../../../a/b", "/../a/./b", "../a/b/"])
def test_links_stay_inside(root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    assert resolve(root, "link/file") == root / "a/b/file"


@pytest.mark.parametrize("target", ["../outside", "../../outside", "/outside", "/etc/passwd"])
def test_no_link_leads_out(root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    assert resolve(root, "link") is None


def test_a_link_to_the_hosts_own_place_is_none_of_the_roots(root: Path) -> None:
    (root / "link").symlink_to(str(root.parent / "outside"))
    assert resolve(root, "link") is None


def test_links_are_bounded(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(LinkLoop, match="too many symbolic links"):
        resolve(root, "loop")
    for number in range(LINKS_MAX + 1):
        os.symlink("a/b" if number == LINKS_MAX else f"chain{number + 1}", root / f"chain{number}")
    assert resolve(root, "chain1/file") == root / "a/b/file"
    with pytest.raises(LinkLoop):
        resolve(root, "chain0/file")


@pytest.mark.parametrize(
    ("trouble", "remedy"),
    [
        (OSError(errno.EACCES, "Permission denied"), "Run as root"),
        (OSError(errno.EHOSTDOWN, "its file system does not answer"), ""),
        (FileFailed("var/lib/snapd cannot be read: Permission denied"), "Run as root"),
        (FileUnanswered("var/lib/snapd cannot be read: its file system does not answer"), ""),
    ],
)
def test_root_is_no_remedy_for_a_file_system_that_does_not_answer(trouble: OSError | FileFailed, remedy: str) -> None:
    assert to_look(trouble) == remedy
