from dataclasses import replace

import pytest
from judged_containers import LIKELY, UNLIKELY, ids, judged
from observed import ENDPOINT, FACTS, changed, container, with_imds

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.rules.containers import RULE
from imds_probe.rules.rule import NothingToJudge

UNTESTED = "the given endpoint is on loopback, and every container has a loopback of its own"


def test_no_containers_nothing_to_report():
    assert RULE.judge(FACTS, Catalog(())) == []


def test_where_the_token_arrives_nothing_is_to_be_said():
    assert judged(container("web", 1, "ok", 2), container("host", 0, "ok", 2), limit=2) == []


def test_without_a_way_there_the_switch_changes_nothing():
    (finding,) = judged(container("web", None, "unreachable", environment=LIKELY))
    assert (finding.id, finding.severity, finding.implies) == ("metadata-unreachable", "info", None)


def test_no_way_over_the_second_address_is_how_most_are():
    both = container("web", 1, "ok", 2)
    both = replace(both, reach=(*both.reach, replace(both.reach[0], family="ipv6", token="refused", expected=None)))
    assert judged(both, limit=2) == []


@pytest.mark.parametrize("environment", [LIKELY, ()])
def test_not_measured_is_unknown(environment):
    (finding,) = judged(container("web", reach=(), not_measured="run as root", environment=environment))
    assert (finding.id, finding.implies, finding.evidence) == (
        "container-not-measured",
        "unknown",
        ("web: run as root",),
    )


def test_an_answer_that_makes_no_sense_is_not_measured():
    assert ids(container("web", 1, "error")) == {("container-not-measured", "unknown")}


def test_one_that_does_without_metadata_need_not_be_measured():
    assert judged(container("web", reach=(), not_measured="busy", environment=UNLIKELY)) == []


def test_a_pause_container_is_never_the_subject():
    assert judged(container("pause", 1, "lost", sandbox=True)) == []
    assert judged(container("pause", reach=(), not_measured="busy", sandbox=True)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"containers": None}, "the running containers could not be seen"),
        ({"containers_unseen": ("3 of 9 processes hide",)}, "not all running containers could be seen"),
    ],
)
def test_containers_that_nobody_saw_are_never_called_none(changes, words):
    run = CollectorRun("containers", "failed", 1.0, "no /proc")
    facts = changed(FACTS, collectors=(run,), **changes)
    (finding,) = RULE.judge(facts, Catalog(()))
    assert (finding.id, finding.implies, finding.summary) == ("containers-not-seen", "unknown", words)
    assert finding.evidence == (("no /proc",) if facts[Containers].containers is None else ("3 of 9 processes hide",))


def test_where_none_could_be_looked_for_that_is_the_reason():
    runs = (
        CollectorRun("running-containers", "failed", 1.0, "no /proc"),
        CollectorRun("containers", "failed", 1.0, "nobody to ask for"),
    )
    (finding,) = RULE.judge(changed(FACTS, collectors=runs, containers=None), Catalog(()))
    assert finding.evidence == ("no /proc",)


@pytest.mark.parametrize(
    ("status", "unseen", "fix"),
    [
        ("skipped", (), "Give the run more time with --timeout."),
        ("failed", (), "Run as root on the host."),
        ("partial", ("3 of 9 processes hide",), "Run as root on the host."),
    ],
)
def test_the_fix_for_unseen_containers_is_of_their_cause(status, unseen, fix):
    run = CollectorRun("containers", status, 1.0, "the cause")
    facts = changed(FACTS, collectors=(run,), containers=() if unseen else None, containers_unseen=unseen)
    (finding,) = RULE.judge(facts, Catalog(()))
    assert finding.fix.text.startswith(fix)


def test_with_the_endpoint_off_no_container_can_miss_it():
    facts = changed(with_imds(endpoint="disabled"), containers=None)
    assert isinstance(RULE.judge(facts, Catalog(())), NothingToJudge)


@pytest.mark.parametrize(
    ("containers", "wanted"),
    [
        (None, {("containers-not-seen", "unknown")}),
        ((), set()),
        ((container("web", reach=(), not_measured=UNTESTED),), {("container-not-measured", "unknown")}),
        (
            (
                container(
                    "web",
                    reach=(),
                    not_measured=UNTESTED,
                    environment=(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),),
                ),
            ),
            set(),
        ),
    ],
    ids=["unseen", "none", "one", "one that has credentials of its own"],
)
def test_an_endpoint_on_loopback_says_nothing_of_containers_that_are_there(containers, wanted):
    facts = changed(with_imds(endpoints=(replace(ENDPOINT, address="127.0.0.1"),), hop_limit=3), containers=containers)
    found = RULE.judge(facts, Catalog(()))
    assert {(each.id, each.implies) for each in found} == wanted
    for each in found:
        assert each.evidence
        if each.id == "container-not-measured":
            assert each.fix.text.startswith("Unset AWS_EC2_METADATA_SERVICE_ENDPOINT, and run imds-probe again.")
            assert "a run without AWS_EC2_METADATA_SERVICE_ENDPOINT" in each.settled_by


def test_what_time_was_lacking_for_is_settled_by_more_of_it():
    late = ("not all records of containers were read: the run's time limit came first",)
    (finding,) = RULE.judge(changed(FACTS, containers_unseen=late), Catalog(()))
    assert finding.settled_by == ("a run with more time (--timeout)", "the owner's acceptance of the risk ([[accept]])")
