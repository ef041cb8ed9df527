from dataclasses import replace

import pytest
from watched_calls import CALLER

from imds_probe.rules.caller_phrases import called, is_nameless, last, times, who


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


def test_several_containers_are_called_by_what_they_have_in_common():
    inside = replace(CALLER, container="a", container_id="1" * 64, image="ci:1")
    both = [inside, replace(inside, container="b", container_id="2" * 64)]
    assert called(both) == "ci:1"
    assert called([replace(each, script="/opt/x.sh") for each in both]) == "ci:1: /opt/x.sh"
    assert called([replace(each, image=None) for each in both]) == "containers that have ended"
    assert called(both[:1]) == "a"


def test_a_name_is_said_without_what_was_made_up_for_one_run():
    by = replace(CALLER, script="/tmp/jenkins2938472938472.sh", started_by="java", unit="run-u17.service")
    assert called([by]) == "/tmp/jenkins*.sh"
    assert who(by) == "/tmp/jenkins*.sh, started by java (curl, run-*.service)"
    assert called([replace(by, script=None)]) == "run-*.service"
    assert is_nameless(replace(CALLER, container_id="1" * 64, container="1" * 12))
    assert not is_nameless(replace(CALLER, container_id="1" * 64, container="web"))
    assert not is_nameless(replace(CALLER, container_id="1" * 64, container="1" * 12, image="ci:1"))
    assert not is_nameless(CALLER)
