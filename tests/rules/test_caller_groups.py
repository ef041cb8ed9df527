from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, IMDS, changed
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.rules.callers import RULE
from imds_probe.verdict import decide
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog.load()
CURL = replace(CALLER, unit="cron.service", token="none", origin="process", served=3, started_by="cron")
DNS, TAGS = (replace(CURL, script=f"/usr/local/bin/{name}") for name in ("register-dns", "tag-host"))
ELSEWHERE = replace(CURL, script="/opt/agent", path="/openstack/latest/", path_class="other-cloud", served=0)


def facts(*by: CallerSeen, **more):
    callers = callers_of(
        by, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    return changed(FACTS, callers=callers, **more)


def judged(*by: CallerSeen, **more):
    return RULE.judge(facts(*by, **more), CATALOG)


def test_two_scripts_that_cron_starts_are_two_findings_each_with_its_script():
    dns, tags = sorted(judged(DNS, TAGS, replace(DNS, path_class="token")), key=lambda each: each.subject)
    assert (dns.subject, tags.subject) == (DNS.script, TAGS.script)
    assert dns.summary.startswith(
        "/usr/local/bin/register-dns, started by cron (curl, cron.service) called IMDSv1 6 times"
    )


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"started_by": None}, "cron.service"),  # the unit's own program
        ({"started_by": None, "unit": None}, "/usr/local/bin/register-dns"),
        ({"container": "web", "container_id": "1" * 64}, "web: /usr/local/bin/register-dns"),
        ({"container": "web", "container_id": "1" * 64, "script": None}, "web"),
        ({"script": None}, "cron.service"),
        ({"script": None, "unit": None}, "/usr/bin/curl"),
    ],
)
def test_a_finding_is_about_what_somebody_would_mend(changes, subject):
    (found,) = judged(replace(DNS, **changes))
    assert found.subject == subject


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "it asked for paths of another cloud's metadata service"),
        ({"path_class": "head", "path": "/"}, "it only asked whether anything answers (HEAD)"),
        ({"path_class": "other", "path": "/…"}, "the service does not have the path (404)"),
    ],
)
def test_what_takes_nothing_is_said_and_blocks_nothing(changes, says):
    (found,) = judged(replace(ELSEWHERE, **changes))
    assert (found.id, found.severity, found.implies) == ("imdsv1-without-effect", "info", None)
    assert says in found.summary


@pytest.mark.parametrize(
    "changes",
    [
        {"served": 1},  # something answers there
        {"served": None},  # an earlier report does not know
        {"path_class": "meta-data", "path": "/latest/meta-data/spot/instance-action"},  # it may be there tomorrow
        {"path_class": "other", "path": "/", "refused": 3},
        {"path_class": "other", "path": "/", "program": "others"},  # many together, whatever each of them asked for
    ],
)
def test_what_may_take_something_blocks(changes):
    (found,) = judged(replace(ELSEWHERE, **changes))
    assert (found.id, found.implies) == ("imdsv1-caller", "not-ready")


def test_a_request_for_no_content_that_was_served_is_a_warning():
    (found,) = judged(replace(ELSEWHERE, path_class="head", path="/", served=2))
    assert (found.severity, found.implies) == ("warning", None)
    assert "the service may have answered 2 times without an error" in found.summary


def test_beside_calls_that_take_nothing_a_verdict_is_as_sure_as_without():
    there = facts(ELSEWHERE)
    found = tuple(each.by("callers") if hasattr(each, "by") else each for each in RULE.judge(there, CATALOG))
    verdict = decide(there, found, (), CATALOG)
    assert verdict.state == "ready"
    assert "no call by IMDSv1 that returned metadata was seen in" in verdict.reasons[0]
    assert there[Callers].imdsv1 == ELSEWHERE.count
    assert there[Callers].losing == 0


def test_where_tokens_are_required_nothing_is_said_of_it():
    assert judged(ELSEWHERE, imds=replace(IMDS, tokens="required")) == []


def test_of_whom_no_process_is_known_each_place_is_a_finding():
    where = {"client": "10.0.0.9", "interface": "tap0", "origin": "virtual-machine"}
    machine = replace(CURL, program="virtual machine", exe=None, unit=None, **where)
    found = judged(machine, replace(machine, client="10.0.0.8"))
    assert len(found) == 2
    assert found[0].summary.startswith("a virtual machine behind tap0 at 10.0.0.9 called IMDSv1 3 times")
    slirp = replace(CURL, program="/usr/bin/slirp4netns", origin="user-mode-network", unit=None)
    assert judged(slirp)[0].summary.startswith("the user-mode network /usr/bin/slirp4netns called")


