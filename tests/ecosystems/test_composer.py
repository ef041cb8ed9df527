from __future__ import annotations

import pytest

from imds_probe.ecosystems.composer import ECOSYSTEM
from imds_probe.ecosystems.ecosystem import Outdated


@pytest.mark.parametrize(
    ("path", "commands"),
    [
        ("/srv/vendor/composer/installed.json", ("composer --working-dir=/srv update aws/aws-sdk-php",)),
        ("/srv/aws.phar", ()),
    ],
)
def test_it_is_the_application_that_is_upgraded(path, commands) -> None:
    assert ECOSYSTEM.upgrade(Outdated("aws/aws-sdk-php", "3", path)) == commands
