from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import AGENT, with_code
from observed import FACTS, SSM_AGENT, changed
from watched_calls import CALLER

from imds_probe.facts.rehearsals import RehearsedCaller
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser, Software
from imds_probe.rules.known_callers import CODE, Known, known_callers
from imds_probe.watch.evidence import callers_of

LIBRARY = SdkSoftware(
    *("botocore", "pypi", "botocore", "1.34.0", "dist-info", "/srv/a"),
    pids=(7, 8),
    sdk=SdkUse(None, None, ("/srv/a",), 1, (SdkUser(7, "python3", "web.service"),)),
)
BARE = changed(FACTS, software=())
CURL = RehearsedCaller("/usr/bin/curl", "token", script="/opt/a.sh", unit="web.service", uid=0, pids=(9,))


def watched(*calls):
    return callers_of(
        calls, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2026-11-23T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (BARE, []),
        (changed(BARE, callers=watched(CALLER, replace(CALLER, probe=True, program="/x"))), ["/usr/bin/curl"]),
        (changed(BARE, callers=watched(replace(CALLER, path_class="other-cloud", served=0))), []),
        (changed(BARE, callers=watched(replace(CALLER, script="/opt/a.sh"))), ["/opt/a.sh"]),
        (changed(BARE, callers=watched(replace(CALLER, script="a command line that requests /x"))), ["/usr/bin/curl"]),
        (changed(BARE, software=(LIBRARY,)), ["python3", "process 8"]),
        (with_code(AGENT, facts=BARE), [AGENT.path]),
        (with_code(replace(AGENT, runs="lies"), replace(AGENT, speaks="mentions"), facts=BARE), []),
        (changed(BARE, software=(SSM_AGENT,)), ["amazon-ssm-agent"]),
        (changed(BARE, software=(Software("boto3", "dpkg", "python3-boto3", "1", "dpkg database"),)), []),
    ],
)
def test_each_source_knows_its_own(facts, names):
    assert [each.name for each in known_callers(facts)] == names


@pytest.mark.parametrize(
    ("known", "is_it"),
    [
        (Known("/usr/bin/wget", "", "/opt/a.sh", "web.service", uid=0), True),  # a script may ask with several
        (Known("/usr/bin/curl", "", "/opt/b.sh", "web.service", uid=0), False),
        (Known("/usr/bin/curl", "", None, "web.service", uid=0), False),
        (Known("/usr/bin/curl", "", "/opt/a.sh", "other.service", uid=0), False),
        (Known("/usr/bin/curl", "", "/opt/a.sh", "web.service", uid=33), False),
        (Known("/usr/bin/curl", "", "/opt/a.sh", container_id="c"), False),
        (Known("python3", "", pids=(9,)), True),
        (Known("/opt/a.sh", "", None, "web.service", uid=0, pids=(10,)), False),
        (Known("/opt/a.sh", CODE), True),
        (Known("/opt/a.sh", CODE, pids=(10,)), False),
        (Known("curl", "", package="curl"), True),
        (Known("web", "", package="web"), True),  # by the name of its unit
        (Known("we", "", package="we"), False),
        (Known("curl", "", container_id="c", package="curl"), False),
    ],
)
def test_by_what_a_known_caller_is_found_among_the_rehearsed(known, is_it):
    assert known.is_rehearsed_as(CURL) == is_it


@pytest.mark.parametrize(
    ("known", "changes", "is_it"),
    [
        (Known("/opt/a.sh", CODE), {}, False),  # root's: a user can have it ask otherwise, by BASH_ENV for example
        (Known("/opt/a.sh", CODE, uid=1000), {}, True),  # on whose account alone it runs
        (Known("/opt/a.sh", CODE, uid=1001), {}, False),
        (Known("/opt/a.sh", CODE), {"uid": None}, False),
        (Known("/opt/a.sh", CODE, container_id="c"), {"container_id": "c"}, True),
        (Known("/opt/a.sh", CODE, pids=(9,)), {"pids": (9,)}, True),
        (Known("/opt/a.sh", CODE, pids=(9,), started_by=("a.service, at each boot",)), {"pids": (9,)}, False),
        (Known("/opt/a.sh", CODE, pids=(9,), started_by=("web.service, at each boot",)), {"pids": (9,)}, True),
        (Known("curl", "", package="curl"), {"unit": "session-1.scope", "on_host": True}, False),
        (Known("curl", "", package="curl"), {"unit": "user 1000: web.service", "on_host": True}, False),
        (Known("curl", "", package="curl"), {"on_host": True}, True),
        (Known("curl", "", package="curl"), {"program": "/home/u/curl", "on_host": True}, False),
        (Known("curl", "", package="curl"), {"on_host": False}, False),
    ],
)
def test_what_a_user_runs_tells_nothing_of_what_root_runs(known, changes, is_it):
    theirs = replace(CURL, uid=1000, pids=())
    assert known.is_rehearsed_as(replace(theirs, **changes)) == is_it


def test_a_container_is_one_place_whoever_runs_there():
    inside = replace(CURL, container_id="c", unit=None, uid=None, pids=())
    assert Known("/usr/bin/curl", "", "/opt/a.sh", None, "web", "c", 1000).is_rehearsed_as(inside)
