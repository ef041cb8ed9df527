"""What a verdict stood on: the digest, for how long it counts, and what counts as a change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, HOST, IMDS, OLD_CLOUD_INIT, SSM_AGENT, changed, container, with_containers
from watched_calls import CALLER

from imds_probe import standing
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.facts.standing import SchedulesSeen, Standing
from imds_probe.watch.evidence import callers_of

BEGAN = "2026-11-23T00:00:00Z"
STANDING = Standing("0a1b", (SchedulesSeen("crontabs", 3, "0" * 32), SchedulesSeen("static pods", 0, "1" * 32)))
BASE = changed(FACTS, standing=STANDING)


def watched(*by, observed_s=100.0):
    return callers_of(
        by, window_s=100.0, observed_s=observed_s, needed_coverage=0.99, dropped=0, watched_until="2026-11-23T00:00:00Z"
    )


def texts(was, now):
    return [each.what for each in standing.changes(was, now, BEGAN)]


def test_the_digest_is_of_what_the_verdict_stood_on_and_of_nothing_else():
    digest = standing.digest(BASE)
    assert digest == standing.digest(
        changed(BASE, host=replace(HOST, hostname="other"), standing=replace(STANDING, boot_id="f"))
    )
    others = [
        changed(BASE, imds=replace(IMDS, hop_limit=2)),
        changed(BASE, imds=replace(IMDS, tokens="required")),
        changed(BASE, software=()),
        changed(BASE, containers=(container("web"),)),
        changed(BASE, standing=replace(STANDING, schedules=STANDING.schedules[:1])),
    ]
    assert len({digest, *map(standing.digest, others)}) == len(others) + 1


def test_names_that_cannot_be_encoded_have_a_digest():
    assert standing.digest(changed(BASE, software=(replace(SSM_AGENT, version="\udce4"),))).startswith("sha256:")


@pytest.mark.parametrize(
    ("callers", "last_day", "until"),
    [
        (watched(), None, "2026-11-30T00:00:00Z"),
        (watched(observed_s=50.0), None, "2026-11-24T00:00:00Z"),
        (None, None, "2026-11-24T00:00:00Z"),
        (watched(), "2026-11-25", "2026-11-26T00:00:00Z"),
        (None, "2026-12-25", "2026-11-24T00:00:00Z"),
    ],
)
def test_a_verdict_counts_for_less_where_nobody_watched_and_not_past_an_accepted_risk(callers, last_day, until):
    assert standing.valid_until(BEGAN, changed(BASE, callers=callers), last_day=last_day) == until


def test_of_an_image_nothing_counts_for_any_time_and_of_no_setting_too_long():
    assert standing.valid_until(BEGAN, FACTS, last_day=None) is None
    assert standing.valid_until("2026-99-99T00:00:00Z", BASE, last_day=None) is None
    assert standing.valid_until(BEGAN, BASE, last_day="2026-99-99") is None
    for_ever = changed(BASE, standing=replace(STANDING, valid_s=1e15, valid_unwatched_s=1e15))
    assert standing.valid_until(BEGAN, for_ever, last_day=None).startswith("9999-12-31")


def test_nothing_changed():
    assert standing.changes(BASE, BASE, BEGAN) == ()


def test_options_and_hop_limit():
    now = changed(BASE, imds=replace(IMDS, endpoint="disabled", tokens="required", hop_limit=None))
    assert texts(BASE, now) == [
        "the metadata service is disabled, and was enabled",
        "tokens are required, and were optional",
        "the hop limit could not be measured, and was 1",
    ]
    now = changed(BASE, imds=replace(IMDS, tokens="unknown", hop_limit=2))
    assert texts(BASE, now) == ["the hop limit is 2, and was 1"]


def test_packages():
    newer = replace(SSM_AGENT, version="4")
    assert texts(BASE, changed(BASE, software=(newer, OLD_CLOUD_INIT))) == [
        "amazon-ssm-agent is 4, and was 3.3.987.0-1.amzn2023",
        "cloud-init 18.3-6 was installed",
    ]
    assert texts(BASE, changed(BASE, software=())) == ["amazon-ssm-agent 3.3.987.0-1.amzn2023 was removed"]


def test_libraries_and_what_is_in_containers_are_not_looked_at_again():
    use = SdkUse(None, None, (), 1)
    library = SdkSoftware("boto3", "pypi", "boto3", "1", "files", sdk=use)
    inside = replace(OLD_CLOUD_INIT, container="web", container_ids=("w",))
    assert texts(changed(BASE, software=(SSM_AGENT, library, inside)), BASE) == []


def test_a_new_container_is_a_change_and_one_that_ended_is_not():
    pause = replace(container("pause"), sandbox=True)
    namespace = replace(container("blue"), runtime="netns")
    with_web = changed(BASE, containers=(container("web"), pause, namespace))
    assert texts(BASE, with_web) == ["the container web was started"]
    assert texts(with_web, BASE) == []
    unseen = changed(BASE, containers_unseen=("some processes could not be inspected",))
    assert texts(BASE, unseen) == ["not all containers could be seen: some processes could not be inspected"]
    assert texts(unseen, unseen) == []


def test_schedules():
    other = replace(STANDING.schedules[0], digest="2" * 32)
    now = changed(BASE, standing=replace(STANDING, schedules=(other, STANDING.schedules[1])))
    assert texts(BASE, now) == ["crontabs: a schedule, or a program or script that one names, changed"]
    unread = changed(BASE, standing=replace(STANDING, schedules=None))
    assert texts(BASE, unread) == ["the schedules of this host could not be read"]
    assert texts(unread, BASE) == []


def test_a_new_caller_by_imdsv1_is_a_change():
    late = replace(CALLER, version="v1", probe=False, last_seen="2026-11-23T01:00:00Z")
    was, now = changed(BASE, callers=watched()), changed(BASE, callers=watched(late))
    assert texts(was, now) == [f"{late.program} called by IMDSv1, last at 2026-11-23T01:00:00Z"]
    assert texts(BASE, now) == texts(was, now)
    assert texts(now, now) == []
    for nobody in (
        replace(late, version="v2"),
        replace(late, probe=True),
        replace(late, last_seen="2026-11-22T00:00:00Z"),
    ):
        assert texts(was, changed(BASE, callers=watched(nobody))) == []
    assert texts(with_containers(), with_containers()) == []


def test_the_record_of_callers_is_gone_only_where_there_was_one():
    """`run --watch` without a daemon keeps none."""
    for history, said in (
        (True, ["the record of callers that the watch keeps is gone"]),
        (None, ["the record of callers that the watch keeps is gone"]),
        (False, []),
    ):
        now = changed(BASE, standing=replace(STANDING, history=history))
        assert texts(changed(now, callers=watched()), now) == said


def test_who_only_looked_whether_anything_answers_is_not_known_to_ask_for_more():
    look = replace(CALLER, path_class="other-cloud", served=0, last_seen="2026-11-23T01:00:00Z")
    late = replace(look, path_class="credentials", served=3)
    said = [f"{late.program} called by IMDSv1, last at 2026-11-23T01:00:00Z"]
    for known in (look, replace(late, probe=True), replace(late, version="v2"), replace(late, path_class="meta-data")):
        was = changed(BASE, callers=watched(known))
        assert texts(was, changed(BASE, callers=watched(known, late))) == said
        assert texts(was, was) == []
    assert texts(changed(BASE, callers=watched(late)), changed(BASE, callers=watched(look, late))) == []


@pytest.mark.parametrize(
    ("at", "later", "why"),
    [
        ("2026-11-24T00:00:00Z", None, ""),
        ("2026-11-24T00:00:01Z", None, "callers are no longer watched, and {}"),
        ("2026-11-24T00:00:01Z", watched(), "callers were last watched at 2026-11-23T00:00:00Z, and {}"),
        ("2026-11-24T00:00:01Z", replace(watched(), watched_until="2026-11-23T23:55:00Z"), ""),
        (
            "2026-11-24T00:00:01Z",
            replace(watched(observed_s=50.0), watched_until="2026-11-24T00:00:00Z"),
            "the watch no longer covers its window, and {}",
        ),
    ],
)
def test_the_time_that_a_watch_gave_needs_the_watch_to_go_on(at, later, why):
    without = "without a watch the verdict counted until 2026-11-24T00:00:00Z"
    was, now = changed(BASE, callers=watched()), changed(BASE, callers=later)
    assert standing.watch_ended(was, now, BEGAN, at) == why.format(without)
    assert standing.watch_ended(BASE, now, BEGAN, at) == ""
    assert "does not say when" in standing.watch_ended(was, now, "2026-99-99T00:00:00Z", at)
