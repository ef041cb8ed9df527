import pytest

from imds_probe.config.keys import fields_of
from imds_probe.sinks import SINKS
from imds_probe.sinks.settings import DeliveryConfig, SpoolConfig


def test_any_sinks_may_get_reports():
    report = fields_of(DeliveryConfig)["report"]
    assert report.read(list(SINKS)) == tuple(SINKS)
    assert all(f'"{name}"' in report.help for name in SINKS)
    with pytest.raises(ValueError, match="must be a list with some of cloudwatch, "):
        report.read(["pigeon"])


def test_sizes_are_bytes():
    assert SpoolConfig().size_bytes == 64 * 1024 * 1024
