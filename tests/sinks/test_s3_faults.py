"""Many reports through an S3 that fails at random, from a sender that is killed: each is there once, and none is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from aws_server import PATIENCE_S
from fault_server import KINDS, at_random, one_after_another
from fault_store import faulty_store
from reports_made import report

from imds_probe.aws import calls, clients
from imds_probe.config import AwsConfig, Settings
from imds_probe.sinks.delivery import deliver, make_sinks
from imds_probe.sinks.s3 import S3Config
from imds_probe.sinks.settings import DeliveryConfig, SpoolConfig
from imds_probe.sinks.spool import STATES, WAITING, Spool

TESTS = Path(__file__).parents[1]
OWN = "i-0123456789abcdef0"
USER = f"AROAEXAMPLE123456789:{OWN}"
LATEST = f"imds-probe/latest/region=eu-west-1/{USER}.json.gz"
ENVIRON = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# Of each way to fail one, as many calls are made.
WORST = ("reset", "hang", "half", "400", "403", "throttle", "500", "expired")
HANGS_S = 2.0
DRIVER = """
import os, sys
from pathlib import Path
from test_s3_faults import numbered, sinks_for
from imds_probe.aws import calls, clients
from imds_probe.sinks.delivery import deliver
endpoint, state, first, last, clients.READ_S = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:5]), float(sys.argv[5])
calls.BASE_S = 0.001  # as in a service that fails this often nobody would wait
sinks, settings = sinks_for(endpoint)
for number in range(first, last):
    deliver(numbered(number), sinks, settings, state, lambda line: None)
    print(number, flush=True)
