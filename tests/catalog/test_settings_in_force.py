import pytest

from imds_probe.catalog.rows import SettingPlace, Switch
from imds_probe.catalog.settings_in_force import SettingState, first_on, state_of
from imds_probe.facts.software import SettingSeen

SWITCH = Switch(("true", "1"), (SettingPlace("environment", "K"),))
ON = SettingSeen("setting", "/etc/a", "k", "True")
OFF = SettingSeen("setting", "/etc/b", "k", "false")
UNSET = SettingSeen("setting", "/etc/c", "k", None)
UNREAD = SettingSeen("setting", "/etc/d", "k", None, "/etc/d is not yaml: line 3")
OTHER = SettingSeen("no_v1_fallback", "/etc/a", "k", "false")


@pytest.mark.parametrize(
    ("seen", "in_force", "place"),
    [
        ([], "not-looked", ""),
        ([OTHER], "not-looked", ""),
        ([ON, OTHER], "yes", "/etc/a"),
        ([OFF], "no", "/etc/b"),
        ([UNSET], "no", "/etc/c"),
        ([ON, UNSET], "partly", "/etc/c"),
        ([ON, OFF, UNREAD], "unread", "/etc/d"),
    ],
)
def test_states(seen, in_force, place):
    state = state_of("setting", SWITCH, seen)
    assert (state.in_force, state.place) == (in_force, place)


def test_on_anywhere_is_found():
    assert first_on("setting", SWITCH, [OFF, UNREAD]) is None
    assert first_on("setting", SWITCH, [OFF, ON]).place == "/etc/a"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("a.b", "x", "/f sets a.b to 'x'"),
        ("a.b", None, "/f does not set a.b"),
        ("a.!b", "true", "/f does not set a.b"),
        ("a.b.?", "true", "/f has a.b"),
        ("a.b.?", None, "/f does not set a.b"),
    ],
)
def test_what_is_said_of_a_key_that_stands_there_or_not(key, value, said):
    assert SettingState("yes", "/f", key, value).observed == said
