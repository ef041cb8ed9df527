from dataclasses import replace

import pytest
from observed import FACTS, changed, container

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Heeded
from imds_probe.facts.sdk_settings import DISABLED
from imds_probe.facts.software import SdkSoftware, SdkUse, Software
from imds_probe.rules.asking import ANY_SDK, Asking, asking, asking_in

CATALOG = Catalog.load()
ROW = CATALOG.row("botocore")
WEB = container("web")
USE = SdkUse("1.12.199", "1.13.0", ("/a",), 1)
RANGE = SdkSoftware("botocore", "pypi", "botocore", None, "traces", pids=(7,), container_ids=(WEB.identity,), sdk=USE)


def there(*software):
    return asking_in(WEB, changed(FACTS, software=software), CATALOG)


@pytest.mark.parametrize(
    ("since", "version", "heeded"),
    [
        ("1.2", "1.2", True),
        ("1.2", "1.10", True),
        ("1.2", "1.1.9", False),
        ("1.2", None, False),
        ("1.2", "nonsense", False),
        (None, "9.0", False),
    ],
)
def test_a_variable_is_heeded_from_a_version_on(since, version, heeded):
    row = replace(ROW, heeds={DISABLED: Heeded(since, "s")})
    one = Asking("it", row, "pypi", version)
    assert one.heeds(DISABLED) is heeded
    assert one.heeds("AWS_PROFILE")  # of which the row says nothing


def test_what_was_not_recognised_does_as_the_reference_says():
    assert ANY_SDK.heeds(DISABLED)
    assert (ANY_SDK.asks_for, ANY_SDK.is_disabled_by("other"), ANY_SDK.is_disabled_by("true")) == ((), False, True)


def test_of_a_range_the_oldest_counts():
    one = asking(RANGE, ROW)
    assert (one.name, one.version, one.is_sdk) == ("botocore 1.12.199 to before 1.13.0", "1.12.199", True)
    assert not one.heeds("AWS_WEB_IDENTITY_TOKEN_FILE")


def test_a_distributions_package_is_compared_as_its_manager_has_it():
    package = Software("botocore", "dpkg", "python3-botocore", "1.12.103+repack-1", "dpkg database")
    assert not asking(package, ROW).heeds("AWS_WEB_IDENTITY_TOKEN_FILE")
    assert asking(replace(package, version="1.20.0+repack-1"), ROW).heeds("AWS_WEB_IDENTITY_TOKEN_FILE")


def test_in_a_container_is_what_was_found_in_it_and_asks_by_itself():
    agent = Software("datadog-agent", "image", "datadog/agent", "7.50.0", "image", container_ids=(WEB.identity,))
    through = replace(RANGE, component="boto3", package="boto3")
    unknown = replace(RANGE, component="own")
    assert [each.name for each in there(RANGE, agent, through, unknown)] == [
        "botocore 1.12.199 to before 1.13.0",
        f"{CATALOG.row('datadog-agent').name} 7.50.0",
    ]
    assert there(replace(RANGE, pids=()), replace(agent, container_ids=())) == ()
