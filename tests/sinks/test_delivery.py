"""Nothing is lost and nothing comes twice: many reports through a service that fails at random, and a sender that is killed."""

from __future__ import annotations

import datetime
import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from aws_server import PATIENCE_S
from fault_server import KINDS, at_random, faulty, one_after_another
from reports_made import report

from imds_probe.config import Settings
from imds_probe.sinks.delivery import deliver, make_sinks
from imds_probe.sinks.settings import DeliveryConfig, SpoolConfig
from imds_probe.sinks.sink import Report, SinkError
from imds_probe.sinks.spool import DOUBT, REFUSED, SENDING, STATES, WAITING, Spool, SpoolError

TESTS = Path(__file__).parents[1]


class Kept:
    """A sink that keeps what it gets, or says what the plan says."""

    name = "kept"

    def __init__(self, *plan: str | Exception, keeps_each: bool = True, repeatable: bool = False) -> None:
        self.keeps_each, self.repeatable = keeps_each, repeatable
        self._plan = list(plan)
        self.got: list[str] = []

    def send(self, made: Report, deadline: float) -> None:
        outcome = self._plan.pop(0) if self._plan else "ok"
        if isinstance(outcome, Exception):
            raise outcome
        if outcome != "ok":
            raise SinkError(f"it is {outcome}", outcome=outcome)  # type: ignore[arg-type]
        self.got.append(made["probe"]["run_id"][-3:])


def numbered(number: int) -> dict:
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=3600 - number)
    return report(probe={"run_id": f"{number:032x}", "started_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")})


def delivering(sink: Kept, state: Path, number: int) -> list[str]:
    said: list[str] = []
    deliver(numbered(number), [sink], Settings(), state, said.append)
    return said


def test_what_had_to_wait_goes_first(tmp_path):
    assert delivering(Kept("later"), tmp_path, 1) == [f"kept: it is later; 1 report waiting in {tmp_path}/spool/kept"]
    sink = Kept()
    assert delivering(sink, tmp_path, 2) == []
    assert sink.got == ["001", "002"]


def test_after_a_failure_no_more_are_tried(tmp_path):
    for number in (1, 2, 3):
        delivering(Kept("later"), tmp_path, number)
    sink = Kept("ok", "later")
    assert "3 reports waiting" in delivering(sink, tmp_path, 4)[0]
    assert sink.got == ["001"]


def test_what_is_refused_is_kept_aside_and_what_is_too_old_dropped_and_counted(tmp_path):
    for number in (1, 2, 3):
        delivering(Kept("later"), tmp_path, number)
    sink = Kept("too-old", "refused", "too-old")
    said = delivering(sink, tmp_path, 4)
    assert sink.got == ["004"]
    assert len(said) == 2
    assert said[0].endswith(REFUSED)
    assert said[1] == "kept: 2 reports dropped: older than this sink accepts"
    spool = Spool(tmp_path / "spool/kept", SpoolConfig())
    assert [spool.count(state) for state in STATES] == [0, 0, 0, 1]


def test_what_arrived_in_part_keeps_no_other_from_being_sent_and_the_newest_stands_for_all(tmp_path):
    for number in (1, 2):
        delivering(Kept("later"), tmp_path, number)
    said = delivering(Kept("in-part", "in-part", "in-part"), tmp_path, 3)
    assert said == [f"kept: it is in-part; 1 report waiting in {tmp_path}/spool/kept"]
    sink = Kept("in-part", "later")
    assert [line.partition(";")[0] for line in delivering(sink, tmp_path, 4)] == [
        "kept: it is later",
        "kept: it is in-part",
    ]
    sink = Kept("in-part")
    assert delivering(sink, tmp_path, 5) == []
    assert sink.got == ["004", "005"]
    assert delivering(sink, tmp_path, 6) == []
    assert sink.got == ["004", "005", "006"]


def test_what_may_have_arrived_is_not_sent_again(tmp_path):
    (line,) = delivering(Kept("in-doubt"), tmp_path, 1)
    assert "it may have arrived, so it is kept as" in line
    sink = Kept()
    delivering(sink, tmp_path, 2)
    assert sink.got == ["002"]
    assert Spool(tmp_path / "spool/kept", SpoolConfig()).count(DOUBT) == 1


