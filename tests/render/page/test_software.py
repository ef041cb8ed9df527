from dataclasses import replace

import pytest
from golden_reports import DEBIAN, GO, SOFTWARE
from observed import FACTS, OLD_CLOUD_INIT, changed, report_of

from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.software import COLUMNS, software, where


def table(*found):
    (part,) = software(report_of(changed(FACTS, host=DEBIAN, software=found)), SHORT)
    (block,) = part.blocks
    return block


def test_nothing_is_said_of_none():
    assert list(software(report_of(changed(FACTS, software=())), SHORT)) == []


def test_where_it_lies_is_said_where_there_is_more_than_one_place():
    assert table(OLD_CLOUD_INIT).columns == COLUMNS
    made = table(*SOFTWARE)
    assert made.columns[-1] == "where"
    assert [row[-1] for row in made.rows][:2] == ["host", "host"]


USE = SdkUse(None, None, ("/srv/app/node_modules/aws-sdk",), 1)


@pytest.mark.parametrize(
    ("changes", "use", "shown"),
    [
        ({}, {}, "host: /srv/app/node_modules/aws-sdk, not in use"),
        ({"pids": (7,)}, {}, "host: /srv/app/node_modules/aws-sdk, used by 1 process"),
        ({"pids": (7, 8), "container": "web", "also_in": ("api",)}, {"places": 3}, "web and 1 more: /srv/app"),
        ({"path": f"/{'x' * 90}/botocore-1.2"}, {"places": 2}, "and 1 more place, not in use"),
    ],
)
def test_a_library_says_where_and_who(changes, use, shown):
    library = SdkSoftware("aws-sdk-js-v2", "npm", "aws-sdk", "2.1.0", "package.json", USE.paths[0], sdk=USE)
    line = where(replace(library, sdk=replace(USE, **use), **changes), SHORT.width)
    assert shown in line
    assert len(line) < 130


def test_a_version_that_is_a_range_is_said_as_one():
    (row,) = table(GO).rows
    assert row == ("aws-sdk-go-v1", "1.25.38 or later", "1.25.38", "ok", "web and 1 more: /usr/bin/rclone, not in use")


def test_a_version_that_nobody_knows_is_not_known():
    (row,) = table(replace(OLD_CLOUD_INIT, version=None)).rows
    assert row[1] == "not known"
    (row,) = table(replace(GO, sdk=replace(GO.sdk, at_least=None))).rows
    assert row[1] == "not known"


def test_of_much_software_the_worst_comes_first():
    many = [replace(OLD_CLOUD_INIT, version=f"22.{number}-1") for number in range(SHORT.software + 5)]
    made = table(*many, OLD_CLOUD_INIT)
    assert made.rows[0] == ("cloud-init", "18.3-6", "19.4", "too old")
    assert len(made.rows) == SHORT.software
    assert made.more == "and 6 more"
