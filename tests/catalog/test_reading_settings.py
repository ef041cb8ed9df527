"""The parts about settings by themselves; test_reading.py holds whole rows to the JSON Schema."""

import pytest

from imds_probe.catalog.entry import CatalogError, Entry
from imds_probe.catalog.reading_settings import no_v1_fallback, prevention, setting, switch
from imds_probe.catalog.rows import NoV1Fallback, Setting, SettingPlace, Switch

PLACES = [{"kind": "environment", "key": "K"}]


def test_a_switch_without_values_only_observes():
    assert switch(Entry({"places": PLACES}, "here")) == Switch((), (SettingPlace("environment", "K"),))


def test_a_setting_may_have_no_switch():
    assert setting(Entry({"text": "t", "source": "s"}, "here")) == Setting("t", None, "s")
    assert setting(None) is None


def test_no_v1_fallback_takes_names_and_values():
    read = no_v1_fallback(Entry({"version": "1.2", "config": {"A": "1"}, "switch": {"places": PLACES}}, "here"))
    assert read == NoV1Fallback("1.2", {"A": "1"}, Switch((), (SettingPlace("environment", "K"),)))


def test_a_prevention_that_nothing_can_turn_on_is_refused():
    with pytest.raises(CatalogError, match=r"here.switch has no values"):
        prevention(Entry({"why": "w", "cure": "c", "source": "s", "switch": {"places": PLACES}}, "here"))