def test_what_may_have_arrived_is_sent_again_where_that_does_no_harm(tmp_path):
    (line,) = delivering(Kept("in-doubt", repeatable=True), tmp_path, 1)
    assert line == f"kept: it is in-doubt; 1 report waiting in {tmp_path}/spool/kept"
    (waiting,) = (tmp_path / "spool/kept").glob(f"*{WAITING}")
    waiting.rename(waiting.with_suffix(SENDING))  # as a killed one leaves it
    sink = Kept(repeatable=True)
    assert delivering(sink, tmp_path, 2) == []
    assert sink.got == ["001", "002"]


def test_what_is_newest_only_is_not_kept(tmp_path):
    said = delivering(Kept("later", keeps_each=False), tmp_path, 1)
    assert said == ["kept: it is later; the next run tries again"]
    assert not (tmp_path / "spool").exists()


def test_an_error_of_the_system_is_one_of_the_sink(tmp_path):
    (line,) = delivering(Kept(PermissionError(13, "Permission denied", "/x")), tmp_path, 1)
    assert line.startswith("kept: Permission denied: /x; 1 report waiting")


def test_without_a_spool_it_is_sent_all_the_same(tmp_path):
    (tmp_path / "file").write_text("")
    sink = Kept()
    (line,) = delivering(sink, tmp_path / "file", 1)
    assert f"{tmp_path}/file is a file, not a directory" in line
    assert sink.got == ["001"]
    said = delivering(Kept("later"), tmp_path / "file", 2)
    assert said[1] == "kept: it is later; this sink does not get this report"


