"""Values that make no sense are refused, and the message names the field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.errors import ProbeError
from imds_probe.simulator.state import InstanceState
from imds_probe.simulator.state_checks import CHECKS, checked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_tokens", "requried"),
        ("http_tokens", None),
        ("http_endpoint", True),
        ("hop_limit", 0),
        ("hop_limit", 65),
        ("hop_limit", "2"),
        ("hop_limit", True),
        ("hop_limit", 1.0),
        ("instance_id", "i-xyz"),
        ("account_id", "12345"),
        ("account_id", 123456789012),
        ("hostname", "a b"),
        ("hostname", "x\r\nSet-Cookie: y"),
        ("private_ips", []),
        ("private_ips", ["10.0.0.256"]),
        ("private_ips", "10.0.0.1"),
        ("public_ip", "example.com"),
        ("mac", "02:00"),
        ("security_groups", ["a\nb"]),
        ("security_groups", [""]),
        ("tags", {"with space": "x"}),
        ("tags", {"a/b": "x"}),
        ("tags", {"_index": "x"}),
        ("tags", {"..": "x"}),
        ("tags", {"a": 1}),
        ("tags", ["a"]),
        ("user_data", ""),
        ("user_data", "x" * 16385),
        ("user_data", "\ud800"),
        ("iam_role", "a/b"),
        ("spot_instance_action", "explode"),
        ("spot_action_time", "tomorrow"),
        ("maintenance_scheduled", {"a": 1}),
        ("maintenance_history", ["a"]),
        ("server_header", "a\nb"),
        ("server_header", ""),
        ("http_version", "2"),
        ("error_body", "json"),
        ("latency_ms", -1),
        ("latency_ms", 60_001),
        ("latency_ms", float("nan")),
        ("throttle_requests_per_s", 0),
    ],
)
def test_bad_values_name_the_field(name, value):
    with pytest.raises(ProbeError, match=f"^{name}: ") as caught:
        InstanceState().changed({name: value})
    assert caught.value.remedy.startswith("Use ")


@pytest.mark.parametrize("hop_limit", [1, 2, 64])
def test_hop_limits(hop_limit):
    assert InstanceState(hop_limit=hop_limit).hop_limit == hop_limit


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.optional])
def test_what_may_be_absent(name):
    assert checked(name, None) is None


@given(st.sampled_from(sorted(CHECKS)), st.one_of(st.text(), st.integers(), st.lists(st.text()), st.none()))
def test_any_value_is_taken_or_refused(name, value):
    try:
        InstanceState().changed({name: value})
    except ProbeError as error:
        assert name in error.problem
