from __future__ import annotations

import pytest

from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.npm import ECOSYSTEM


@pytest.mark.parametrize(
    ("minimum", "path", "commands"),
    [
        ("2.575.0", "/srv/node_modules/x/node_modules/aws-sdk", ("npm install --prefix /srv 'aws-sdk@>=2.575.0'",)),
        (None, "/srv/node_modules/aws-sdk", ("npm install --prefix /srv aws-sdk@latest",)),
        ("2.575.0", "/srv/bundle.js", ()),
    ],
)
def test_it_is_the_application_that_is_upgraded(minimum, path, commands) -> None:
    assert ECOSYSTEM.upgrade(Outdated("aws-sdk", minimum, path)) == commands
