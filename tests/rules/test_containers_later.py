from dataclasses import replace

import pytest
from code_seen import DAY_S, WINDOW_S, watched, with_code
from observed import HOST, IMDS, changed, container, report_of, with_containers, with_imds
from rules.test_starting import JOB, UNREAD
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.acceptances import Acceptance, Acceptances
from imds_probe.rules.containers import RULE
from imds_probe.switch.instance import BY_A_START

NONE = Catalog(())
ALONE = "--http-put-response-hop-limit 2 --http-endpoint enabled"


def judged(*code, limit=1, not_read=(), **facts):
    there = with_code(*code, not_read=not_read, facts=with_imds(hop_limit=limit))
    return RULE.judge(changed(there, **facts), NONE)


def verdict(*code, facts=None, **imds):
    facts = facts or with_imds(hop_limit=1, **imds)
    return report_of(with_code(*code, facts=facts)).verdict


def test_it_receives_no_token_at_hop_limit_1():
    (found,) = judged(JOB)
    assert (found.id, found.severity, found.implies) == (
        "scheduled-container-without-token",
        "blocker",
        "needs-hop-limit",
    )
    assert found.summary == (
        "1 program that a schedule starts in containers receives no token at hop limit 1; try 2: /usr/local/bin/backup in image "
        "acme/backup:1"
    )
    assert "started by /etc/cron.d/backup, daily" in found.evidence[0]
    assert found.fix.commands[0].endswith(ALONE)


def test_several_are_one_finding_whether_read_or_not():
    (found,) = judged(JOB, not_read=(UNREAD,))
    assert found.summary.startswith("2 programs that schedules start in containers or other networks receive no token")
    assert found.evidence[1].endswith(UNREAD.why)


@pytest.mark.parametrize("limit", [2, None])
def test_a_higher_limit_may_do_and_one_that_is_not_known_says_nothing(limit):
    assert judged(JOB, limit=limit) == []


def test_where_tokens_are_required_it_has_no_metadata_now():
    (found,) = judged(JOB, imds=replace(IMDS, tokens="required"))
    assert "receives no metadata at hop limit 1" in found.summary


def test_where_the_service_is_turned_off_nothing_is_lost():
    found = judged(JOB, imds=replace(IMDS, endpoint="disabled"))
    assert not isinstance(found, list)


@pytest.mark.parametrize(
    ("changes", "by", "settled"),
    [
        ({}, (), True),
        ({"every_s": WINDOW_S * 2}, (), False),  # did not come round
        ({"standing_s": DAY_S / 2}, (), False),  # is new
        ({}, (replace(CALLER, unit="x.service"),), False),
    ],
)
def test_a_window_in_which_it_came_round_without_a_call_settles_it(changes, by, settled):
    job = replace(JOB, every_s=DAY_S, standing_s=20 * DAY_S)
    found = judged(replace(job, **changes), callers=watched(*by))
    assert [each.id for each in found] == [] if settled else ["scheduled-container-without-token"]


def test_no_lower_limit_is_advised_than_it_will_need():
    assert [each.id for each in judged(limit=2)] == ["hop-limit-higher-than-needed"]
    assert judged(JOB, limit=2) == []
    settled = replace(JOB, every_s=DAY_S, standing_s=20 * DAY_S)
    assert judged(settled, limit=2, callers=watched()) == []
    (higher,) = judged(JOB, limit=3)
    assert "needs more than 2" in higher.summary


def test_the_switch_raises_the_limit_first_as_nobody_has_measured_it():
    found = verdict(JOB)
    assert (found.state, found.switch.http_put_response_hop_limit) == ("needs-hop-limit", 2)
    assert found.switch.try_first.endswith(ALONE)
    assert found.switch.steps[0].notes == (BY_A_START,)
    assert "hop limit 2 is for containers that schedules start" in found.switch.terraform
    assert verdict(replace(JOB, own_network=False)).switch.http_put_response_hop_limit == 1


def test_beside_containers_that_were_measured_in_such_a_network_nothing_is_tried():
    found = verdict(JOB, facts=with_containers(container("web", 1, "lost"), limit=1))
    assert (found.switch.http_put_response_hop_limit, found.switch.try_first) == (2, "")
    assert found.switch.terraform.count("hop limit 2 is for web") == 1


def by_agents(*containers, limit=1, agents=("kubelet",), **changes):
    facts = changed(with_containers(*containers, limit=limit, **changes), host=replace(HOST, starts_containers=agents))
    return [each for each in RULE.judge(facts, NONE) if each.id == "hop-limit-keeps-out-later"]


def test_what_starts_containers_later_is_warned_of_while_none_runs():
    (found,) = by_agents(agents=("kubelet", "GitLab Runner"))
    assert (found.severity, found.implies) == ("warning", None)
    assert found.summary.startswith("containers that kubelet, GitLab Runner will start receive no token at hop limit 1")
    assert by_agents(replace(container("proxy", 0), network="host"), replace(container("pod", 1), sandbox=True)) != []
    assert by_agents(container("web", 1, "lost")) == by_agents(limit=2) == by_agents(agents=()) == []
    unseen = changed(with_imds(hop_limit=1), host=replace(HOST, starts_containers=("kubelet",)), containers=None)
    assert "hop-limit-keeps-out-later" not in {each.id for each in RULE.judge(unseen, NONE)}


@pytest.mark.parametrize("subject", ["/usr/local/bin/backup in image acme/backup:1", "*"])
def test_an_owner_may_leave_it_out_of_the_hop_limit(subject):
    entry = Acceptance("scheduled-container-without-token", subject, "has keys", "ops", "2027-01-01", "/etc/imds-probe")
    section = Acceptances("2026-11-23", (entry,))
    verdict = report_of(changed(with_code(JOB, facts=with_imds(hop_limit=1)), acceptances=section)).verdict
    assert (verdict.state, verdict.switch.http_put_response_hop_limit, verdict.switch.try_first) == ("ready", 1, "")
    (risk,) = verdict.accepted
    assert "the hop limit is not raised for it" in risk.summary
    expired = replace(section, day="2027-02-01")
    verdict = report_of(changed(with_code(JOB, facts=with_imds(hop_limit=1)), acceptances=expired)).verdict
    assert (verdict.state, verdict.switch.http_put_response_hop_limit) == ("needs-hop-limit", 2)