JENKINS = replace(CURL, script="/tmp/jenkins2938472938472.sh", unit="jenkins.service", started_by="java")


def test_scripts_with_names_made_up_for_each_run_are_one_finding_and_the_last_is_quoted():
    last = replace(JENKINS, script="/tmp/jenkins8872635412233.sh", last_seen="2023-11-14T23:00:00Z")
    (found,) = judged(JENKINS, last)
    assert found.subject == "/tmp/jenkins*.sh"
    assert found.summary.startswith(
        "/tmp/jenkins*.sh, started by java (curl, jenkins.service) called IMDSv1 6 times, last at 2023-11-14T23:00:00Z"
    )
    assert f"last script: {last.script}" in found.evidence


@pytest.mark.parametrize(
    "changes",
    [
        {"script": "/tmp/hudson8872635412233.sh"},
        {"unit": "teamcity.service"},
        {"program": "/usr/bin/wget"},
        {"uid": 1000},
        {"container": "ci", "container_id": "1" * 64},
        {"token": "forbidden"},
    ],
)
def test_what_differs_in_anything_else_is_another_finding(changes):
    assert len(judged(JENKINS, replace(JENKINS, **{"script": "/tmp/jenkins8872635412233.sh", **changes}))) == 2


def test_instances_of_a_unit_that_somebody_named_are_two_findings():
    named = [replace(CURL, unit=f"backup@{name}.service", script="/usr/local/bin/backup") for name in ("db1", "db2")]
    assert len(judged(*named)) == 2
    for_connections = [replace(each, unit=f"backup@{at}-77-0.service") for at, each in enumerate(named)]
    assert len(judged(*for_connections)) == 1


STEP = replace(
    CURL, unit=None, started_by=None, token="lost", token_ttl=1, distance=1, container="1" * 12, container_id="1" * 64
)


def test_containers_that_have_ended_and_of_which_nothing_is_known_are_one_finding():
    steps = [replace(STEP, container=f"{number}" * 12, container_id=f"{number}" * 64) for number in range(1, 6)]
    (found,) = judged(*steps)
    assert (found.subject, found.implies) == ("containers that have ended", "needs-hop-limit")
    assert found.summary.startswith("/usr/bin/curl in 5 containers that have ended called IMDSv1 15 times")
    assert len(judged(steps[0], replace(steps[1], container="web"))) == 2  # that has a name
    assert len(judged(steps[0], replace(steps[1], script="/build/step.sh"))) == 2
    assert len(judged(steps[0], replace(steps[1], image="ci:1"))) == 2


def test_of_those_put_together_the_farthest_says_which_hop_limit_cures():
    far = replace(
        STEP, container="2" * 12, container_id="2" * 64, distance=2, token_ttl=2, first_seen="2023-11-14T21:00:00Z"
    )
    far = replace(far, last_seen="2023-11-14T22:00:00Z")
    (found,) = judged(STEP, far, imds=replace(IMDS, hop_limit=2))
    assert (found.id, found.implies) == ("imdsv1-fallback", "needs-hop-limit")
    assert "hop limit 3 cures that" in found.summary
    (found,) = judged(STEP, far, imds=replace(IMDS, hop_limit=3))
    assert found.implies is None


@pytest.mark.parametrize(
    ("one", "other", "findings"),
    [
        ("team-a/report-1/main", "team-b/report-1/main", 2),
        ("team-a/report-1/main", "team-b/report-2/main", 2),
        ("team-a/report-1/main", "team-a/report-2/main", 1),  # the next of one job
        ("report-1/main", "report-2/main", 1),  # of no namespace that is known
        ("web-1", "web-2", 1),
    ],
)
def test_pods_that_have_ended_are_one_only_within_their_kubernetes_namespace(one, other, findings):
    """Whoever accepts the risk of one namespace's pod does not speak for another's."""
    ended = [
        replace(CURL, unit=None, container=name, container_id=str(number) * 64, image="registry.example/tool:1")
        for number, name in enumerate((one, other))
    ]
    found = judged(*ended)
    assert len(found) == findings
    if findings == 2:
        assert {each.subject for each in found} == {one, other}
