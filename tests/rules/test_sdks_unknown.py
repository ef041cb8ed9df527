from __future__ import annotations

import pytest

from imds_probe.catalog.rows import Requirement
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.rules.sdks_unknown import unknown
from imds_probe.rules.settling import CATALOG, OWNER, REHEARSAL, WINDOW


@pytest.mark.parametrize(
    ("version", "by", "settled_by"),
    [
        ("1.2.3", "version", (CATALOG, WINDOW, REHEARSAL, OWNER)),
        (None, "version", (WINDOW, REHEARSAL, OWNER)),  # no row decides on a version that is not known
        ("1.2.3", "code", (OWNER,)),  # which neither outweighs
    ],
)
def test_what_settles_it_is_what_outweighs_what_is_known(version, by, settled_by):
    sdk = SdkSoftware("boto3", "pypi", "boto3", version, "dist-info", sdk=SdkUse(None, None, ("/srv",), 1))
    found = unknown(
        "boto3, in use by web", [sdk], Requirement(None, "unknown", "why", None, by=by), None, (), origins=()
    )
    assert found.settled_by == settled_by
    assert ("watch" in found.fix.text) == (WINDOW in settled_by)
