from __future__ import annotations

import pytest

from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.pypi import ECOSYSTEM


@pytest.mark.parametrize(
    ("minimum", "path", "command"),
    [
        (
            "1.13.25",
            "/srv/a b/lib/python3.9/site-packages/botocore",
            "'/srv/a b/bin/python3' -m pip install --upgrade 'botocore>=1.13.25'",
        ),
        (None, "/app/app.pyz", "python3 -m pip install --upgrade botocore"),
        (None, "", "python3 -m pip install --upgrade botocore"),
    ],
)
def test_it_is_the_pip_of_the_python_that_has_it(minimum, path, command) -> None:
    assert ECOSYSTEM.upgrade(Outdated("botocore", minimum, path)) == (command,)
