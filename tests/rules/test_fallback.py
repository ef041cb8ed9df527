"""Why somebody asks without a token, by what came of his own request for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fallen_back import CATALOG, LOST, MESHED, PLAIN, RAISED, WEB, cause, judged, received, watched
from watched_calls import CALLER

from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser
from imds_probe.rules.hop_need import needed_hop_limit

JAVASCRIPT = SdkSoftware(
    "aws-sdk-js-v3",
    "npm",
    "@aws-sdk/client-s3",
    "3.500.0",
    "node_modules",
    "/app/node_modules/@aws-sdk/client-s3",
    container="web",
    container_ids=(WEB.id,),
    sdk=SdkUse(None, None, ("/app",), 1, users=(SdkUser(7, "node", None),)),
)
BOTO = "Boto3/1.43.11 Python/3.11.2 Linux/6.1 Botocore/1.43.11"


def test_of_two_callers_in_one_container_each_has_its_own_cause():
    """The same program, one that falls back and one that never asks for a token: the hop limit cures the first alone."""
    plain, fell_back = sorted(judged(LOST, PLAIN), key=lambda each: each.id)
    assert (plain.id, plain.implies) == ("imdsv1-caller", "not-ready")
    assert (fell_back.id, fell_back.implies) == ("imdsv1-fallback", "needs-hop-limit")
    assert "asked for no token" in plain.summary
    assert "hop limit 2 cures that" in fell_back.summary
    assert fell_back.evidence[-1] == (
        "the answer to its token request came to this host with TTL 1; the caller is 1 hop away over veth7"
    )


@pytest.mark.parametrize("agent", ["curl/8", None, "python-requests/2.31", "aws-sdk-nodejs/2.1500.0"])
def test_what_one_relay_asks_for_is_not_known_to_be_one_clients(agent):
    """The token request that was lost may be that of one program, and the call without a token that of another."""
    (finding,) = judged(replace(LOST, user_agent=agent), **MESHED)
    assert (finding.id, finding.implies) == ("imdsv1-through-relay", "unknown")
    assert finding.fix.text.startswith("Raise the hop limit to 2 while tokens are still optional")


def test_an_sdk_that_names_itself_falls_back_behind_a_relay_too():
    (finding,) = judged(replace(LOST, user_agent=BOTO), **MESHED)
    assert (finding.id, finding.implies) == ("imdsv1-fallback", "needs-hop-limit")
    (old,) = judged(replace(LOST, user_agent="Boto3/1.9.1 Botocore/1.12.0"), **MESHED)
    assert (old.id, old.implies) == ("imdsv1-caller", "not-ready")


def test_what_was_seen_to_ask_for_no_token_behind_a_relay_is_no_fallback():
    plain, through = sorted(judged(PLAIN, LOST, **MESHED), key=lambda each: each.id)
    assert (plain.id, through.id) == ("imdsv1-caller", "imdsv1-through-relay")


ASKED = replace(LOST, version="v2", path_class="token", path="/latest/api/token", count=1)
LATER = replace(LOST, token="lost-before")


@pytest.mark.parametrize(
    "calls", [(LATER, ASKED), (replace(LOST, count=11_999), ASKED), (replace(LATER, count=1), LOST)]
)
def test_a_token_that_was_lost_once_does_not_explain_all_calls_afterwards(calls):
    """A script whose first block asks for a token, and an old curl further down that does not."""
    found = {each.id: each for each in judged(*calls)}
    doubtful = found["imdsv1-fallback-doubtful"]
    assert doubtful.implies == "unknown"
    assert doubtful.fix.text.startswith(
        "Raise the hop limit to 2 while tokens are still optional, do not require tokens"
    )
    asked = sum(each.count for each in calls if each.version == "v2")
    assert doubtful.evidence[-1] == (
        f"{calls[0].count} calls without a token, and {asked} token requests of the same program in the window"
    )
    assert needed_hop_limit(watched(*calls, containers=()), CATALOG) == 2


def test_calls_that_follow_a_token_request_each_are_explained_by_it():
    many = replace(LOST, count=11_999), replace(ASKED, count=6000)
    assert [each.id for each in judged(*many)] == ["imdsv1-fallback"]
    sdk = replace(LOST, count=11_999, user_agent="aws-sdk-go/1.44.1")
    assert [each.id for each in judged(sdk, ASKED)] == ["imdsv1-fallback"]


def test_a_higher_hop_limit_alone_does_not_end_what_may_be_of_an_old_part():
    """What has ended is over once a token would arrive, unless a part of it may never ask for one."""
    ended = replace(LATER, container="build", container_id="9" * 64, image="ci/build:7")
    (doubtful,) = judged(ended, containers=(), imds=RAISED)
    assert (doubtful.id, doubtful.implies) == ("imdsv1-fallback-doubtful", "unknown")
    assert doubtful.fix.text.startswith("Keep the hop limit as it is, and run the program")
    (past,) = judged(ended, received(ended, pid=None), containers=(), imds=RAISED)
    assert past.id == "imdsv1-fallback-past"


def test_tokens_that_its_program_asked_for_elsewhere_explain_nothing():
    token = replace(LOST, version="v2", path_class="token", path="/latest/api/token")
    assert cause(PLAIN, token).needs_hop_limit is None
    assert cause(replace(PLAIN, token=None), token).needs_hop_limit == 2  # of an earlier report nobody can tell


@pytest.mark.parametrize(
    ("caller", "said", "fix"),
    [
        (replace(PLAIN, token="answered"), "it also asks for tokens, so only a part of it is old", "part that asks"),
        (replace(PLAIN, token="unseen"), "it was started before the watch", "asks for a token first"),
        (replace(PLAIN, served=0), "answered only with errors so far, such as 404", "asks for a token first"),
        (replace(LOST, token_ttl=2), "although the hop limit suffices", "A higher hop limit does not help"),
        (replace(CALLER, token="unanswered", distance=0), "no answer to its token request", "drops the token request"),
        (
            replace(CALLER, token="none", origin="virtual-machine"),
            "the programs in a virtual machine",
            "in the virtual machine",
        ),
        (
            replace(CALLER, token="none", origin="user-mode-network"),
            "relays requests of a container or virtual machine",
            "was started for",
        ),
    ],
)
def test_everything_else_has_a_cause_of_its_own(caller, said, fix):
    there = (replace(WEB, reach=()),)
    found = cause(caller, containers=there)
    assert said in found.why
    assert fix in found.fix.text
    assert found.needs_hop_limit is None


def test_an_sdk_that_gives_up_asking_for_tokens_fell_back_before_it_was_watched():
    unseen = replace(PLAIN, token="unseen", program="/usr/bin/node")
    assert cause(unseen, software=(JAVASCRIPT,)).needs_hop_limit == 2
    assert cause(replace(unseen, pid=8), software=(JAVASCRIPT,)).needs_hop_limit is None
    assert cause(replace(unseen, token="none"), software=(JAVASCRIPT,)).needs_hop_limit is None
    beside = replace(unseen, token="none", pid=8, last_seen="2023-11-14T22:13:19Z")  # the same program, started later
    for others in ((beside,), (replace(beside, token="answered"),)):
        assert all(each.implies == "not-ready" for each in judged(unseen, *others, software=(JAVASCRIPT,)))
    old = replace(JAVASCRIPT, component="aws-sdk-js-v2")
    assert cause(unseen, software=(old,)).needs_hop_limit is None


def test_the_sdk_for_javascript_2_asks_for_a_token_before_credentials_and_for_nothing_else():
    old = replace(JAVASCRIPT, component="aws-sdk-js-v2", package="aws-sdk", version="2.1692.0")
    unseen = replace(PLAIN, token="unseen", path_class="credentials", user_agent="aws-sdk-nodejs/2.1692.0 linux")
    asked = replace(LOST, version="v2", path_class="token", user_agent=None)
    assert cause(unseen, asked, software=(old,)).needs_hop_limit == 2
    for other in (
        (unseen,),
        (unseen, replace(asked, token="answered")),
        (unseen, replace(asked, pid=8)),
        (replace(unseen, path_class="meta-data"), asked),
        (replace(unseen, user_agent=None), asked),
        (replace(unseen, token="none"), asked),
    ):
        assert cause(*other, software=(old,)).needs_hop_limit is None
