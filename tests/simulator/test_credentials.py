"""Credentials have AWS's shape and cannot be taken for real ones."""

import json
import re

from imds_probe.simulator.credentials import Credentials


def test_shape():
    document = Credentials().document("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z")
    assert list(document) == [
        "Code",
        "LastUpdated",
        "Type",
        "AccessKeyId",
        "SecretAccessKey",
        "Token",
        "Expiration",
    ]
    assert document["Code"] == "Success"
    assert re.fullmatch(r"ASIA[A-Z0-9]{16}", document["AccessKeyId"])
    assert len(document["SecretAccessKey"]) == 40
    assert all("EXAMPLE" in document[name] for name in ("AccessKeyId", "SecretAccessKey", "Token"))


def test_each_set_is_its_own_and_says_its_secrets_when_asked_only():
    one, other = Credentials(), Credentials()
    assert not set(one.secrets()) & set(other.secrets())
    text = json.dumps(one.document("", ""))
    assert all(secret in text for secret in one.secrets())
    assert not any(secret in repr(one) for secret in one.secrets())
