from dataclasses import replace

import pytest
from judged_containers import UNLIKELY, ids, judged
from observed import HOST, changed, container, with_containers
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.imds import Imds
from imds_probe.rules.containers import RULE
from imds_probe.watch.evidence import callers_of

WITH_TOKEN = replace(
    CALLER, version="v2", path_class="token", token="answered", token_ttl=3, distance=1, unit=None, origin="process"
)
JOB = replace(WITH_TOKEN, container="job", container_id="9" * 64, image="ci:1")
MACHINE = replace(WITH_TOKEN, program="virtual machine", pid=None, client="192.168.122.5", origin="virtual-machine")


def _lower(*by, limit=3, containers=()):
    callers = callers_of(
        by, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    found = judged(*containers, limit=limit, callers=callers)
    return [each.summary for each in found if each.id == "hop-limit-higher-than-needed"]


@pytest.mark.parametrize(("hops", "limit", "warned"), [(1, 3, True), (2, 3, False), (0, 2, True), (0, 1, False)])
def test_a_limit_higher_than_anything_needs(hops, limit, warned):
    findings = judged(container("web", hops, "ok", limit), limit=limit)
    assert [(f.id, f.severity, f.implies) for f in findings] == [
        ("hop-limit-higher-than-needed", "warning", None)
    ] * warned
    assert all(f"needs more than {hops + 1}" in f.summary for f in findings)


def test_a_host_that_is_switched_lowers_its_limit_by_a_command_that_leaves_the_tokens_required():
    facts = with_containers(container("web", 1, "ok", 3), limit=3)
    (finding,) = RULE.judge(changed(facts, imds=replace(facts[Imds], tokens="required")), Catalog(()))
    (command,) = finding.fix.commands
    assert command.endswith(" --http-put-response-hop-limit 2 --http-endpoint enabled")
    assert "switch command" not in finding.fix.text


def test_whether_it_is_higher_than_needed_is_not_said_when_not_all_was_seen():
    assert ids(limit=5, containers_unseen=("hidden",)) == {("containers-not-seen", "unknown")}
    blind = container("web", reach=(), not_measured="no root")
    assert ids(blind, limit=5) == {("container-not-measured", "unknown")}


def test_what_starts_containers_later_keeps_the_limit_that_these_need_as_a_rule():
    def said(*containers, limit):
        host = replace(HOST, starts_containers=("kubelet",))
        found = RULE.judge(changed(with_containers(*containers, limit=limit), host=host), Catalog(()))
        return [each.summary for each in found]

    agent = replace(container("agent", 0, "ok", 2), network="host")
    assert (said(limit=2), said(agent, limit=2)) == ([], [])
    assert said(limit=3) == ["the hop limit is 3, but nothing that runs here needs more than 2"]
    unneeding = container("web", 1, "ok", 2, environment=UNLIKELY)
    assert said(unneeding, limit=2) == ["the hop limit is 2, but nothing that runs here needs more than 1"]


def test_a_limit_that_serves_a_user_is_not_called_too_high():
    assert judged(container("rootless", 1, "ok", 2, netns_owner_uid=1000), limit=2) == []


@pytest.mark.parametrize(
    ("by", "needed"),
    [
        (JOB, 2),
        (MACHINE, 2),
        (replace(MACHINE, program="another host", origin="another-host", distance=2), 3),
        (replace(JOB, distance=63), 3),  # it received its token at the present one
        (replace(JOB, path_class="meta-data", token=None), 2),  # its token is from before the watch
        (replace(JOB, token="lost"), 1),
        (replace(JOB, distance=None), 1),
        (replace(JOB, distance=0), 1),
        (replace(JOB, probe=True), 1),
        (replace(JOB, container=None, container_id=None, distance=0), 1),  # a program of the host
    ],
)
def test_the_hop_limit_is_not_to_be_lowered_below_what_was_seen_asking_with_a_token_needs(by, needed):
    said = f"the hop limit is 3, but nothing that runs here or was seen asking with a token needs more than {needed}"
    assert _lower(by) == ([said] if needed < 3 else [])
    assert _lower(by, limit=needed) == []


def test_of_a_container_that_runs_the_measured_distance_counts():
    there = replace(container("job", 0, "ok", 3), network="host")
    assert len(_lower(replace(JOB, container_id=there.identity, distance=2), containers=(there,))) == 1
