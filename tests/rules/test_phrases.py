from dataclasses import replace

import pytest
from observed import OLD_CLOUD_INIT, container

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import RequiredSetting, Requirement
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.rules.phrases import (
    container_names,
    few,
    image_rebuilt,
    make_setting,
    more_time_or,
    named,
    not_verified,
    only_v1,
    upgraded,
)

WEB = container("web")
TWIN = replace(WEB, id="f" * 64)
INSIDE = replace(OLD_CLOUD_INIT, container="web", container_ids=(WEB.id,))


def test_software_is_named_as_the_catalog_names_it():
    assert named(OLD_CLOUD_INIT, Catalog.load().row("cloud-init")) == "cloud-init 18.3-6"
    assert named(replace(OLD_CLOUD_INIT, version=None), None) == "cloud-init of unknown version"


@pytest.mark.parametrize(
    ("minimum", "said"),
    [("19.4", "speaks only IMDSv1 (IMDSv2 since 19.4)"), (None, "speaks only IMDSv1, in every version")],
)
def test_what_is_too_old(minimum, said):
    assert only_v1(Requirement(minimum, "too-old", "", None)) == said


def test_a_minimum_that_is_not_known_is_not_named():
    assert upgraded("awscli", "1.16.289") == "Upgrade awscli to 1.16.289 or later"
    assert upgraded("awscli", None) == "Upgrade awscli"
    assert image_rebuilt("awscli", None) == ("Rebuild the image with awscli upgraded, and recreate its containers.")


def test_a_list_of_names_is_bounded():
    assert few(list("abc")) == "a, b, c"
    assert few(list("abcde"), noun=" containers") == "a, b, c and 2 more containers"
    assert few(list("ab"), count=9) == "a, b and 7 more"


def test_containers_are_told_apart_by_their_ids():
    both = [INSIDE, replace(INSIDE, container_ids=(TWIN.id,))]
    assert container_names(both, Containers((WEB, TWIN))) == ["web", "web"]
    assert container_names([INSIDE, INSIDE], Containers((WEB, TWIN))) == ["web"]
    assert container_names([OLD_CLOUD_INIT], Containers((WEB,))) == []


def test_containers_that_the_report_does_not_have_are_called_as_their_software_says():
    inside = replace(INSIDE, also_in=("api",))
    assert container_names([inside, INSIDE], Containers(None)) == ["web", "api"]


def test_a_setting_is_named_where_it_is_known_and_told_in_words_otherwise():
    known = Requirement(
        "7.0", "needs-setting", "it needs one", None, RequiredSetting("/etc/agent.yaml", "imdsv2", "true")
    )
    assert make_setting(known).text.startswith("Set imdsv2 to true in /etc/agent.yaml, ")
    assert ": it needs one. " in make_setting(replace(known, setting=None)).text


def test_who_ran_out_of_time_is_told_of_time_alone():
    late = CollectorRun("dpkg", "skipped", 0.0, "the run's time limit came first")
    assert more_time_or(late, "Run as root.").text == "Give the run more time with --timeout."
    for other in (None, replace(late, status="failed"), replace(late, status="partial")):
        assert more_time_or(other, "Run as root.").text == "Run as root."


@pytest.mark.parametrize(
    ("figure", "grade", "said"),
    [
        ("19.4", "inferred", ("the minimum version 19.4 is inferred, not verified",)),
        (None, "inferred", ("that no version speaks IMDSv2 is inferred, not verified",)),
        ("19.4", "package", ()),
        (None, None, ()),
    ],
)
def test_an_inferred_figure_is_said(figure, grade, said):
    assert not_verified(Requirement("19.4", "too-old", "", None, figure=figure, grade=grade)) == said