def test_where_the_disk_is_full_what_waits_goes_out_all_the_same(tmp_path, monkeypatch):
    delivering(Kept("later"), tmp_path, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imds_probe.sinks.spool.replace", full)
    sink = Kept()
    (line,) = delivering(sink, tmp_path, 2)
    assert "cannot be written: No space left on device" in line
    assert sink.got == ["002", "001"]


def test_a_spool_that_cannot_be_bounded_sends_nothing_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(Spool, "bound", lambda _: (_ for _ in ()).throw(SpoolError("the spool cannot be bounded")))
    sink = Kept()
    assert delivering(sink, tmp_path, 1) == ["kept: the spool cannot be bounded"]
    delivering(sink, tmp_path, 2)
    assert sink.got == ["001", "002"]


def test_a_spool_that_cannot_be_opened_keeps_no_other_sink_from_its_report(tmp_path):
    (tmp_path / "spool").mkdir(0o700)
    (tmp_path / "spool/kept").symlink_to(tmp_path)
    first, other = Kept(), Kept()
    other.name = "other"
    said: list[str] = []
    deliver(numbered(1), [first, other], Settings(), tmp_path, said.append)
    assert (first.got, other.got) == (["001"], ["001"])
    (line,) = said
    assert line.startswith(f"kept: the spool {tmp_path}/spool/kept is not used: ")


CALLS = (
    "open",
    "close",
    "mkdir",
    "lstat",
    "stat",
    "fstat",
    "listdir",
    "rename",
    "replace",
    "unlink",
    "fsync",
    "fchmod",
)


class Faulty:
    """Has the call number `at` of those to the system do what `fault` does, before or after it did what it should."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, fault: Callable[[], None], *, after: bool) -> None:
        self.made, self._at, self._fault, self._after = 0, at, fault, after
        for module, name in [*((os, name) for name in CALLS), (fcntl, "flock")]:
            monkeypatch.setattr(module, name, self._wrapped(getattr(module, name)))

    def _wrapped(self, call: Callable[..., object]) -> Callable[..., object]:
        def act(*args: object, **keywords: object) -> object:
            self.made += 1
            hit = self.made == self._at
            if hit and not self._after and call.__name__ != "close":  # which closes, whatever it says: close(2)
                self._fault()
            try:
                return call(*args, **keywords)
            finally:
                if hit:
                    self._fault()

        return act


def breaks() -> None:
    raise OSError(errno.EIO, "Input/output error")


def at_each_call(act: Callable[[int, bool], int]) -> None:
    """Act with a fault at the first call, the second one, and so on, as long as there are so many."""
    for after in (False, True):
        at = 1
        while act(at, after) >= at:
            at += 1
        assert at > 30, "it calls the system less often than it must"


def test_whatever_call_to_the_system_fails_a_report_arrives_once_or_is_kept(tmp_path):
    def act(at: int, after: bool) -> int:
        state, sink = tmp_path / f"{at}-{after}", Kept()
        with pytest.MonkeyPatch.context() as patch:
            faulty = Faulty(patch, at, breaks, after=after)
            deliver(numbered(1), [sink], Settings(SpoolConfig(reports=3)), state, lambda _: None)
        delivering(sink, state, 2)
        times = Counter(sink.got)
        assert times["002"] == 1, (at, after)
        kept = [file.suffix for file in state.glob("spool/kept/[0-9]*1.*")]
        assert times["001"] + len(kept) >= 1, (at, after)
        assert times["001"] <= 1, (at, after)
        assert set(kept) <= {DOUBT}, (at, after)
        return faulty.made

    at_each_call(act)


def test_at_whatever_call_it_is_killed_a_report_arrives_once_at_most(tmp_path):
    def act(at: int, after: bool) -> int:
        state, taken = tmp_path / f"{at}-{after}", tmp_path / f"{at}-{after}.taken"

        class Noted(Kept):
            def send(self, made: Report, deadline: float) -> None:
                with taken.open("a") as file:
                    file.write(made["probe"]["run_id"][-3:] + "\n")

        child = os.fork()
        if not child:
            faulty = Faulty(pytest.MonkeyPatch(), at, lambda: os.kill(os.getpid(), signal.SIGKILL), after=after)
            deliver(numbered(1), [Noted()], Settings(), state, lambda _: None)
            os._exit(0 if faulty.made < at else 1)
        ended = os.waitpid(child, 0)[1]
        delivering(Noted(), state, 2)
        times = Counter(taken.read_text().split())
        assert (times["001"] <= 1, times["002"]) == (True, 1), (at, after)
        kept = {file.suffix for file in state.glob("spool/kept/[0-9]*1.*")}
        assert kept <= {DOUBT}, (at, after)
        assert ended in (0, signal.SIGKILL)
        return 0 if ended == 0 else at

    at_each_call(act)


def test_one_sink_that_hangs_leaves_time_for_the_next(tmp_path, monkeypatch):
    """By a clock that passes nowhere else: a machine that stands still must not take the time of the second."""
    now, until = [0.0], []
    monkeypatch.setattr("imds_probe.sinks.delivery.time", SimpleNamespace(monotonic=lambda: now[-1]))

    class Slow(Kept):
        def send(self, made: Report, deadline: float) -> None:
            until.append(deadline)
            now.append(deadline)
            raise SinkError("it hangs")

    class Next(Kept):
        def send(self, made: Report, deadline: float) -> None:
            until.append(deadline)
            super().send(made, deadline)

    sink = Next()
    deliver(numbered(1), [Slow(), sink], Settings(DeliveryConfig(time_limit_s=8.0)), tmp_path, lambda _: None)
    assert (sink.got, until) == (["001"], [4.0, 8.0])


# Some of what fails hangs. An answer that only takes long must not be taken for one: it would be in doubt, too.
HANGS_S = 2.0
DRIVER = """
import sys
from pathlib import Path
from test_delivery import numbered
from imds_probe.aws import calls, clients
from imds_probe.config import AwsConfig, Settings
from imds_probe.sinks.delivery import deliver, make_sinks
from imds_probe.sinks.settings import DeliveryConfig
endpoint, state, first, last, clients.READ_S = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:5]), float(sys.argv[5])
calls.BASE_S = 0.001  # as in a service that fails this often nobody would wait
settings = Settings(AwsConfig(logs_endpoint=endpoint), DeliveryConfig(time_limit_s=60.0))
sinks = make_sinks(["cloudwatch-logs"], settings, {"AWS_EC2_METADATA_DISABLED": "true"})
for number in range(first, last):
    deliver(numbered(number), sinks, settings, state, lambda line: None)
    print(number, flush=True)
