from dataclasses import replace

import pytest
from watched_calls import CALLER

from imds_probe.rules.caller_phrases import called, last, times, who


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "/usr/bin/curl (web.service)"),
        ({"unit": None}, "/usr/bin/curl"),
        ({"unit": None, "uid": 0}, "/usr/bin/curl"),
        ({"unit": None, "uid": 4242}, "/usr/bin/curl of user 4242"),
        ({"uid": 4242}, "/usr/bin/curl of user 4242 (web.service)"),
        ({"unit": None, "uid": 4242, "container": "web"}, "/usr/bin/curl in web"),
        ({"unit": None, "program": "unknown"}, "an unknown process"),
    ],
)
def test_who_says_the_program_and_whose_it_is(changes, expected):
    assert who(replace(CALLER, **changes)) == expected


def test_how_often_and_when():
    assert (times(1), times(2)) == ("once", "2 times")
    later = replace(CALLER, last_seen="2023-11-15T00:00:00Z")
    assert last([later, CALLER]) == later.last_seen


def test_it_is_called_by_what_somebody_would_look_for():
    assert called([CALLER]) == "web.service"
    assert called([replace(CALLER, container="web")]) == "web"
    assert called([replace(CALLER, unit=None)]) == "/usr/bin/curl"
