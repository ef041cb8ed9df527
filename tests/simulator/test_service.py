"""The metadata service's rules, one by one, over real connections."""

import re

import pytest

PATH = "/latest/meta-data/instance-id"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"


def test_a_token_as_captured(simulate, client):
    reply = client.put_token(simulate(), 21600)
    assert reply.status_line == "HTTP/1.1 200 OK"
    assert [name for name, _ in reply.head] == [
        "X-Aws-Ec2-Metadata-Token-Ttl-Seconds",
        "Content-Length",
        "Date",
        "Server",
        "Connection",
        "Content-Type",
    ]
    assert reply.headers["X-Aws-Ec2-Metadata-Token-Ttl-Seconds"] == "21600"
    assert reply.headers["Server"] == "EC2ws"
    assert reply.headers["Connection"] == "close"
    assert re.fullmatch(rb"AQAEA[\w-]{49}==", reply.body)
    assert reply.end == "closed"


def test_a_get_with_a_token_as_captured(simulate, client):
    simulator = simulate()
    reply = client.get(simulator, PATH, client.token(simulator))
    assert [name for name, _ in reply.head] == [
        "X-Aws-Ec2-Metadata-Token-Ttl-Seconds",
        "Content-Type",
        "Accept-Ranges",
        "Last-Modified",
        "Content-Length",
        "Date",
        "Server",
        "Connection",
    ]
    assert reply.body == b"i-0123456789abcdef0"


def test_a_get_without_a_token_has_no_ttl(simulate, client):
    reply = client.get(simulate(), PATH)
    assert reply.status == 200
    assert "X-Aws-Ec2-Metadata-Token-Ttl-Seconds" not in reply.headers


def test_a_get_says_what_is_left_of_the_token(simulate, client):
    simulator = simulate(faults=({"kind": "clock-jump", "applies_to": "get", "seconds": 82, "count": 1},))
    token = client.put_token(simulator, 21600).body.decode()
    assert client.get(simulator, PATH, token).headers["X-Aws-Ec2-Metadata-Token-Ttl-Seconds"] == "21518"


@pytest.mark.parametrize("ttl", ["1", "60", "21600", "021600"])
def test_ttls_in_range(simulate, client, ttl):
    assert client.ask(simulate(), "PUT", "/latest/api/token", **{TTL: ttl}).status == 200


@pytest.mark.parametrize("ttl", ["0", "-1", "21601", "30000", "60.0", "", "sixty", "+60", "6 0", "9" * 5000, "\u00b2"])
def test_ttls_out_of_range(simulate, client, ttl):
    assert client.ask(simulate(), "PUT", "/latest/api/token", **{TTL: ttl}).status == 400


def test_no_ttl(simulate, client):
    assert client.ask(simulate(), "PUT", "/latest/api/token").status == 400


@pytest.mark.parametrize("version", ["2021-03-23", "1.0", "2009-04-04"])
def test_a_versioned_token_path_is_forbidden(simulate, client, version):
    assert client.ask(simulate(), "PUT", f"/{version}/api/token", **{TTL: "60"}).status == 403


def test_forwarded_for_is_forbidden_for_tokens_only(simulate, client):
    simulator = simulate()
    token = client.token(simulator)
    forwarded = {"X-Forwarded-For": "192.0.2.1"}
    assert client.put_token(simulator, 60, **forwarded).status == 403
    assert client.get(simulator, PATH, token, **forwarded).status == 403
    assert client.get(simulator, PATH, **forwarded).status == 200
    assert simulator.counts.forwarded_for == 3


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PATCH", "put"])
def test_other_methods_on_the_token_path(simulate, client, method):
    reply = client.ask(simulate(), method, "/latest/api/token", **{TTL: "60"})
    assert reply.status_line == "HTTP/1.1 405 Not Allowed"
    assert reply.headers["Allow"] == "OPTIONS, PUT"
    assert reply.body == b""


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_on_metadata(simulate, client, method):
    reply = client.ask(simulate(), method, PATH)
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
@pytest.mark.parametrize("path", ["/", PATH, "/latest/api/token", "/nothing"])
def test_a_disabled_endpoint_forbids_everything(simulate, client, method, path):
    assert client.ask(simulate(http_endpoint="disabled"), method, path, **{TTL: "60"}).status == 403


def test_required_tokens(simulate, client):
    simulator = simulate(http_tokens="required")
    token = client.token(simulator)
    bare = client.get(simulator, PATH)
    assert (bare.status_line, bare.body, bare.headers["Content-Length"]) == ("HTTP/1.1 401 Unauthorized", b"", "0")
    assert client.get(simulator, "/nothing").status == 401
    assert client.get(simulator, PATH, "AQAEAinvalid==").status == 401
    assert client.get(simulator, PATH, "").status == 401
    assert client.get(simulator, PATH, token).status == 200
    simulator.update(faults=[{"kind": "clock-jump", "count": 1}])
    assert client.get(simulator, PATH, token).status == 401


def test_a_ttl_header_on_a_get_is_no_token(simulate, client):
    simulator = simulate(http_tokens="required")
    assert client.ask(simulator, "GET", PATH, **{TTL: "60"}).status == 401
    assert simulator.counts.imdsv1 == 0


@pytest.mark.parametrize(("choice", "status"), [("unauthorized", 401), ("ignored", 200)])
def test_an_invalid_token_while_optional(simulate, client, choice, status):
    reply = client.get(simulate(invalid_token_when_optional=choice), PATH, "AQAEAinvalid==")
    assert reply.status == status
    assert "X-Aws-Ec2-Metadata-Token-Ttl-Seconds" not in reply.headers


def test_head_has_the_length_and_no_body(simulate, client):
    simulator = simulate()
    reply = client.ask(simulator, "HEAD", PATH, **{TOKEN: client.token(simulator)})
    assert (reply.status, reply.headers["Content-Length"], reply.body) == (200, "19", b"")


def test_absent(simulate, client):
    reply = client.get(simulate(), "/latest/meta-data/tags/instance")
    assert (reply.status, reply.body) == (404, b"")


def test_user_data_is_an_octet_stream(simulate, client):
    simulator = simulate(user_data="#!/bin/sh\n")
    for path in ("/latest/user-data", "/latest/user-data/"):
        reply = client.get(simulator, path)
        assert (reply.body, reply.headers["Content-Type"]) == (b"#!/bin/sh\n", "application/octet-stream")
        assert reply.headers["Accept-Ranges"] == "bytes"


def test_http_1_0_with_xhtml_as_captured(simulate, client):
    simulator = simulate(http_tokens="required", http_version="1.0", error_body="xhtml")
    reply = client.get(simulator, PATH)
    assert reply.status_line == "HTTP/1.0 401 Unauthorized"
    assert reply.headers["Content-Type"] == "text/html"
    assert b"XHTML 1.0" in reply.body
    assert b"401 - Unauthorized" in reply.body
    token = client.put_token(simulator)
    assert token.status_line == "HTTP/1.0 200 OK"
    assert token.body.startswith(b"AQAAA")


def test_another_server_plays_a_proxy(simulate, client):
    assert client.put_token(simulate(server_header="kube2iam")).headers["Server"] == "kube2iam"