"""


def numbered(number: int) -> dict:
    day, second = divmod(number, 200)
    started_at = f"2026-11-{20 + day:02d}T05:{second // 60:02d}:{second % 60:02d}Z"
    instance = {"instance_id": OWN, "region": "eu-west-1"}
    return report(probe={"run_id": f"{number:032x}", "started_at": started_at}, instance=instance)


def sinks_for(endpoint: str):
    settings = Settings(
        AwsConfig(s3_endpoint=endpoint, sts_endpoint=endpoint),
        S3Config(bucket="reports-of-hosts"),
        DeliveryConfig(time_limit_s=60.0),
    )
    return make_sinks(["s3"], settings, {"AWS_EC2_METADATA_DISABLED": "true"}), settings


@pytest.fixture
def start(tmp_path):
    environ = ENVIRON | {"PYTHONPATH": f"{TESTS.parent}:{TESTS}:{TESTS}/sinks"}

    def driver(endpoint: str, first: int, last: int, answer_within_s: float) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", DRIVER, endpoint, str(tmp_path), str(first), str(last), str(answer_within_s)]
        return subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE)

    return driver


@pytest.fixture
def signed(monkeypatch):
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(calls, "BASE_S", 0.001)


def spooled(state: Path) -> set[int]:
    return {int(file.stem.rpartition("-")[2], 16) for file in (state / "spool/s3").glob("[0-9]*-*.*")}


def run_of(made: dict) -> int:
    return int(made["probe"]["run_id"], 16)


def delivering(store, state: Path, number: int) -> list[str]:
    said: list[str] = []
    sinks, settings = sinks_for(store.endpoint)
    deliver(numbered(number), sinks, settings, state, said.append)
    return said


@pytest.mark.parametrize(("reports", "most_kills"), [(16, 2), pytest.param(500, 30, marks=pytest.mark.soak)])
def test_reports_through_faults_and_kills_arrive_once(start, tmp_path, reports, most_kills):
    chance = random.Random(7)
    with faulty_store(at_random(11, 0.3, KINDS), USER) as store:
        first, kills = 0, 0
        while first < reports:
            with start(store.endpoint, first, reports, HANGS_S) as child:
                assert child.stdout
                if kills < most_kills:  # at any moment once it has begun
                    child.stdout.readline()
                    time.sleep(chance.uniform(0, 0.6))
                    child.send_signal(signal.SIGKILL)
                    kills += 1
                child.stdout.read()
            known = {*map(run_of, store.reports), *spooled(tmp_path)}
            first = max(known, default=-1) + 1  # a run that was killed before it had its report whole is made again
        assert known == set(range(reports))
        store.plan = one_after_another()
        start(store.endpoint, reports, reports + 1, PATIENCE_S).communicate()  # all is well again: the rest goes out
        assert Counter(map(run_of, store.reports)) == Counter(range(reports + 1))
        assert spooled(tmp_path) == set()
        assert run_of(store.latest(LATEST)) == reports
        met = {kind for kind, _ in store.requests}  # which of the faults is chance
        assert "ok" in met
        assert len(met & set(KINDS)) >= 2


@pytest.mark.usefixtures("signed")
def test_whatever_answer_a_call_gets_the_report_is_there_in_the_end(tmp_path, monkeypatch):
    """Whoever is asked: STS who this is, S3 to take the report, what is the newest, to replace it."""
    with faulty_store(lambda _: "ok", USER) as store:
        sinks, settings = sinks_for(store.endpoint)
        hasty, _ = sinks_for(store.endpoint)
        number = 0
        for at in range(4):
            for kind in WORST:
                # Only what hangs is not waited for: any other answer may take long.
                first = hasty if kind == "hang" else sinks
                monkeypatch.setattr(clients, "READ_S", 0.2 if kind == "hang" else PATIENCE_S)
                sinks[0]._caller = hasty[0]._caller = None
                state, said = tmp_path / f"{at}-{kind}", []
                done = len(store.requests) + at
                store.plan = lambda now, done=done, kind=kind: kind if 0 <= now - done < calls.ATTEMPTS else "ok"
                deliver(numbered(number), first, settings, state, said.append)
                spool = Spool(state / "spool/s3", SpoolConfig())
                assert spool.count(WAITING) == sum(map(spool.count, STATES)) == len(said), (at, kind, said)
                store.plan = lambda _: "ok"
                monkeypatch.setattr(clients, "READ_S", PATIENCE_S)
                deliver(numbered(number + 1), sinks, settings, state, said.append)
                number += 2
                assert sum(map(spool.count, STATES)) == 0, (at, kind, said)
                assert list(map(run_of, store.reports)) == [*range(number)], (at, kind)
                assert run_of(store.latest(LATEST)) == number - 1, (at, kind)


@pytest.mark.usefixtures("signed")
def test_who_is_denied_is_told_of_and_asked_for_anew(tmp_path):
    """Perhaps the instance got another role meanwhile."""
    with faulty_store(one_after_another("ok", "403"), USER) as store:
        sinks, settings = sinks_for(store.endpoint)
        said: list[str] = []
        deliver(numbered(1), sinks, settings, tmp_path, said.append)
        (line,) = said
        assert line.startswith(
            "s3: AWS does not allow it: AccessDenied in PutObject: Access Denied; 1 report waiting in "
        )
        assert "Allow it in the role's policy: see packaging/iam for PutObject." in line
        store.user = f"AROAANOTHER123456789:{OWN}"
        deliver(numbered(2), sinks, settings, tmp_path, said.append)
        assert len(said) == 1
        assert {key.rpartition("/")[2].partition(":")[0] for key in store.objects} == {"AROAANOTHER123456789"}
        assert list(map(run_of, store.reports)) == [1, 2]


@pytest.mark.usefixtures("signed")
def test_a_bucket_that_belongs_to_somebody_else_gets_nothing(tmp_path):
    with faulty_store(lambda _: "ok", USER) as store:
        settings = Settings(
            AwsConfig(s3_endpoint=store.endpoint, sts_endpoint=store.endpoint),
            S3Config(bucket="reports-of-hosts", owner="999999999999"),
        )
        said: list[str] = []
        deliver(numbered(1), make_sinks(["s3"], settings, {}), settings, tmp_path, said.append)
        assert "AccessDenied in PutObject" in said[0]
        assert store.objects == {}


@pytest.mark.usefixtures("signed")
def test_a_newest_report_that_may_not_be_read_is_named(tmp_path):
    with faulty_store(lambda _: "ok", USER) as store:
        assert delivering(store, tmp_path, 1) == []
        store.may_read = False
        (line,) = delivering(store, tmp_path, 2)
        assert f"s3://reports-of-hosts/{LATEST} cannot be replaced; " in line
        assert ". Allow s3:GetObject on it" in line
        assert "1 report waiting" in line
