"""What the instance allows, found in the lab: over IPv4 and IPv6, with and without privilege."""

import time

import pytest
from soon import SOON_S

from imds_probe.collect import host_hop_limit
from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import Endpoint

MODES = ["IPv4", "IPv6"]


def mode(family):
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": family}


PRIVILEGED = pytest.mark.parametrize("privileged", [True, False], ids=["capture", "minttl"])


@pytest.mark.parametrize("family", MODES)
@PRIVILEGED
def test_the_hop_limit_is_in_the_report(run, service, privileged, family):
    service.update(hop_limit=3)
    for _ in range(3):
        ran = run(env=mode(family), privileged=privileged)
        if all(entry["hop_limit"] is not None for entry in ran.imds["endpoints"]):
            break  # a busy machine may leave one unknown; never wrong
    assert ran.imds["hop_limit"] == 3
    assert ran.imds["hop_limit_method"] == ("capture" if privileged else "minttl")
    assert ran.report["probe"]["privileged"] is privileged
    # Both families were measured, and agree.
    assert {entry["hop_limit"] for entry in ran.imds["endpoints"]} == {3}


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254"], ids=MODES)
@PRIVILEGED
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 17, 64])
def test_the_hop_limit_is_exact(lab, service, monkeypatch, limit, privileged, address):
    def measured():
        deadline, counter = time.monotonic() + SOON_S, RequestCounter()
        client = MetadataClient(Endpoint(address, 80), deadline=deadline, counter=counter)
        return host_hop_limit.put_token(client, deadline=deadline, counter=counter)

    def refused(*_, **__):
        raise PermissionError

    if not privileged:
        monkeypatch.setattr(host_hop_limit, "Capture", refused)
    service.update(hop_limit=limit)
    for _ in range(1 if privileged else 10):
        found = lab.instance.call(measured)
        if found.hop_limit is not None:  # a busy machine may leave it unknown without capture; never wrong
            break
    assert (found.hop_limit, found.method) == (limit, "capture" if privileged else "minttl"), found


@pytest.mark.parametrize("family", MODES)
@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_tokens_are_told_with_one_request(run, service, tokens, family):
    service.update(http_tokens=tokens)
    ran = run(env=mode(family))
    assert (ran.imds["tokens"], ran.imds["tokens_method"]) == (tokens, "v1-probe")
    assert ran.report["probe"]["imdsv1_requests_made"] == service.counts.imdsv1 == 1
    assert ran.report["probe"]["imdsv2_requests_made"] == service.counts.imdsv2
    assert (ran.code, ran.verdict) == (0, "ready")


@pytest.mark.parametrize("family", MODES)
@pytest.mark.parametrize("privileged", [True, False])
def test_no_request_without_a_token_when_told_so(run, service, privileged, family):
    ran = run("--no-v1-probe", env=mode(family), privileged=privileged)
    assert (ran.imds["tokens"], ran.imds["tokens_method"]) == ("unknown", "not-tried")
    assert ran.report["probe"]["imdsv1_requests_made"] == service.counts.imdsv1 == 0
    assert "tokens-unknown" in ran.finding_ids


@pytest.mark.parametrize("family", MODES)
def test_a_disabled_endpoint_is_a_state_of_its_own(run, service, family):
    service.update(http_endpoint="disabled")
    ran = run(env=mode(family))
    assert (ran.imds["endpoint"], ran.imds["ipv6"], ran.code, ran.verdict) == ("disabled", "disabled", 0, "ready")
    assert "imds-disabled" in ran.finding_ids
    # The service says nothing of itself, and the command is still complete: the id is in the firmware.
    assert "--instance-id i-0123456789abcdef0" in ran.report["verdict"]["switch"]["aws_cli"]
    assert service.counts.imdsv1 == ran.report["probe"]["imdsv1_requests_made"] <= 1


def test_403_alone_is_no_proof_of_a_disabled_endpoint(run, service):
    # A proxy that adds X-Forwarded-For draws 403 for tokens while IMDSv1 is answered: never "ready" by this.
    service.update(faults=[{"kind": "status", "applies_to": "token_put", "status": 403}])
    ran = run("--no-v1-probe")
    assert (ran.imds["endpoint"], ran.code, ran.verdict) == ("unknown", 3, "unknown")


