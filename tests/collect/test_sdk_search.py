"""What somebody on the host or in a container can do to the search: it costs his own evidence, and nobody else's.

Each attack is prepared as files, and looked at by the very workers of a run, beside an old SDK on the host and another one in
a container.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fuse_share import share
from sdk_attacks import ATTACKS, archive, values_without_number
from sdk_systems import System, container, record
from soon import SOON_S

from imds_probe.collect import sdk_disks
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.sdk_search import STUCK_SHARE, Search
from imds_probe.collect.sdk_systems import System as Looked
from imds_probe.collect.sdk_tasks import Used
from imds_probe.collect.sdks import SdksFound
from imds_probe.inventory.sdks import files
from imds_probe.inventory.sdks.recogniser import Files
from imds_probe.reading.reader import OUT_OF_TIME, Answer, Reader
from imds_probe.system.confined import given_up

STRANGER = 4242
OLD, ALSO_OLD = "1.12.0", "1.12.1"
GIVEN_UP = given_up("").strip()


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A host with an old SDK in use by its last process."""
    made = System(tmp_path)
    record(made.root, "botocore", OLD)
    made.process(900, made.root)
    return made


@pytest.fixture(scope="module")
def looker() -> Iterator[Reader]:
    with Reader(READING, memory_mib=READING_MIB) as made:
        yield made


def beside(system: System, looker: Reader, *pids: int, deadline_s: float = SOON_S, containers=()) -> SdksFound:
    """What is found with these processes of a stranger's on the host, and these containers of theirs; the old ones are."""
    web = system.image("web")
    record(web, "botocore", ALSO_OLD)
    for pid in pids:
        os.chown(system.proc / str(pid), STRANGER, STRANGER)
    system.process(901, web)
    began = time.monotonic()
    everything = [*containers, container("web", 901)]
    found = system.look(*pids, 900, containers=everything, by=looker, deadline_s=deadline_s)
    assert time.monotonic() - began < deadline_s + SOON_S
    in_use = {(each.version, each.container) for each in found.software if each.pids and each.package == "botocore"}
    assert in_use >= {(OLD, None), (ALSO_OLD, "web")}, found
    return found


TLS = "7f0000-7f1000 r-xp 00000000 08:01 4242 /usr/lib/libssl.so.3\n"
PROGRAMS = ("/usr/bin/python3", "/usr/bin/ruby3.1", "/usr/bin/java", "/usr/bin/php8")


@pytest.mark.parametrize(("attack", "place"), list(zip(ATTACKS, itertools.cycle(("host", "container")), strict=False)))
def test_an_attack_costs_its_own_evidence_only(
    system: System, looker: Reader, tmp_path: Path, attack: Callable[[Path], str], place: str
) -> None:
    root = system.root if place == "host" else system.image("evil")
    evil = root / "srv/evil"
    evil.mkdir(parents=True)
    said = attack(evil).replace(str(root), "")
    programs = (*PROGRAMS, "/srv/evil/program") if said == "program" else PROGRAMS
    pids = [
        system.process(5 + number, root, exe=program, env=f"{said}\0", cwd="/srv/evil" if said == "php" else "/")
        for number, program in enumerate(programs)
    ]
    if place == "host":
        beside(system, looker, *pids)
    else:
        beside(system, looker, containers=[container("evil", *pids)])


def test_a_file_that_takes_more_memory_than_there_is_is_given_up_and_said(system: System, looker: Reader) -> None:
    evil = system.root / "srv/evil"
    evil.mkdir(parents=True)
    values_without_number(evil)
    pids = [system.process(pid, system.root, exe="/usr/bin/php8", cwd="/srv/evil") for pid in (5, 6, 7)]
    found = beside(system, looker, *pids)
    assert [each for each in found.unseen if each.endswith(GIVEN_UP)] == [
        f"/srv/evil/vendor/composer/installed.json {GIVEN_UP}"
    ]
    assert found.partial.startswith("/srv/evil")


