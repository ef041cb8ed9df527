"""What runs in containers and other roots."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import followed, names


def test_images_that_a_command_runs(root: Path) -> None:
    found = followed(root, "docker run --rm x:1 && sudo podman run -d y; docker ps; nerdctl run $NONE")
    assert [each.name for each in found.images] == ["x:1", "y"]


@pytest.mark.parametrize(
    ("command", "directory", "words", "within"),
    [
        ("chroot /opt/app /a -b", "/opt/app", ("/a", "-b"), "/"),
        ("cd /opt && chroot app a $NONE", "/opt/app", ("a", ""), "/"),
        ("D=/opt/app; sudo nice chroot --userspec=u:g $D sh -c 'a; b'", "/opt/app", ("sh", "-c", "a; b"), "/"),
        ("unshare -m --root=/opt/app --wd /x a", "/opt/app", ("a",), "/x"),
        ("systemd-nspawn -q -D /opt/app --chdir=/x -E A=1 a", "/opt/app", ("a",), "/x"),
    ],
)
def test_what_runs_in_another_root(
    root: Path, command: str, directory: str, words: tuple[str, ...], within: str
) -> None:
    (found,) = followed(root, command).roots
    assert (found.directory, found.words, found.within) == (directory, words, within)
    assert found.environment["PATH"] == "/usr/bin"


def test_without_another_root_unshare_starts_a_program_here(root: Path) -> None:
    found = followed(root, "unshare --net -w /opt a")
    assert (names(found), found.roots, found.unfollowed) == (["a"], (), ())
