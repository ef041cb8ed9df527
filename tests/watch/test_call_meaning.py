from __future__ import annotations

from dataclasses import replace

import pytest
from watched_calls import CURL
from watched_calls import OF_ROLE as SEEN

from imds_probe.watch import call_meaning as module
from imds_probe.watch.call_meaning import path_class


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("/latest/api/token", "token"),
        ("/latest/meta-data/iam/security-credentials/my-role", "credentials"),
        ("/2021-07-15/meta-data/iam/info", "credentials"),
        ("/latest/meta-data/instance-id", "meta-data"),
        ("/latest/dynamic/instance-identity/document", "identity"),
        ("/latest/user-data", "user-data"),
        ("/latest/", "other"),
        ("/", "other"),
        ("/…", "other"),
        ("/latest/meta-data/…", "other"),  # which EC2 is not known to have
        ("/latest/meta-data/tags/instance/…", "meta-data"),
        ("/computeMetadata/v1/", "other-cloud"),
        ("/openstack/latest/", "other-cloud"),
    ],
)
def test_what_a_request_is_after(given: str, found: str) -> None:
    assert path_class(given) == found


@pytest.mark.parametrize(
    ("path", "status", "kind", "harmless"),
    [
        ("/", 404, "head", True),
        ("/", 401, "head", False),
        ("/latest/", 404, "head", True),
        ("/latest/api/token", 405, "head", True),
        ("/computeMetadata/v1/", 404, "head", True),
        ("/latest/meta-data/…", 404, "head", True),  # which EC2 has not
        ("/latest/meta-data/", 200, "other", False),  # "is this EC2?"
        ("/latest/user-data", 404, "user-data", False),
        ("/latest/meta-data/spot/termination-time", 404, "meta-data", False),  # no notice, until there is one
    ],
)
def test_who_asks_by_head_for_what_ec2_has_wants_to_know(path: str, status: int, kind: str, harmless: bool) -> None:
    seen = replace(SEEN, method="HEAD", path=path, status=status)
    assert (module.class_of(seen), module.is_harmless(seen)) == (kind, harmless)


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, True),
        ({"caller": replace(CURL, uid=4242)}, False),  # anybody may say that he is the probe
        ({"caller": replace(CURL, container="1" * 64)}, False),
        ({"caller": None}, False),
        ({"caller": replace(CURL, uid=None)}, False),
        ({"caller": None, "outgoing": False}, False),
        ({"caller": replace(CURL, uid=None), "outgoing": False}, False),
        ({"user_agent": "curl/8"}, False),
    ],
)
def test_only_root_on_the_host_is_believed_to_be_the_probe(changes, ours: bool) -> None:
    assert module.is_ours(replace(SEEN, **{"user_agent": "imds-probe/1.0"} | changes)) is ours


def test_our_own_container_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_own_container", lambda: "1" * 64)
    for container, ours in (("1" * 64, True), ("2" * 64, False)):
        seen = replace(SEEN, user_agent="imds-probe/1.0", caller=replace(CURL, container=container))
        assert module.is_ours(seen) is ours