@pytest.mark.parametrize("how", ["loops", "raises", "dies"])
def test_what_a_recogniser_does_at_one_file_is_that_files_own(
    system: System, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whatever fault there may be in one, and whatever a stranger makes of it. Another archive beside it is still read."""
    (system.root / "evil.jar").write_bytes(b"evil")
    (system.root / "good.jar").write_bytes(
        archive({"META-INF/maven/com.amazonaws/aws-java-sdk-core/pom.properties": b"version=1.11.1\n"})
    )
    claims = files._BY_CLAIM["archive"]
    (java, archives), *others = claims

    def faulty(file, names):
        file.seek(0)
        if file.read(4) == b"evil":
            while how == "loops":
                time.monotonic()
            if how == "dies":
                os._exit(1)
            raise KeyError("a bug")
        return archives.libraries(file, names)

    monkeypatch.setitem(files._BY_CLAIM, "archive", [(java, Files("archive", faulty, ends=archives.ends)), *others])
    pid = system.process(5, system.root, exe="/usr/bin/java", env="CLASSPATH=/evil.jar:/good.jar\0")
    with Reader(READING, memory_mib=READING_MIB) as faulty_reader:
        found = beside(system, faulty_reader, pid, deadline_s=8 * STUCK_SHARE)
    assert ("1.11.1", (5,)) in {(each.version, each.pids) for each in found.software}
    assert f"/evil.jar {GIVEN_UP}" in found.unseen


def test_who_has_many_such_files_does_not_have_others_wait(system: System, looker: Reader) -> None:
    """Each of them takes a parser's life. His next ones are looked at when everybody else was."""
    pids = []
    for number in range(25):
        evil = system.root / f"srv/{number}"
        evil.mkdir(parents=True)
        values_without_number(evil)
        pids.append(system.process(5 + number, system.root, exe="/usr/bin/php8", cwd=f"/srv/{number}"))
    found = beside(system, looker, *pids, deadline_s=15)
    assert found.unseen


@pytest.mark.parametrize("operation", ["lookup", "getattr", "read"])
def test_a_share_that_never_answers_costs_what_lies_on_it(system: System, tmp_path: Path, operation: str) -> None:
    place = tmp_path / "share"
    with (
        Reader(READING, memory_mib=READING_MIB) as own,
        share(place, operation, started=("/bin/sleep", "600")) as (server, _),
    ):
        inside = Path(f"/proc/{server}/root")
        env = f"PYTHONPATH={place}:{tmp_path}/old\0CLASSPATH={place}/file:{place}\0GEM_HOME={place}\0"
        record(tmp_path, "botocore", "1.12.2", "old")
        programs = (*PROGRAMS, f"{place}/file")
        pids = [
            system.process(5 + number, inside, exe=program, env=env, maps=TLS)
            for number, program in enumerate(programs)
        ]
        found = beside(system, own, containers=[container("evil", *pids)])
    assert ("1.12.2", "evil") in {(each.version, each.container) for each in found.software if each.pids}
    if operation != "getattr":  # what the kernel knows without asking suffices there
        assert any("does not answer" in each or GIVEN_UP in each for each in (*found.unseen, *found.left_out)), found


@pytest.mark.parametrize("reply_s", [0.9, 5.0], ids=["the opener's time is over", "the search's time is over"])
def test_a_share_that_costs_the_whole_time_of_the_search_is_named(
    system: System, monkeypatch: pytest.MonkeyPatch, reply_s: float
) -> None:
    """There is no other look that would pass it over, and say so."""
    monkeypatch.setattr(sdk_disks, "DISK_TIME_S", 0.3)
    with (
        Reader(READING, memory_mib=READING_MIB, reply_s=reply_s) as own,
        share(system.root / "opt", "lookup") as (server, _),
    ):
        system.root = Path(f"/proc/{server}/root{system.root}")  # whose mounts the share is one of
        found = beside(system, own)
    assert any("/opt" in each for each in found.left_out), found.left_out


def test_a_share_over_a_programs_own_libraries_is_named(system: System, tmp_path: Path) -> None:
    """Nobody knows what such a program uses, on the host or in a container."""
    (tmp_path / "venv/lib/python3.11").mkdir(parents=True)
    place = tmp_path / "venv/lib/python3.11/site-packages"
    with (
        Reader(READING, memory_mib=READING_MIB) as own,
        share(place, "readdir", started=("/bin/sleep", "600")) as (server, _),
    ):
        there, python = Path(f"/proc/{server}/root"), f"{tmp_path}/venv/bin/python3.11"
        ours, theirs = (system.process(pid, there, exe=f"{there}{python}", argv=[python], maps=TLS) for pid in (5, 6))
        found = beside(system, own, ours, containers=[container("evil", theirs)])
    said = f"{place} cannot be read: its file system does not answer"
    assert {said, f"evil: {said}"} <= set(found.unseen)


OF_USER = "/user.slice/user-1000.slice/user@1000.service/app.slice/run.scope"
OF_SYSTEM = "/system.slice/app.service"


class Telling:
    """A reader that says this of each process, and then fails by this."""

    def __init__(self, failed: str = "", **said: bool) -> None:
        self._said, self._failed = said, failed

    def ask(self, task, using, roots, deadline, *, seen, stuck_s):
        del task, roots, deadline, stuck_s
        for pid in using.processes.pids if self._said else ():
            seen(Used(pid, done=True, **self._said))
        return Answer((), self._failed)


@pytest.mark.parametrize(
    ("reader", "unseen", "hidden", "trouble"),
    [
        (Telling(unanswered=True), ["process 7 does not answer"], 0, "process 8, which a user runs, does not answer"),
        (Telling(hidden=True), [], 1, "process 8, which a user runs, could not be inspected"),
        (
            Telling(failed="it died"),
            ["process 7 was not inspected: it died"],
            0,
            "process 8, which a user runs, was not inspected: it died",
        ),
    ],
)
def test_what_a_user_hides_of_his_own_holds_no_switch_up(system: System, reader, unseen, hidden, trouble) -> None:
    """He could hide all that he runs. Of a service of the system, or of root, it may be what breaks."""
    system.process(7, system.root, cgroup=OF_SYSTEM)
    system.process(8, system.root, cgroup=OF_USER)
    search = Search(Looked(system.root, (7, 8)), system.proc, {}, reader, lambda *_: None)
    search.look(time.monotonic() + SOON_S)
    assert (search.unseen, search.hidden, search.troubles, search.left) == (unseen, hidden, [trouble], [])


def test_who_had_no_turn_in_time_is_counted_by_whose_he_is(system: System) -> None:
    for pid, cgroup in ((7, OF_SYSTEM), (8, OF_USER), (9, OF_USER)):
        system.process(pid, system.root, cgroup=cgroup)
    search = Search(Looked(system.root, (7, 8, 9)), system.proc, {}, Telling(failed=OUT_OF_TIME), lambda *_: None)
    search.look(time.monotonic() - 1)
    assert search.late() == (1, 2)
