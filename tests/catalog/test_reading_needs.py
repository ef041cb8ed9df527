import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.entry import CatalogError, Entry
from imds_probe.catalog.reading_needs import asked, heeds
from imds_probe.catalog.rows import Asked, Heeded, SettingPlace, Switch


def test_what_is_not_said_has_its_default() -> None:
    assert heeds(None) == {}
    assert heeds(Entry({"AWS_PROFILE": {"source": "s"}}, "x")) == {
        "AWS_PROFILE": Heeded(None, "s", None, any_value=False)
    }
    assert asked(Entry({"what": "tags", "when": "on-request", "source": "s"}, "x")) == Asked(
        "tags", "on-request", "s", ()
    )


def test_a_setting_that_has_it_ask_is_one_of_the_rows() -> None:
    place = {"kind": "file", "key": "a.?", "path": "/etc/a", "format": "any"}
    found = asked(
        Entry({"what": "w", "when": "on-request", "source": "s", "switch": {"values": ["x"], "places": [place]}}, "x")
    )
    assert found.switch == Switch(("x",), (SettingPlace("file", "a.?", "/etc/a", "any"),))
    row = Catalog.load().row("vault")
    assert row
    assert [name for name, _ in row.switches()] == ["asks_for[0]", "asks_for[1]"]


@pytest.mark.parametrize("name", ["PATH", "Aws_profile", "AWS_", "AWS_A=1", "AWS_" + "A" * 61])
def test_only_variables_of_the_sdks_are_named(name: str) -> None:
    with pytest.raises(CatalogError, match="none of AWS's"):
        heeds(Entry({name: {"source": "s"}}, "x"))
    with pytest.raises(CatalogError, match="none of AWS's"):
        asked(Entry({"what": "w", "when": "always", "source": "s", "unless": [name]}, "x"))


def test_a_key_of_a_profile_is_heeded_as_well_as_a_variable_and_perhaps_only_with_another() -> None:
    found = heeds(Entry({"sso_start_url": {"since": "1.2", "source": "s", "only_with": "AWS_SDK_LOAD_CONFIG"}}, "x"))
    assert found == {"sso_start_url": Heeded("1.2", "s", only_with="AWS_SDK_LOAD_CONFIG")}


def test_a_variable_may_be_left_aside_with_another() -> None:
    found = heeds(Entry({"AWS_ACCESS_KEY_ID": {"since": "1.2", "source": "s", "not_with": "AWS_PROFILE"}}, "x"))
    assert found == {"AWS_ACCESS_KEY_ID": Heeded("1.2", "s", not_with="AWS_PROFILE")}
