from dataclasses import replace

import pytest
from code_seen import BACKUP, PACKED, with_code
from observed import FACTS, container, with_containers

from imds_probe.facts.code import Code
from imds_probe.rules.starting import starting

JOB = replace(BACKUP, speaks="v2", inside="image acme/backup:1", own_network=True)
UNREAD = replace(PACKED, program="image acme/backup:1", pids=(), runs="scheduled", own_network=True)


@pytest.mark.parametrize(
    ("job", "counts"),
    [
        (JOB, True),
        (replace(JOB, speaks="both"), True),
        (replace(JOB, speaks="v1"), True),
        (replace(JOB, runs="boot"), True),
        (replace(JOB, inside=None), True),  # curl that a crontab has a container run
        (replace(JOB, speaks="mentions"), False),
        (replace(JOB, runs="once"), False),
        (replace(JOB, runs="lies"), False),
        (replace(JOB, own_network=False), False),
    ],
)
def test_what_asks_in_a_network_of_its_own_that_is_not_there_yet(job, counts):
    assert starting(with_code(job)) == (job,) * counts


def test_what_was_not_read_may_ask():
    others = replace(UNREAD, own_network=False), replace(UNREAD, runs="once")
    assert starting(with_code(not_read=(UNREAD, *others))) == (UNREAD,)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, False),
        ({"image": "docker.io/acme/backup:1"}, False),
        ({"image": "acme/backup:2"}, True),
        ({"network": "host"}, True),  # says nothing of a network of its own
        ({"reach": ()}, True),
        ({"sandbox": True}, True),
    ],
)
def test_what_runs_of_the_same_image_is_measured_itself(changes, counts):
    there = replace(container("backup", 1, "lost"), image="acme/backup:1")
    facts = with_code(JOB, not_read=(UNREAD,), facts=with_containers(replace(there, **changes)))
    assert starting(facts) == (JOB, UNREAD) * counts


def test_a_stored_report_without_code_has_none():
    assert starting(replace(FACTS, lacking=((Code, "code"),))) == ()
