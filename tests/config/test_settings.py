from __future__ import annotations

import pytest
from declared_settings import Pigeon

from imds_probe.config import AwsConfig, Config, Settings
from imds_probe.config.keys import Conflict


def test_a_section_is_asked_for_by_its_kind_and_has_its_defaults_where_it_was_not_given():
    settings = Settings(Pigeon(speed_s=5.0), Config(coverage=0.5))
    assert settings.of(Pigeon).speed_s == 5.0
    assert settings.of(Config) == Config(coverage=0.5)
    assert settings.of(AwsConfig) == AwsConfig()


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (Config(), None),
        (Config(window_s=2.0, retention_s=1.0), "watch.retention"),
        (Config(interval_s=59.0), "daemon.interval"),
    ],
)
def test_values_that_do_not_go_together(config, key):
    conflict = config.conflict()
    assert (conflict and conflict.key) == key
    assert conflict is None or isinstance(conflict, Conflict)
