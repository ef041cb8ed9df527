"""Keys, and what a path says of a report: the two are each other's reverse, and nothing else passes for a key."""

from __future__ import annotations

import pytest

from imds_probe.sinks.s3_layout import Claim, claim, instance_of, keys

OWN, RUN = "i-0123456789abcdef0", "0123456789abcdef0123456789abcdef"
USER = f"AROAEXAMPLE123456789:{OWN}"
STARTED = "2026-11-30T05:14:03Z"
DAY = "imds-probe/reports/region=eu-west-1/date=2026-11-30"


def test_a_report_lies_below_its_region_and_day_and_the_newest_in_one_place():
    made = keys("imds-probe", USER, "eu-west-1", STARTED, RUN)
    assert made.report == f"{DAY}/{USER}.051403Z.{RUN}.json.gz"
    assert made.latest == f"imds-probe/latest/region=eu-west-1/{USER}.json.gz"
    assert keys("", USER, "eu-west-1", STARTED, RUN).latest == f"latest/region=eu-west-1/{USER}.json.gz"


def test_what_a_key_says_is_what_it_was_made_of():
    made = keys("a/b", USER, "us-gov-east-1", STARTED, RUN)
    assert claim(f"copy/{made.report}") == Claim("us-gov-east-1", "2026-11-30", "051403", RUN)
    assert claim(f"copy/{made.latest}") == Claim("us-gov-east-1")
    assert claim(made.report.rpartition("/")[2]) == Claim("", "", "051403", RUN)
    for above in (
        "copies/date=2026-11-29",
        "copies/region=all",
        "latest/of/region=all",
    ):  # whoever copied it chose that
        assert claim(f"{above}/{made.latest}") == Claim("us-gov-east-1")


@pytest.mark.parametrize(
    "changed", [{"region": "../eu"}, {"region": ""}, {"started_at": "2026-11-30"}, {"run_id": "0" * 31}]
)
def test_what_no_key_can_be_made_of_is_named(changed):
    given = {"region": "eu-west-1", "started_at": STARTED, "run_id": RUN} | changed
    with pytest.raises(ValueError, match="^its (Region|time|run) is "):
        keys("imds-probe", USER, given["region"], given["started_at"], given["run_id"])


@pytest.mark.parametrize(
    ("user_id", "instance"),
    [
        (USER, OWN),
        ("AROAEXAMPLE123456789:i-01234567", "i-01234567"),
        ("AROAEXAMPLE123456789:deploy", ""),
        ("AIDAEXAMPLE123456789", ""),
        (f"{USER}.", ""),
        (f"x/{USER}", ""),
        ("AROAEXAMPLE123456789:i-0123456789abcdef01", ""),
    ],
)
def test_credentials_are_an_instances_or_nobodys(user_id, instance):
    assert instance_of(user_id) == instance


@pytest.mark.parametrize(
    "path",
    [
        "reports/web-17.json",
        f"reports/{OWN}.json.gz",
        f"reports/region=eu-west-1/{OWN}/2026.json",
        "AWSLogs/region=eu-west-1/date=2026-11-30/x.gz",
    ],
)
def test_files_of_others_say_nothing(path):
    assert claim(path) is None


@pytest.mark.parametrize(
    "path",
    [
        f"{DAY}/{USER}.x/AROAEXAMPLE123456789:i-0fedcba9876543210.051403Z.{RUN}.json.gz",
        f"{DAY}/AROAEXAMPLE123456789:i-0fedcba9876543210.x/date=2026-11-29/{USER}.051403Z.{RUN}.json.gz",
        f"{DAY}/{USER}.051403Z.{RUN}.json",
        f"{DAY}/{USER}.051403Z.{RUN}.json.gz/{USER}.051403Z.{RUN}.json.gz",
        f"{DAY}/{USER}.anything.json.gz",
        f"{DAY}/{USER}.json.gz",
        f"reports/region=eu-west-1/date=2026-11-30/region=us-east-1/{USER}.051403Z.{RUN}.json.gz",
    ],
)
def test_names_that_a_policys_wildcards_leave_room_for_are_none_of_ours(path):
    with pytest.raises(ValueError, match="its key is none that the sink s3 writes"):
        claim(path)


@pytest.mark.parametrize(
    ("changed", "denied"),
    [
        ({}, ""),
        ({"region": "us-east-1"}, "its key has the Region eu-west-1, and it says us-east-1"),
        ({"region": ""}, ""),  # the identity document was not served: the key has the Region of the credentials
        ({"started_at": "2026-11-29T05:14:03Z"}, "its key has the date 2026-11-30, and it says 2026-11-29"),
        ({"started_at": "2026-11-30T05:14:04Z"}, "its key has the time 051403, and it says 051404"),
        ({"run_id": "f" * 32}, f"its key has the run {RUN}, and it says {'f' * 32}"),
    ],
)
def test_what_a_report_says_of_itself_is_held_against_its_key(changed, denied):
    said = {"region": "eu-west-1", "started_at": STARTED, "run_id": RUN} | changed
    assert Claim("eu-west-1", "2026-11-30", "051403", RUN).denied_by(**said) == denied
    assert Claim().denied_by(**said) == ""
