"""The counts that other tests and the lab rely on."""

import json

from imds_probe.simulator import counts as module
from imds_probe.simulator.counts import OTHERS, Counter, Tally
from imds_probe.simulator.messages import MetadataRequest
from imds_probe.simulator.tokens import Clock, Tokens

V1 = MetadataRequest("GET", "/latest/meta-data/", {"x-forwarded-for": "192.0.2.1"}, 100)
V2 = MetadataRequest("GET", "/latest/meta-data/", {"x-aws-ec2-metadata-token": "t"}, 200)
PUT = MetadataRequest(
    "PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": "60", "content-length": "5"}, 150
)


def test_sums_by_caller_path_and_status():
    counter = Counter()
    counter.connection("192.0.2.1")
    for caller, request, status in (
        ("192.0.2.1", PUT, 200),
        ("192.0.2.1", V2, 200),
        ("192.0.2.1", V2, 401),
        ("192.0.2.2", V1, 200),
        ("192.0.2.2", V1, 401),
        ("192.0.2.2", V1, 403),
        ("192.0.2.2", V1, 404),
        ("192.0.2.2", V1, 0),
    ):
        counter.request(caller, request, status)
    counter.malformed()
    counts = counter.snapshot()
    assert (counts.total, counts.imdsv1, counts.imdsv1_refused, counts.imdsv2, counts.token_puts) == (8, 5, 2, 3, 1)
    assert (counts.connections, counts.request_bytes, counts.forwarded_for, counts.malformed) == (1, 1055, 5, 1)
    assert counts.by_caller["192.0.2.1"] == Tally(3, 0, 0, 3, 1, 1, 555)
    assert counts.by_path["/latest/meta-data/"].imdsv1 == 5
    assert counts.by_status == {200: 3, 401: 2, 403: 1, 404: 1, 0: 1}
    assert json.loads(json.dumps(counts.to_mapping()))["by_caller"]["192.0.2.2"]["imdsv1_refused"] == 2


def test_a_snapshot_stays_and_a_reset_empties():
    counter = Counter()
    counter.request("a", V1, 200)
    before = counter.snapshot()
    counter.request("a", V1, 200)
    assert (before.total, before.by_caller["a"].total) == (1, 1)
    counter.reset()
    assert counter.snapshot() == Counter().snapshot()


def test_callers_and_paths_do_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(module, "DISTINCT_KEYS", 3)
    counter = Counter()
    for number in range(10):
        counter.request(f"caller {number}", MetadataRequest("GET", f"/{number}", {}, 1), 404)
    counts = counter.snapshot()
    assert len(counts.by_caller) == len(counts.by_path) == 4
    assert counts.by_path[OTHERS].total == 7


def test_no_token_in_a_path():
    counter = Counter()
    token = Tokens(Clock()).issue(60)
    counter.request("a", MetadataRequest("GET", f"/{token}", {}, 1), 404)
    assert token not in json.dumps(counter.snapshot().to_mapping())
