"""What is looked at where, and what is left alone; what each collector finds is its own tests'."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from contexts import reader
from patience import be_patient
from soon import SOON_S
from watched_calls import SEEN

from imds_probe import observation
from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.collecting import Collecting
from imds_probe.collect.collector import Collected, Collector, Question
from imds_probe.collect.context import RunRequest
from imds_probe.config import AwsConfig
from imds_probe.facts.callers import Callers
from imds_probe.facts.containers import Containers
from imds_probe.facts.imds import Imds
from imds_probe.facts.software import Installed
from imds_probe.facts.switched import Switched
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import from_environment
from imds_probe.observation import observe
from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE


def observed(root: Path, environ: dict[str, str], **request):
    collecting = Collecting(time.monotonic() + 2 * SOON_S, lambda _: None)
    asked = RunRequest(environ=environ, root=root, **request)
    counter = RequestCounter()
    facts = observe(asked, from_environment(environ), Catalog.load(), counter, collecting, reader=reader())
    return facts, {run.id: run for run in facts.collectors}, counter


@pytest.fixture(autouse=True)
def machine_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
    return root


def test_elsewhere_software_is_looked_at_and_nobody_is_asked(root):
    (root / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    facts, runs, counter = observed(root, {})
    assert (facts.get(Imds), facts.get(Containers), facts.get(Callers)) == (None, None, None)
    assert (counter.imdsv1, counter.imdsv2) == (0, 0)
    assert runs["dpkg"].status == "ok"
    assert {"options", "containers", "metadata-no-token"} & set(runs) == set()


@pytest.mark.parametrize(
    ("tokens", "compare", "asked"),
    [("optional", AwsConfig(), True), ("required", AwsConfig(), True), ("optional", None, False)],
)
def test_cloudwatch_is_asked_only_where_its_count_says_something(root, tmp_path, tokens, compare, asked):
    now = time.time()
    with History(tmp_path / FILE) as history:
        history.record([(SEEN, None)], now - 100, now)
    with Simulator() as simulator:
        simulator.update(http_tokens=tokens)
        environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url}
        facts, runs, _ = observed(root, environ, options=(CallersOptions(tmp_path, compare=compare),))
    assert facts.get(Callers) is not None
    assert ("metadata-no-token" in runs) is asked
    if asked:
        assert runs["metadata-no-token"].status == "nothing"
        assert "hours in a row" in runs["metadata-no-token"].reason
    switched = facts.get(Switched)
    assert (switched is not None) is (tokens == "required")
    if switched is not None:
        assert not switched.kept  # the environment names the endpoint
        assert switched.watched is not None


def test_one_that_was_left_behind_takes_no_questions_place(root, monkeypatch):
    over, late = threading.Event(), threading.Event()

    def hang(_):
        over.wait()
        late.set()
        return Collected()

    def ask(context, facts, subjects):
        over.set()
        late.wait()
        return Collected((Installed(()),))

    slow = Collector("slow", hang, (), "this", aside=True, time_s=0.2)
    question = Question("question", lambda facts, _: facts[Installed].software, ask, "that")
    monkeypatch.setattr(observation, "COLLECTORS", (*observation.COLLECTORS, slow))
    monkeypatch.setattr(observation, "QUESTIONS", (question,))
    monkeypatch.setattr(observation, "ORDER", (*observation.ORDER, "slow", "question"))
    (root / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    facts, runs, _ = observed(root, {})
    assert (runs["slow"].status, runs["question"].status) == ("failed", "ok")
    assert facts[Installed].software == ()


def test_collectors_that_wait_for_each_other_are_a_mistake_that_is_named(root, monkeypatch):
    class One: ...

    class Other: ...

    first = Collector("first", lambda _: Collected(), (One,), "this", needs=(Other,))
    second = Collector("second", lambda _: Collected(), (Other,), "that", needs=(One,))
    monkeypatch.setattr(observation, "COLLECTORS", (first, second))
    with pytest.raises(ValueError, match="wait for each other: first, second"):
        observed(root, {})


def test_one_that_does_not_apply_has_nobody_wait_for_what_works_aside(root, monkeypatch):
    came = threading.Event()

    def come(_):
        came.set()
        return Collected()

    def wait(_):
        return Collected(nothing="" if came.wait(SOON_S) else "nobody came")

    none = Collector("none", lambda _: Collected(), (), "this", applies=lambda _: False)
    aside = Collector("aside", wait, (), "that", aside=True)
    monkeypatch.setattr(observation, "COLLECTORS", (none, aside, Collector("next", come, (), "those")))
    monkeypatch.setattr(observation, "ORDER", ("none", "aside", "next"))
    monkeypatch.setattr(observation, "QUESTIONS", ())
    monkeypatch.setattr(observation, "JOINS", ())
    _, runs, _ = observed(root, {})
    assert {each.id: each.status for each in runs.values()} == {"aside": "ok", "next": "ok"}
