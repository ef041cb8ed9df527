"""Who could have made the evidence of a verdict up, and that the verdict says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import AGENT, PACKED
from observed import FACTS, OLD_CLOUD_INIT, SSM_AGENT, changed, container, report_of, with_containers
from watched_calls import CALLER

from imds_probe.facts.containers import Container
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser
from imds_probe.render import text
from imds_probe.rules.origins import of_callers, of_code, of_containers, of_software
from imds_probe.watch.evidence import callers_of

WEB = container("web")
HIS = container("his", owner_uid=4242)


def library(*users: SdkUser, **changes: object) -> SdkSoftware:
    use = SdkUse(None, None, ("/home/u/lib/botocore",), 1, users, ((),))
    made = SdkSoftware(
        "botocore", "pypi", "botocore", "1.12.0", "METADATA", pids=tuple(user.pid for user in users), sdk=use
    )
    return replace(made, **changes)


def inside(*containers: Container) -> SdkSoftware:
    ids = tuple(each.identity for each in containers)
    return library(SdkUser(7, "python3", None), container=containers[0].title, container_ids=ids)


ROOTS, USERS = SdkUser(7, "python3", None), SdkUser(8, "python3", None, 4242)


@pytest.mark.parametrize(
    ("software", "origins"),
    [
        ((SSM_AGENT,), ()),
        ((library(ROOTS),), ()),
        ((library(USERS),), ("user 4242",)),
        ((library(USERS, ROOTS),), ()),
        ((library(USERS), library(ROOTS)), ()),
        ((library(),), ()),
        ((inside(WEB),), ("container web",)),
        ((inside(HIS),), ("user 4242",)),
        ((inside(WEB, HIS), library(USERS)), ("container web", "user 4242")),
        ((inside(WEB), SSM_AGENT), ()),
        ((replace(inside(WEB), container_ids=(), container="of-an-old-report"),), ("of-an-old-report",)),
    ],
)
def test_of_software_it_is_whoever_has_all_places_of_it(software, origins):
    assert of_software(software, with_containers(WEB, HIS)) == origins


@pytest.mark.parametrize(
    ("code", "origins"),
    [
        ((AGENT,), ()),
        ((replace(AGENT, owner_uid=1000),), ("user 1000",)),
        ((replace(AGENT, runner_uid=4242),), ("user 4242",)),
        ((replace(AGENT, owner_uid=1000, runner_uid=4242),), ("user 1000", "user 4242")),
        ((replace(AGENT, runner_uid=4242), AGENT), ()),
    ],
)
def test_of_code_it_is_who_wrote_it_or_runs_it(code, origins):
    assert of_code(code, FACTS) == origins


@pytest.mark.parametrize(
    ("changes", "origins"),
    [
        ({}, ()),  # of a service of the system
        ({"uid": 33}, ()),
        ({"uid": 0, "unit": None}, ()),
        ({"uid": None}, ()),
        ({"uid": None, "unit": None}, ("a process that is not known",)),  # anybody's may have ended too soon
        ({"uid": 4242, "unit": None}, ("user 4242",)),
        ({"uid": 4242, "unit": "user 4242: web.service"}, ("user 4242",)),
        ({"uid": 4242, "unit": "user 4243: web.service"}, ()),
        ({"uid": 0, "unit": None, "container": "web", "container_id": WEB.identity}, ("container web",)),
        ({"uid": 4242, "unit": None, "container": "his", "container_id": HIS.identity}, ("user 4242",)),
        ({"uid": 0, "unit": None, "container": "ended", "container_id": "9" * 64}, ("container ended",)),
    ],
)
def test_of_calls_it_is_whoever_made_them_outside_of_the_systems_services(changes, origins):
    facts = with_containers(WEB, HIS)
    caller = replace(CALLER, **changes)
    assert of_callers([caller], facts) == origins
    assert of_callers([caller, CALLER], facts) == ()


def test_of_containers_it_is_the_container_or_its_user():
    assert of_containers([WEB, HIS, WEB]) == ("container web", "user 4242")


def verdict(facts):
    report = report_of(facts)
    page = " ".join(text.render(report, text.Style(width=100, colour=False)).split())
    assert all(f"{line}." in page for line in report.verdict.forgeable)
    return report.verdict


def watched(*by, **changes):
    seen = callers_of(
        by, window_s=9.0, observed_s=9.0, needed_coverage=0.9, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    return changed(FACTS, callers=seen, **changes)


def test_a_verdict_on_a_users_word_alone_says_so_and_is_less_sure():
    alone = replace(CALLER, uid=4242, unit=None)
    found = verdict(watched(alone))
    assert found.forgeable == ("All evidence for this verdict comes from user 4242 and may be forged",)
    assert (found.state, found.confidence) == ("not-ready", "medium")
    beside = verdict(watched(alone, CALLER))
    assert (beside.state, beside.confidence, beside.forgeable) == ("not-ready", "high", ())
    beside = verdict(watched(alone, software=(SSM_AGENT, OLD_CLOUD_INIT)))
    assert (beside.state, beside.forgeable) == ("not-ready", ())


def test_containers_that_are_left_out_by_their_own_word_are_named():
    elsewhere = (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),)
    far = [container(name, 1, "lost", environment=elsewhere) for name in ("web", "db")]
    assert verdict(with_containers(far[0])).forgeable == (
        "1 container counts as not needing metadata because of its own environment variables alone: web",
    )
    assert verdict(with_containers(*far)).forgeable == (
        "2 containers count as not needing metadata because of their own environment variables alone: web, db",
    )
    needing = container("needing", 1, "lost")
    assert verdict(with_containers(*far, needing)).forgeable == ()  # the command serves them, too
    near = container("near", 0, "ok", environment=elsewhere)
    assert verdict(with_containers(near)).forgeable == ()


@pytest.mark.parametrize(
    ("code", "origins"),
    [
        ((AGENT,), ()),
        ((PACKED,), ()),
        ((replace(AGENT, owner_uid=4242),), ("user 4242",)),
        ((replace(PACKED, owner_uid=4242), replace(AGENT, owner_uid=4242)), ("user 4242",)),
        ((replace(AGENT, owner_uid=4242), AGENT), ()),
        ((replace(AGENT, on_host=False),), ()),
        ((replace(AGENT, on_host=False, container_ids=(WEB.identity,)),), ("container web",)),
        (
            (replace(AGENT, on_host=False, container_ids=(HIS.identity, "f" * 64)),),
            ("user 4242", "container ffffffffffff"),
        ),
        ((replace(AGENT, container_ids=(WEB.identity,)),), ()),
    ],
)
def test_code_is_whose_who_can_write_it_or_controls_where_it_runs(code, origins):
    assert of_code(code, with_containers(WEB, HIS)) == origins
