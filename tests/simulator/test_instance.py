"""The instance without sockets: updates, counts, throttling, secrets, reports."""

import threading

import pytest

from imds_probe.errors import ProbeError
from imds_probe.simulator.instance import LoggedRequest, SimulatedInstance
from imds_probe.simulator.messages import MetadataRequest
from imds_probe.simulator.state import InstanceState
from imds_probe.simulator.tokens import Clock

GET = MetadataRequest("GET", "/latest/meta-data/instance-id", {}, 50)
PUT = MetadataRequest("PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": "60"}, 50)


def instance(**state) -> SimulatedInstance:
    return SimulatedInstance(InstanceState(**state), Clock())


def test_an_update_is_seen_by_the_next_request():
    simulated = instance()
    assert simulated.handle(GET, "a").answer.status == 200
    simulated.update({"http_tokens": "required", "instance_id": "i-00000000000000001"})
    assert simulated.handle(GET, "a").answer.status == 401
    simulated.update({"http_tokens": "optional"})
    assert simulated.handle(GET, "a").answer.body == b"i-00000000000000001"


@pytest.mark.parametrize("changes", [{"hop_limits": 2}, {"hop_limit": 0}, {"hop_limit": 2, "http_tokens": "no"}])
def test_a_bad_update_changes_nothing(changes):
    simulated = instance()
    with pytest.raises(ProbeError):
        simulated.update(changes)
    assert simulated.state == InstanceState()


def test_faults_count_on_through_other_updates_and_anew_when_set():
    fault = {"kind": "status", "status": 500, "count": 2}
    simulated = instance(faults=(fault,))
    assert simulated.handle(GET, "a").answer.status == 500
    simulated.update({"hop_limit": 2})
    assert [simulated.handle(GET, "a").answer.status for _ in range(2)] == [500, 200]
    simulated.update({"faults": [fault]})
    assert [simulated.handle(GET, "a").answer.status for _ in range(3)] == [500, 500, 200]
    assert simulated.counts().by_status == {500: 4, 200: 2}


def test_a_status_fault_issues_no_token():
    simulated = instance(faults=({"kind": "status", "applies_to": "token_put"},))
    before = simulated.issued_secrets()
    assert simulated.handle(PUT, "a").answer.status == 503
    assert simulated.issued_secrets() == before


def test_throttling_answers_503_and_recovers():
    simulated = instance(throttle_requests_per_s=3)
    # A second may begin in the middle of it: then one more passes.
    statuses = [simulated.handle(GET, "a").answer.status for _ in range(10)]
    assert statuses[:3] == [200, 200, 200]
    assert statuses.count(503) >= 4
    simulated.clock.jump(1)
    assert simulated.handle(GET, "a").answer.status == 200


def test_secrets_are_what_was_or_could_be_served():
    simulated = instance(iam_role="web")
    token = simulated.handle(PUT, "a").answer.body.decode()
    document = simulated.handle(
        MetadataRequest("GET", "/latest/meta-data/iam/security-credentials/web", {}, 50), "a"
    ).answer.body.decode()
    secrets = simulated.issued_secrets()
    assert token in secrets
    assert sum(secret in document for secret in secrets) == 2


def test_expired_dates_are_renewed():
    simulated = instance(iam_role="web")
    request = MetadataRequest("GET", "/latest/meta-data/iam/security-credentials/web", {}, 50)
    before = simulated.handle(request, "a").answer.body
    assert simulated.handle(request, "a").answer.body == before
    simulated.clock.jump(7200)
    assert simulated.handle(request, "a").answer.body != before


def test_reports_carry_no_token():
    seen: list[LoggedRequest] = []
    simulated = SimulatedInstance(InstanceState(), Clock(), seen.append)
    token = simulated.handle(PUT, "a").answer.body.decode()
    headers = {"x-aws-ec2-metadata-token": token, "user-agent": f"curl {token}"}
    simulated.handle(MetadataRequest("GET", f"/latest/{token}", headers, 50), "192.0.2.1")
    assert len(seen) == 2
    assert token not in repr(seen)
    last = seen[-1]
    assert (last.caller, last.method, last.path, last.imds_version, last.status, last.user_agent) == (
        "192.0.2.1",
        "GET",
        "/latest/<token>",
        "v2",
        404,
        "curl <token>",
    )


def test_updates_from_many_threads_leave_a_whole_state():
    simulated = instance()
    counts = {"http_tokens": "required"}, {"hop_limit": 2}, {"latency_ms": 1}, {"iam_role": "web"}

    def change(changes):
        for _ in range(20):
            simulated.update(changes)
            simulated.handle(GET, "a")

    threads = [threading.Thread(target=change, args=(changes,)) for changes in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert simulated.state == InstanceState(http_tokens="required", hop_limit=2, latency_ms=1, iam_role="web")
    assert simulated.counts().total == 80


def test_what_is_no_request_is_counted_apart():
    simulated = instance()
    assert simulated.malformed().status == 400
    assert (simulated.counts().malformed, simulated.counts().total) == (1, 0)
