from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules.commands.other_roots import Entered, directory_of, entered
from imds_probe.inventory.schedules.system_files import SystemFiles


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("chroot /srv/x a b", Entered(("a", "b"), "/srv/x")),
        ("chroot --userspec=1:1 --groups=1 -- /srv/x a", Entered(("a",), "/srv/x")),
        ("chroot /srv/x", Entered((), "/srv/x")),
        ("chroot", Entered(())),
        ("arch-chroot -u ana /srv/x a", Entered(("a",), "/srv/x")),
        ("unshare -rR/srv/x a", Entered(("a",), "/srv/x")),
        ("unshare -rm a", None),
        ("unshare -R/srv/x a", Entered(("a",), "/srv/x")),
        ("unshare --pid --fork -S 1 --root /srv/x -w /y a", Entered(("a",), "/srv/x", within="/y")),
        ("unshare --pid a", None),
        ("unshare -R / a", Entered(("a",), "/")),
        ("systemd-nspawn --quiet -D/srv/x -M y --bind-ro=/a:/b -u ana a -b", Entered(("a", "-b"), "/srv/x", "y")),
        ("systemd-nspawn --machine=x --chdir=y a", Entered(("a",), "", "x")),
        ("systemd-nspawn -bD /srv/x", Entered(())),
        ("systemd-nspawn --boot -D /srv/x", Entered(())),
        ("systemd-nspawn -i /srv/x.raw a", Entered(())),
        ("schroot -c sid -u root -d /y -- a -c", Entered(("a", "-c"), "", "sid", "/y")),
        ("schroot --all a", Entered(())),
        ("proot -r /srv/x -b /a:/b -w /y a b", Entered(("a", "b"), "/srv/x", within="/y")),
        ("proot -0 -R/srv/x a", Entered(("a",), "/srv/x")),
        ("proot -b /a:/b a", None),
        ("proot -r / a", None),
        (
            "bwrap --bind /srv/x / --ro-bind /a /b --unshare-net --chdir /y a -b",
            Entered(("a", "-b"), "/srv/x", within="/y"),
        ),
        ("bwrap --dev /dev --setenv A b --ro-bind /srv/x / -- a", Entered(("a",), "/srv/x")),
        ("bwrap --ro-bind / / --tmpfs /tmp a", None),
        ("bwrap --ro-bind /usr /usr a", None),
        ("systemd-run -qtp MemoryMax=1G -p RootDirectory=/srv/x a b", Entered(("a", "b"), "/srv/x")),
        ("systemd-run --property=RootDirectory=/srv/x --unit y a", Entered(("a",), "/srv/x")),
        ("systemd-run -p MemoryMax=1G a", None),
        ("sudo a", None),
    ],
)
def test_what_runs_in_another_root(command: str, expected: Entered | None) -> None:
    program, *arguments = command.split()
    assert entered(program, arguments) == expected


def test_a_word_that_only_running_tells() -> None:
    assert entered("chroot", [None, "a"]) == Entered(("a",))
    assert entered("chroot", ["/srv/x", None]) == Entered((None,), "/srv/x")
    assert entered("schroot", ["-c", None, "a"]) == Entered(("a",))


CONF = "# comment\n[sid]\ntype=directory\ndirectory = /srv/sid\n\n[tar]\ntype=file\nfile=/srv/tar\naliases=x\n"
MORE = "[bullseye]\ndescription=[x\naliases=old, stable\ndirectory=/srv/bullseye\n[last]\nlocation=/srv/last\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sid", "/srv/sid"),
        ("chroot:sid", "/srv/sid"),
        ("source:stable", "/srv/bullseye"),
        ("last", "/srv/last"),
        ("tar", ""),
        ("x", ""),
        ("none", ""),
    ],
)
def test_directories_of_schroot(tmp_path: Path, name: str, expected: str) -> None:
    files = SystemFiles(made(tmp_path, {"/etc/schroot/schroot.conf": CONF, "/etc/schroot/chroot.d/more": MORE}))
    assert directory_of("schroot", name, files) == expected


def test_directories_of_machines(tmp_path: Path) -> None:
    assert directory_of("systemd-nspawn", "x", SystemFiles(tmp_path)) == "/var/lib/machines/x"
    assert directory_of("systemd-nspawn", "../x", SystemFiles(tmp_path)) == ""
