"""What becomes of each trouble of a call, by a real client against a server that makes them."""

from __future__ import annotations

import time

import botocore.session
import pytest
from aws_server import PATIENCE_S
from botocore.config import Config
from botocore.exceptions import CredentialRetrievalError
from fault_server import FaultServer, faulty, one_after_another
from soon import wait_for

from imds_probe.aws import calls
from imds_probe.aws.calls import CallError, call


def put(
    server: FaultServer,
    *,
    within_s: float = PATIENCE_S,
    answered_within_s: float = PATIENCE_S,
    renewed: list[int] | None = None,
    **how,
):
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "made-up")
    waits = {"connect_timeout": PATIENCE_S, "read_timeout": answered_within_s}
    config = Config(**waits, retries={"total_max_attempts": 1}, proxies={})
    client = session.create_client("logs", region_name="eu-west-1", endpoint_url=server.endpoint, config=config)
    arguments = {"logGroupName": "g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "x"}]} | how
    return call(
        lambda: client.put_log_events(**arguments),
        deadline=time.monotonic() + within_s,
        renew=lambda: renewed.append(1) if renewed is not None else None,
        sleep=lambda seconds: time.sleep(min(seconds, 0.01)),
    )


@pytest.mark.parametrize("kind", ["throttle", "500", "503"])
def test_what_may_pass_is_tried_again(kind):
    with faulty(one_after_another(kind, kind)) as server:
        put(server)
        assert server.kinds == [kind, kind, "ok"]


@pytest.mark.parametrize(
    ("kind", "outcome", "said"),
    [
        ("throttle", "later", "AWS has us wait: ThrottlingException in PutLogEvents: Rate exceeded"),
        ("500", "later", "AWS failed: InternalFailure in PutLogEvents: sorry"),
        ("400", "refused", "AWS refuses it: InvalidParameterException in PutLogEvents"),
        ("413", "refused", "AWS refuses it: RequestEntityTooLarge in PutLogEvents: too large"),
        ("403", "later", "AWS does not allow it: AccessDeniedException in PutLogEvents"),
        ("expired", "later", "AWS refuses the credentials: ExpiredTokenException"),
        ("missing", "refused", "ResourceNotFoundException"),
        ("hang", "in-doubt", "AWS did not finish its answer: Read timeout"),
        ("reset", "in-doubt", "AWS did not finish its answer: Connection was closed"),
        ("half", "in-doubt", "AWS did not finish its answer: "),
    ],
)
def test_what_does_not_pass_says_what_has_come_of_it(kind, outcome, said):
    with faulty(lambda _: kind) as server:
        with pytest.raises(CallError, match=said) as caught:
            put(server, answered_within_s=0.5 if kind == "hang" else PATIENCE_S)
        wait_for(lambda: server.kinds)  # nobody waited until the server had read what hangs
    assert caught.value.outcome == outcome
    tries = {"throttle": calls.ATTEMPTS, "500": calls.ATTEMPTS, "expired": 2}
    assert len(server.kinds) == tries.get(kind, 1)  # what may have arrived is not sent again


def test_credentials_that_have_expired_are_renewed_once():
    renewed: list[int] = []
    with faulty(one_after_another("expired")) as server:
        put(server, renewed=renewed)
    assert (renewed, server.kinds) == ([1], ["expired", "ok"])


@pytest.mark.parametrize(("clock_s", "said"), [(301.0, "301 s behind"), (-301.0, "301 s ahead of")])
def test_a_clock_that_is_off_is_named_with_by_how_much(monkeypatch, clock_s, said):
    now = float(int(time.time()))
    monkeypatch.setattr(time, "time", lambda: now)  # an answer that takes long would make the server's clock look later
    with faulty(lambda _: "clock", clock_s=clock_s) as server, pytest.raises(CallError, match=said) as caught:
        put(server)
    assert caught.value.outcome == "later"


def test_nobody_there_is_tried_again_and_then_later():
    with faulty(lambda _: "ok") as server:
        pass
    with pytest.raises(CallError, match="AWS cannot be reached: Could not connect") as caught:
        put(server)
    assert caught.value.outcome == "later"


def test_a_request_that_makes_no_sense_is_never_sent():
    with faulty(lambda _: "ok") as server, pytest.raises(CallError) as caught:
        put(server, logEvents="none")
    assert (caught.value.outcome, server.kinds) == ("refused", [])


def test_without_credentials_or_time_it_is_not_tried():
    def none() -> None:
        raise CredentialRetrievalError(provider="iam-role", error_msg="they ended")

    with pytest.raises(CallError, match="no credentials for AWS: .*they ended"):
        call(none, deadline=time.monotonic() + 5, renew=lambda: None)
    with faulty(lambda _: "ok") as server, pytest.raises(CallError, match="no time left"):
        put(server, within_s=0.0)
    assert server.kinds == []


def test_pauses_grow_are_jittered_and_end_with_the_time():
    paused: list[float] = []

    def failing() -> None:
        raise calls.exceptions.EndpointConnectionError(endpoint_url="http://x")

    for _ in range(50):
        with pytest.raises(CallError):
            call(failing, deadline=time.monotonic() + 60, renew=lambda: None, sleep=paused.append)
    assert len(paused) == 50 * (calls.ATTEMPTS - 1)
    thirds = [paused[number :: calls.ATTEMPTS - 1] for number in range(calls.ATTEMPTS - 1)]
    for number, some in enumerate(thirds):
        assert max(some) <= calls.BASE_S * 2**number
        assert min(some) < calls.BASE_S * 2**number / 4  # full jitter: from nothing on
    paused.clear()
    with pytest.raises(CallError):
        call(failing, deadline=time.monotonic() + 0.001, renew=lambda: None, sleep=paused.append)
    assert sum(paused) <= 0.001