def test_403_by_somebody_else_is_no_disabled_endpoint(run, service):
    service.update(http_endpoint="disabled", server_header="kube2iam")
    ran = run()
    assert (ran.imds["endpoint"], ran.code) == ("unknown", 3)


@pytest.mark.parametrize("family", MODES)
def test_a_proxy_is_not_taken_for_the_instance(run, service, family):
    service.update(server_header="kube2iam", hop_limit=64)
    ran = run(env=mode(family))
    assert (ran.imds["answered_by"], ran.imds["hop_limit"]) == ("kube2iam", None)
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert "imds-answered-by-proxy" in ran.finding_ids


@pytest.mark.parametrize(("status", "tokens"), [(403, "optional"), (404, "optional"), (405, "required")])
def test_a_token_request_that_something_refuses(run, service, status, tokens):
    fault = {"kind": "status", "applies_to": "token_put", "status": status}
    service.update(http_tokens=tokens, faults=[fault])
    ran = run()
    assert (ran.imds["endpoint"], ran.imds["tokens"]) == ("refuses-tokens", tokens)
    assert (ran.code, ran.verdict) == (1, "not-ready")
    assert "token-request-refused" in ran.finding_ids


def test_a_token_response_that_something_drops(run, service):
    service.update(faults=[{"kind": "silence-after-request", "applies_to": "token_put"}])
    ran = run()
    assert (ran.imds["endpoint"], ran.code) == ("loses-tokens", 1)
    assert "token-response-lost" in ran.finding_ids
    assert service.counts.imdsv1 == ran.report["probe"]["imdsv1_requests_made"] == 1


def test_unreachable_without_a_route(run, service, lab):
    nowhere = lab.nodes.get("nowhere") or lab.add_container("nowhere", no_route=True)
    ran = run(node=nowhere)
    assert (ran.imds["endpoint"], ran.code, ran.verdict) == ("unreachable", 3, "unknown")
    assert {entry["token_outcome"] for entry in ran.imds["endpoints"]} == {"no-route"}
    assert service.counts.connections == 0


def test_unreachable_behind_a_drop_rule(run, service, lab):
    dropped = lab.nodes.get("dropped") or lab.add_container("dropped", drop=True)
    ran = run(node=dropped)
    assert (ran.imds["endpoint"], ran.code, ran.verdict) == ("unreachable", 3, "unknown")
    assert {entry["token_outcome"] for entry in ran.imds["endpoints"]} == {"connect-timeout"}
    # The request without a token is not wasted on an address that did not even connect.
    assert ran.report["probe"]["imdsv1_requests_made"] == 0


def test_ipv6_that_the_instance_does_not_have(run, service):
    service.update(http_protocol_ipv6="disabled")
    ran = run()
    assert (ran.imds["endpoint"], ran.imds["ipv6"], ran.code) == ("enabled", "unreachable", 0)


def test_identity_and_tags(run, service):
    service.update(instance_metadata_tags="enabled", tags={"Name": "web"}, region="eu-west-1")
    ran = run()
    assert ran.imds["instance_tags"] is True
    assert ran.report["instance"] == {
        "instance_id": "i-0123456789abcdef0",
        "region": "eu-west-1",
        "availability_zone": "us-east-1a",
        "account_id": "123456789012",
        "image_id": "ami-0123456789abcdef0",
        "instance_type": "m5.large",
        "auto_scaling_group": None,
        "owner": None,
        "launch_template": None,
    }
    assert "--region eu-west-1 " in ran.report["verdict"]["switch"]["aws_cli"]


@pytest.mark.parametrize(("name", "known"), [("web-blue", "web-blue"), ("two\nlines", None)])
def test_the_auto_scaling_group_is_known_by_its_tag(run, service, name, known):
    service.update(instance_metadata_tags="enabled", tags={"Name": "x", "aws:autoscaling:groupName": name})
    ran = run()
    assert ran.report["instance"]["auto_scaling_group"] == known
    assert service.counts.total == (
        6 if known else 7
    )  # where no tag names the group, its lifecycle state may tell of one


def test_a_run_stays_within_the_request_budget(run, service):
    run()
    # Both addresses together: two token PUTs, the identity document, the tags, the lifecycle state in an Auto Scaling group,
    # and the one without a token.
    assert service.counts.total == 6
    assert "iam/security-credentials" not in " ".join(service.counts.by_path)
