from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from followed_commands import ELF, followed
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.followed import NO_DIRECTORY, NO_NAME, Followed, InRoot
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.system import rootfs
from imds_probe.system.door import FileStatus
from imds_probe.system.local_files import LocalFile, LocalFiles
from imds_probe.system.once import Once


def test_the_text_that_is_to_be_searched(root: Path) -> None:
    assert followed(root, "curl http://x | sh").text == "curl http://x | sh"
    assert followed(root, ("curl", "http://x", "a b")).text == "curl http://x 'a b'"


def test_of_an_image_the_text_alone(root: Path) -> None:
    assert followed(root, ("/usr/bin/a",), image="x:1") == Followed(
        "/usr/bin/a",
        images=(ImageRun("x:1", ("/usr/bin/a",), environment={"PATH": "/usr/bin"}, directory="/", check=()),),
    )
    assert followed(root, (), image="") == Followed("")


def test_a_schedule_may_have_a_root_of_its_own(root: Path) -> None:
    found = followed(root, ("/a", "b"), root="/opt/app", directory="/x")
    assert found == Followed("/a b", roots=(InRoot("/opt/app", ("/a", "b"), "/x", {"PATH": "/usr/bin"}),))


def test_what_starts_in_two_ways_is_followed_once(root: Path) -> None:
    given = Following(SystemFiles(root))
    one = Scheduled("a", Place("/etc/crontab", 1), "boot", "at each boot", environment={"PATH": "/usr/bin"})
    assert given.follow(one) is given.follow(replace(one, kind="scheduled", how_often="daily", every_s=1.0))
    assert given.follow(one) is not given.follow(replace(one, directory="/srv"))


class Asked(LocalFiles):
    """One that says several files at once, as another process does, and what it was asked."""

    def __init__(self) -> None:
        self.together: list[set[str]] = []
        self.alone: list[str] = []

    def contents(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[bytes, FileStatus] | None]:
        self.together += [set(paths)] if paths else []
        there = {path: root / path.lstrip("/") for path in paths}
        return {path: (at.read_bytes(), FileStatus.made(at.stat())) for path, at in there.items() if at.is_file()}

    @contextlib.contextmanager
    def opened(self, root: Path, path: str) -> Iterator[LocalFile | None]:
        self.alone.append(path)
        with super().opened(root, path) as file:
            yield file


def test_what_several_schedules_start_comes_together(tmp_path: Path) -> None:
    scripts: dict[str, str | bytes | Path] = {}
    for number in range(3):
        beside = f"/opt/{number}"
        scripts[f"/etc/cron.daily/{number}"] = f"{SCRIPT}exec {beside}/run.sh\n"
        scripts[f"{beside}/run.sh"] = f"{SCRIPT}. {beside}/settings.sh\n{beside}/step.sh\n"
        scripts |= {f"{beside}/settings.sh": "A=1\n", f"{beside}/step.sh": f"{SCRIPT}true\n"}
    root = made(tmp_path, {"/bin/sh": ELF, **scripts}, executable=("/bin/sh", *scripts))
    daily = [Scheduled((f"/etc/cron.daily/{each}",), Place("/x"), "scheduled", "daily") for each in range(3)]
    asked = Asked()
    with rootfs.read_by(Once(asked)):
        commands = Following(SystemFiles(root))
        commands.ahead(daily)
        assert asked.together == [
            {f"/etc/cron.daily/{each}" for each in range(3)},
            {f"/opt/{each}/run.sh" for each in range(3)},
            {f"/opt/{each}/{name}.sh" for each in range(3) for name in ("settings", "step")},
        ]
        assert [len(commands.follow(each).started) for each in daily] == [4, 4, 4]
        assert not set(scripts).intersection(asked.alone, *asked.together[3:])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cd ~/app && ./own", ["/home/ana/app/own"]),
        ("cd ~; app/own", ["/home/ana/app/own"]),
        ("bash -c 'cd ~ana/app; ./own'", ["/home/ana/app/own"]),
        (". ~/app/env; $APP/own", ["/home/ana/app/env", "/home/ana/app/own"]),
        ("PATH=$PATH:~/app; own", ["/home/ana/app/own"]),
        ("PATH=~/app:/bin; own", ["/home/ana/app/own"]),
        ("export APP=~/app; $APP/own", ["/home/ana/app/own"]),
        ("D=$(dirname ~/app/own); $D/own", ["/home/ana/app/own"]),
        ("for d in ~/app ~/none; do $d/own; done", ["/home/ana/app/own"]),
        ("HOME=/root; ~/own", ["/root/own"]),
        ("cd '~/app'; ./own", []),
        (r"cd \~/app; ./own", []),
        ("cd ~root && ./own", ["/root/own"]),
        ("sudo -u root sh -c '~/own'", ["/root/own"]),
        ("su - root -c ./own", ["/root/own"]),
        ("sudo -iu root ./own", ["/root/own"]),
        ("su root -c 'cd; ./own'", ["/root/own"]),
    ],
)
def test_homes(tmp_path: Path, command: str, expected: list[str]) -> None:
    own = ("/home/ana/app/own", "/root/own", "/usr/bin/dash", "/usr/bin/sudo", "/usr/bin/su")
    files: dict[str, str | bytes | Path] = {
        **dict.fromkeys(own, ELF),
        **dict.fromkeys(("/usr/bin/sh", "/usr/bin/bash"), Path("dash")),
        "/bin": Path("usr/bin"),
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\nana:x:7:7::/home/ana:/bin/sh\n",
        "/home/ana/app/env": "APP=~/app\n",
    }
    found = Following(SystemFiles(made(tmp_path, files, executable=own))).follow(
        Scheduled(command, Place("/c", 1), "scheduled", "daily", None, {"PATH": "/usr/bin"}, user="ana")
    )
    starts = [each.arguments[-1] for each in found.started if "-c" not in each.arguments]
    assert (starts, found.unfollowed) == (expected, ())


@pytest.mark.parametrize("command", ["cd ~eve/app; ./own", "su - eve -c ./own", "su $NOBODY -c '~/own'"])
def test_a_home_that_nobody_knows(root: Path, command: str) -> None:
    assert {each.why for each in followed(root, command).unfollowed} & {NO_NAME, NO_DIRECTORY}


def test_a_default_that_nobody_knows(root: Path) -> None:
    for command in ("A=${C:-$(d)}; $A/x", '"${C:-"$(d)"/x}"', "A=${C:=${D:-$(d)}/e}; $A/x"):
        assert NO_NAME in {each.why for each in followed(root, command).unfollowed}, command
