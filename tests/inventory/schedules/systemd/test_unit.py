from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.systemd.syntax import assignments
from imds_probe.inventory.schedules.systemd.unit import Unit

TEXT = "[Service]\nA=1\nA=2\nB=x\nA=\nA=3 4\nB=y\n[Unit]\nA=5\n"


def test_an_empty_value_takes_back_what_the_key_had() -> None:
    unit = Unit("x.service", "/x", list(assignments(TEXT, "/x")))
    assert [each.value for each in unit.all("Service", "A", "B")] == ["x", "3 4", "y"]
    assert (unit.last("Service", "B"), unit.last("Service", "C"), unit.last("Unit", "A")) == ("y", "", "5")
    assert unit.words("Service", "A") == ["3", "4"]


@pytest.mark.parametrize(
    ("name", "kind", "prefix", "instance"),
    [("a.service", "service", "a", ""), ("a-b@c.d.timer", "timer", "a-b", "c.d"), ("a@.path", "path", "a", "")],
)
def test_parts_of_a_name(name: str, kind: str, prefix: str, instance: str) -> None:
    unit = Unit(name, "/x", [])
    assert (unit.kind, unit.prefix, unit.instance) == (kind, prefix, instance)
