from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.ecosystems.listed import ECOSYSTEMS
from imds_probe.imds.token_put import USER_AGENT
from imds_probe.kept.user_agent import KNOWN, kept_user_agent


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("curl/8.5.0", "curl/8.5.0"),
        ("curl/8", "curl/8"),
        (
            "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0-18-amd64 exe/x86_64.debian.12",
            "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 …",
        ),
        ("aws-sdk-go/1.44.1 (go1.20; linux; amd64)", "aws-sdk-go/1.44.1 …"),
        ("hunter2", "…"),
        ("hunter2/1.0", "…"),
        ("curl/hunter2", "curl"),
        ("curl/8.hunter2", "curl/8"),
        ("curl/8.5.0 hunter2 token=x", "curl/8.5.0 …"),
        ("curl/1234567", "curl"),
        ("", ""),
    ],
)
def test_products_that_are_known(text: str, kept: str) -> None:
    assert kept_user_agent(text) == kept


def test_what_the_rules_look_for_is_known() -> None:
    assert {product for ecosystem in ECOSYSTEMS for product in ecosystem.products} <= KNOWN
    assert kept_user_agent(USER_AGENT) == USER_AGENT


@given(
    st.text(max_size=700) | st.lists(st.sampled_from(["curl/8.1", "x", "java", "…", "boto3/1.2.3.4.5"])).map(" ".join)
)
def test_it_stays_as_it_is(text: str) -> None:
    assert kept_user_agent(kept_user_agent(text)) == kept_user_agent(text)
