import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.collect.instance import parse, why_missing
from imds_probe.imds.replies import Outcome, Reply

DOCUMENT = {
    "instanceId": "i-0123456789abcdef0",
    "region": "us-gov-west-1",
    "availabilityZone": "us-west-2-lax-1a",
    "accountId": "123456789012",
    "imageId": "ami-0123abcd",
    "instanceType": "u-6tb1.112xlarge",
    "version": "2017-09-30",
}


def test_a_document():
    found = parse(json.dumps(DOCUMENT).encode())
    assert (found.instance_id, found.region, found.account_id) == (
        "i-0123456789abcdef0",
        "us-gov-west-1",
        "123456789012",
    )
    assert (found.availability_zone, found.instance_type) == ("us-west-2-lax-1a", "u-6tb1.112xlarge")


@pytest.mark.parametrize(
    ("field", "value"),
    [("instanceId", "i-1; reboot"), ("region", "eu-west-1 --profile x"), ("accountId", 123), ("imageId", None)],
)
def test_a_field_of_the_wrong_shape_does_not_reach_a_command_line(field, value):
    found = parse(json.dumps(DOCUMENT | {field: value}).encode())
    missing = {name for name, value in vars(found).items() if value is None}
    assert len(missing - {"auto_scaling_group", "owner", "launch_template"}) == 1  # these are no fields of the document


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"<html>", b"[" * 100_000])
def test_what_is_no_document(body):
    assert parse(body) is None


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(body):
    parse(body)


def test_why_missing():
    assert "JSON object" in why_missing(Reply(Outcome.OK, "HTTP status 200"))
    assert "HTTP status 404" in why_missing(Reply(Outcome.NOT_FOUND, "HTTP status 404"))