"""


@pytest.fixture
def driver(tmp_path):
    environ = {
        "PYTHONPATH": f"{TESTS.parent}:{TESTS}:{TESTS}/sinks",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_REGION": "eu-west-1",
    }

    def start(endpoint: str, first: int, last: int, answer_within_s: float) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", DRIVER, endpoint, str(tmp_path), str(first), str(last), str(answer_within_s)]
        return subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE)

    return start


def arrived(taken: list[bytes]) -> Counter[int]:
    ids = [json.loads(json.loads(body)["logEvents"][0]["message"])["probe"]["run_id"] for body in taken]
    return Counter(int(each, 16) for each in ids)


def spooled(state: Path) -> Mapping[int, str]:
    files = (state / "spool/cloudwatch-logs").glob("[0-9]*-*.*")
    return {int(file.stem.rpartition("-")[2], 16): file.suffix for file in files}


@pytest.mark.parametrize(("reports", "most_kills"), [(40, 3), pytest.param(2000, 50, marks=pytest.mark.soak)])
def test_reports_through_faults_and_kills_arrive_once_or_are_in_the_spool(driver, tmp_path, reports, most_kills):
    chance = random.Random(7)
    plan = at_random(11, 0.3, [kind for kind in KINDS if kind not in ("missing",)])
    with faulty(plan) as server:
        first, kills = 0, 0
        while first < reports:
            with driver(server.endpoint, first, reports, HANGS_S) as child:
                assert child.stdout
                if kills < most_kills:  # at any moment once it has begun
                    child.stdout.readline()
                    time.sleep(chance.uniform(0, 0.6))
                    child.send_signal(signal.SIGKILL)
                    kills += 1
                child.stdout.read()
            known = {*arrived(server.taken), *spooled(tmp_path)}
            first = max(known) + 1  # a run that was killed before it had its report whole is made again
        assert known == set(range(reports))
        server.plan = one_after_another()
        child = driver(server.endpoint, reports, reports + 1, PATIENCE_S)  # all is well again: the rest goes out
        child.communicate()
        times, left = arrived(server.taken), spooled(tmp_path)
    assert max(times.values()) == 1, [number for number, count in times.items() if count > 1]
    assert set(times) | set(left) == set(range(reports + 1))
    assert set(left.values()) <= {DOUBT, REFUSED}
    twice = set(times) & set(left)
    assert {left[number] for number in twice} <= {DOUBT}
    # What is kept is what the service refused for good, or left in the dark about; the rest has arrived.
    assert len(times) > 0.7 * reports
    assert SENDING not in left.values() and WAITING not in left.values()


@pytest.mark.timeout(300)  # three interpreters that load botocore, beside whatever else runs
def test_two_at_once_send_nothing_twice(driver, tmp_path):
    """The second one's reports come by way of the first, or wait.

    Nobody fails here, so an answer has all the time there is: one that is late is in doubt, and rightly not sent again.
    """
    with faulty(lambda _: "ok") as server:
        children = [driver(server.endpoint, start, start + 25, PATIENCE_S) for start in (0, 25)]
        for child in children:
            child.communicate()
        last = driver(server.endpoint, 50, 51, PATIENCE_S)
        last.communicate()
        assert arrived(server.taken) == Counter(range(51))
    assert spooled(tmp_path) == {}


def test_a_region_is_missing_and_the_report_waits(tmp_path, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    sinks = make_sinks(["cloudwatch"], Settings(), {"AWS_EC2_METADATA_DISABLED": "true"})
    made = numbered(1)
    made["instance"]["region"] = None
    said: list[str] = []
    deliver(made, sinks, Settings(), tmp_path, said.append)
    assert said[0].startswith("cloudwatch: no AWS Region is known; 1 report waiting in ")
    assert said[0].endswith("/spool/cloudwatch. Set aws.region in the configuration, or AWS_REGION.")
    assert Spool(tmp_path / "spool/cloudwatch", SpoolConfig()).count(WAITING) == 1


@pytest.mark.parametrize("keeps_each", [True, False])
@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), MemoryError(), RecursionError()], ids=repr)
def test_a_bug_of_one_sink_is_told_and_keeps_nothing_from_the_others(tmp_path, error, keeps_each):
    broken, works = Kept(error, keeps_each=keeps_each), Kept(keeps_each=keeps_each)
    broken.name = "broken"
    said: list[str] = []
    told: list[tuple[str, BaseException]] = []
    deliver(numbered(1), [broken, works], Settings(), tmp_path, said.append, bug=lambda *bug: told.append(bug))
    assert (works.got, told, said) == (["001"], [("the sink broken", error)], [])
    deliver(numbered(2), [broken, works], Settings(), tmp_path, said.append)
    # It may have arrived: it is kept, not sent again, and no later report waits for it.
    assert (broken.got, works.got, said) == (["002"], ["001", "002"], [])
    assert Spool(tmp_path / "spool/broken", SpoolConfig()).count(DOUBT) == keeps_each


def test_a_sink_that_cannot_be_made_by_a_bug_is_told_and_left_out(monkeypatch):
    from imds_probe.sinks import delivery

    class Broken:
        def make(self, *_):
            raise ImportError("botocore is damaged")

    known = delivery.declared
    monkeypatch.setattr(delivery, "declared", lambda name: Broken() if name == "cloudwatch" else known(name))
    told: list[str] = []
    made = make_sinks(["cloudwatch", "file"], Settings(), {}, lambda part, _: told.append(part))
    assert ([each.name for each in made], told) == (["file"], ["the sink cloudwatch"])
