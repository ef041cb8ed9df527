"""Every status by every way to it, on rows made for the purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imds_probe.catalog.judging import Installed, judge_row, matching_backport
from imds_probe.catalog.rows import Backport, Fault, NoV1Fallback, Requirement, Row, Setting, SettingPlace, Switch
from imds_probe.facts.software import SettingSeen

PLAIN = Row(
    id="thing",
    name="Thing",
    packages={"dpkg": ("thing",)},
    since=None,
    before=None,
    minimum="2.0",
    setting=None,
    no_v1_fallback=None,
    on_lost_token="fails",
    backports=(),
    known_bad=(),
    notes=(),
    fix="upgrade",
    sources=("source",),
    confidence="documented",
)
UBUNTU = Backport("dpkg", ("ubuntu",), True, None, "1.5-3ubuntu1", "too-old", "patched", "ubuntu source")
RHEL7 = Backport("rpm", ("rhel", "centos"), False, "7", "1.5-6.el7_8.4", "unknown", "streams differ", "rhel source")
ANY_RPM = Backport("rpm", (), False, None, None, "unknown", "rpm patches", "rpm source")


def status(row: Row, version: str, manager: str = "dpkg", **system: object) -> str:
    return judge_row(row, Installed(manager, version, **system)).status


def test_upstreams_number() -> None:
    assert status(PLAIN, "2.0-1") == "ok"
    assert status(PLAIN, "1.9-1") == "too-old"
    assert status(PLAIN, "2.0~rc1-1") == "unknown"
    assert status(PLAIN, "garbage") == "unknown"
    judged = judge_row(PLAIN, Installed("dpkg", "2.0-1"))
    assert (judged.minimum, judged.source) == ("2.0", "source")
    assert judged.why == "Thing speaks IMDSv2 from 2.0 on"


@pytest.mark.parametrize("row", [replace(PLAIN, minimum=None), replace(PLAIN, sources=())])
def test_without_a_sourced_minimum_nothing_is_ok(row: Row) -> None:
    judged = judge_row(row, Installed("dpkg", "99"))
    assert (judged.status, judged.minimum, judged.source) == ("unknown", None, None)


def test_an_inferred_figure_says_so() -> None:
    assert "inferred" in judge_row(replace(PLAIN, confidence="inferred"), Installed("dpkg", "3")).why


def test_a_distributions_threshold_counts_in_its_managers_order() -> None:
    row = replace(PLAIN, backports=(UBUNTU,))
    assert status(row, "1.5-3ubuntu1", os_id="ubuntu") == "ok"
    assert status(row, "1.5-3ubuntu1~16.04.1", os_id="ubuntu") == "too-old"
    assert status(row, "1.5-3ubuntu1", os_id="debian") == "too-old"
    assert status(row, "1.5-3ubuntu1", os_id="linuxmint", os_id_like=("ubuntu", "debian")) == "ok"
    assert status(row, "not a version", os_id="ubuntu") == "unknown"
    assert judge_row(row, Installed("dpkg", "1.5-4", os_id="ubuntu")).source == "ubuntu source"


def test_below_a_threshold_that_is_not_the_only_one() -> None:
    row = replace(PLAIN, backports=(RHEL7, ANY_RPM))
    assert status(row, "1.5-6.el7_8.4", "rpm", os_id="rhel", os_version_id="7.9") == "ok"
    assert status(row, "1.5-6.el7", "rpm", os_id="centos", os_version_id="7") == "unknown"
    # Another major release has its own numbering: 1.5-12.el8 says nothing about a patch of 7's.
    assert status(row, "1.5-12.el8", "rpm", os_id="rhel", os_version_id="8.2") == "unknown"
    assert (
        status(row, "1.5-12.amzn2", "rpm", os_id="amzn", os_version_id="2", os_id_like=("centos", "rhel")) == "unknown"
    )
    assert status(row, "2.1-1.el8", "rpm", os_id="rhel", os_version_id="8.2") == "ok"
    assert "rpm patches" in judge_row(row, Installed("rpm", "1.5-12.el8", os_id="rhel", os_version_id="8")).why


def test_the_first_backport_that_matches_is_used() -> None:
    row = replace(PLAIN, backports=(RHEL7, ANY_RPM, UBUNTU))
    assert matching_backport(row, Installed("rpm", "1", "rhel", "7.9")) is RHEL7
    assert matching_backport(row, Installed("rpm", "1", "rhel", "70")) is ANY_RPM
    assert matching_backport(row, Installed("rpm", "1")) is ANY_RPM
    assert matching_backport(row, Installed("dpkg", "1", "ubuntu", None)) is UBUNTU
    assert matching_backport(row, Installed("dpkg", "1")) is None


@pytest.mark.parametrize(("effect", "expected"), [("fails", "too-old"), ("doubtful", "unknown"), ("partial", "ok")])
def test_a_fault_counts_as_far_as_it_goes(effect, expected: str) -> None:
    row = replace(PLAIN, known_bad=(Fault("2.1", "2.3", effect, "the fault"),))
    assert status(row, "2.0-1") == status(row, "2.3-1") == "ok"
    judged = judge_row(row, Installed("dpkg", "2.2-1"))
    assert judged.status == expected
    assert "the fault" in judged.why
    assert "the fault" not in judge_row(row, Installed("dpkg", "2.3-1")).why


def test_a_fault_with_an_open_end() -> None:
    assert status(replace(PLAIN, known_bad=(Fault("2.1", None, "fails", "w"),)), "9-1") == "too-old"
    assert status(replace(PLAIN, known_bad=(Fault(None, "2.1", "fails", "w"),)), "2.0-1") == "too-old"


def test_a_fault_that_may_or_may_not_apply_is_unknown() -> None:
    row = replace(PLAIN, known_bad=(Fault("2.1", "2.3", "fails", "w"),))
    assert status(row, "2.3~rc1-1") == "unknown"
    assert status(row, "2.2+git20200101-1") == "unknown"


def test_a_distribution_may_have_patched_the_fault() -> None:
    row = replace(PLAIN, backports=(UBUNTU,), known_bad=(Fault("2.1", "2.3", "fails", "w"),))
    assert status(row, "2.2-1", os_id="ubuntu") == "unknown"
    assert status(row, "2.2-1", os_id="debian") == "too-old"


def test_a_setting_is_asked_for_until_it_is_the_default() -> None:
    row = replace(PLAIN, setting=Setting("set prefer_imdsv2", "3.0", "setting source"))
    judged = judge_row(row, Installed("dpkg", "2.5-1"))
    assert (judged.status, judged.why, judged.source) == ("needs-setting", "set prefer_imdsv2", "setting source")
    assert status(row, "3.0-1") == "ok"
    assert status(row, "1.0-1") == "too-old"
    assert status(row, "3.0~rc1-1") == "unknown"
    assert status(replace(PLAIN, setting=Setting("set it", None, "s")), "9-1") == "needs-setting"


def test_what_falls_back_says_so_until_it_does_no_more() -> None:
    row = replace(PLAIN, on_lost_token="falls-back", no_v1_fallback=NoV1Fallback("3.0", {}))
    assert "uses IMDSv1" in judge_row(row, Installed("dpkg", "2.9-1")).why
    assert "uses IMDSv1" not in judge_row(row, Installed("dpkg", "3.0-1")).why
    # Whether a setting is made on this host is not for the version to say.
    configured = replace(row, no_v1_fallback=NoV1Fallback("3.0", {"KEY": "true"}))
    assert "uses IMDSv1" in judge_row(configured, Installed("dpkg", "3.0-1")).why


def test_what_never_speaks_it_is_too_old_in_every_version():
    row = replace(PLAIN, minimum=None, never=True)
    judged = judge_row(row, Installed("dpkg", "99.9-1"))
    assert (judged.status, judged.minimum) == ("too-old", None)
    assert "no version of" in judged.why
    assert judge_row(replace(row, sources=()), Installed("dpkg", "99.9-1")).status == "unknown"


def test_what_matters_under_a_condition_neither_passes_nor_fails_by_its_version():
    row = replace(PLAIN, only_if="the plugin is used")
    old, new = (judge_row(row, Installed("dpkg", version)) for version in ("0.1-1", "99.9-1"))
    assert (old.status, new.status) == ("unknown", "ok")
    assert old.why.endswith("it matters only if the plugin is used")


def test_a_condition_that_is_seen_to_hold_lets_the_version_decide():
    switch = Switch(("aws",), (SettingPlace("arguments", "--provider"),))
    row = replace(PLAIN, only_if="it runs with --provider=aws", only_if_switch=switch)

    def seen(value: str | None) -> Requirement:
        setting = SettingSeen("only_if", "the arguments of agent (7)", "--provider", value)
        return judge_row(row, Installed("dpkg", "0.1-1", settings=(setting,)))

    assert seen("aws").status == "too-old"
    assert seen("aws").why.endswith("it matters here: the arguments of agent (7) sets --provider to aws")
    # Where it is not on, somebody may turn it on elsewhere.
    assert seen("gcp").status == seen(None).status == status(row, "0.1-1") == "unknown"
    assert status(row, "9-1") == "ok"


def test_a_distributions_own_figure_counts_also_where_upstream_has_none():
    backport = Backport("rpm", ("amzn",), False, "2023", "2.0-1", "unknown", "it is part of the image", "https://x/")
    row = replace(PLAIN, minimum=None, backports=(backport,))
    here = Installed("rpm", "2.0-29.amzn2023", "amzn", "2023")
    assert judge_row(row, here).status == "ok"
    assert judge_row(row, replace(here, version="1.4-30")).status == "unknown"
    assert judge_row(row, replace(here, os_version_id="2")).status == "unknown"


def test_what_asks_for_nothing_needs_nothing():
    row = replace(PLAIN, asks_since="1.5", grade="package")
    judged = judge_row(row, Installed("dpkg", "1.4-1"))
    assert (judged.status, judged.minimum, judged.figure, judged.grade) == ("ok", None, "1.5", "package")
    assert judged.why == "Thing asks for no metadata before 1.5"
    assert status(row, "1.5-1") == status(row, "1.9-1") == "too-old"
    assert status(row, "2.0-1") == "ok"
    assert status(row, "garbage") == "unknown"


def test_a_setting_is_asked_for_only_since_there_is_one():
    row = replace(PLAIN, setting=Setting("set it", "3.0", "s", since="2.5"))
    assert [status(row, version) for version in ("1.9-1", "2.4-1", "2.5-1", "2.9-1", "3.0-1")] == [
        *("too-old", "ok", "needs-setting", "needs-setting", "ok"),
    ]
    doubt = judge_row(row, Installed("dpkg", "2.5~rc1-1"))
    assert doubt.status == "unknown"
    assert "in versions from 2.5 on before 3.0" in doubt.why
