"""States: defaults, changes, JSON, settings from the command line."""

import dataclasses
import json

import pytest

from imds_probe.errors import ProbeError
from imds_probe.simulator.faults import Fault
from imds_probe.simulator.state import InstanceState, parse_changes, parse_setting
from imds_probe.simulator.state_checks import CHECKS


def test_the_defaults_are_ec2s():
    state = InstanceState()
    assert (state.http_tokens, state.http_endpoint, state.hop_limit) == ("optional", "enabled", 1)
    assert (state.http_protocol_ipv6, state.instance_metadata_tags) == ("disabled", "disabled")


def test_every_field_is_checked():
    assert {field.name for field in dataclasses.fields(InstanceState)} == {*CHECKS, "faults"}


def test_json_there_and_back():
    state = InstanceState(
        hop_limit=2,
        private_ips=("10.0.0.1", "10.0.0.2"),
        tags={"Name": "web"},
        maintenance_scheduled=({"Code": "system-reboot"},),
        faults=(Fault("drip", count=2),),
    )
    assert InstanceState.from_json(state.to_json()) == state


def test_changes_come_as_json_has_them():
    state = InstanceState().changed({"private_ips": ["10.0.0.5"], "faults": [{"kind": "close"}], "latency_ms": 5})
    assert state.private_ips == ("10.0.0.5",)
    assert state.faults == (Fault("close"),)
    assert InstanceState() == InstanceState().changed({})


def test_an_unknown_field_is_named_with_those_that_exist():
    with pytest.raises(ProbeError, match="'http_token'") as caught:
        InstanceState().changed({"http_token": "required"})
    assert "http_tokens" in caught.value.remedy


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", "[" * 100_000])
def test_changes_are_one_json_object(text):
    with pytest.raises(ProbeError, match="JSON"):
        parse_changes(text)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("http_tokens=required", ("http_tokens", "required")),
        ("account_id=000000000001", ("account_id", "000000000001")),
        ("hop_limit=2", ("hop_limit", 2)),
        ('tags={"a":"b=c"}', ("tags", {"a": "b=c"})),
        ("iam_role=web", ("iam_role", "web")),
        ("iam_role=null", ("iam_role", None)),
        ("iam_role=", ("iam_role", None)),
        ("user_data=#!/bin/sh", ("user_data", "#!/bin/sh")),
        ('faults=[{"kind":"drip"}]', ("faults", [{"kind": "drip"}])),
    ],
)
def test_settings(setting, expected):
    assert parse_setting(setting) == expected
    InstanceState().changed(dict([expected]))


@pytest.mark.parametrize(
    ("setting", "named"), [("hop_limit", "KEY=VALUE"), ("hops=2", "hops"), ("hop_limit=two", "hop_limit")]
)
def test_bad_settings(setting, named):
    with pytest.raises(ProbeError, match=named):
        parse_setting(setting)


def test_the_mapping_is_plain_json():
    assert json.loads(InstanceState(faults=(Fault("drip"),)).to_json())["faults"] == [{"kind": "drip"}]
