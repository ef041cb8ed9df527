import pytest
from reports_made import BARE, report

from imds_probe.sinks.dimensions import DIMENSIONS, INSTANCE_ID, dimension, dimension_value, read_dimensions


def test_each_is_a_field_of_the_instance():
    made = report()
    for name, field in DIMENSIONS.items():
        assert dimension(made, name) == (made["instance"][field] or "unknown")
    assert dimension(made, INSTANCE_ID) == "i-0123456789abcdef0"


def test_what_is_not_known_is_called_so():
    assert {dimension(report(BARE), name) for name in (*DIMENSIONS, INSTANCE_ID)} == {"unknown"}


@pytest.mark.parametrize(("value", "sent"), [("", "unknown"), (" \t", "?"), ("ü\0", "??"), ("x" * 2000, "x" * 1024)])
def test_dimensions_are_as_cloudwatch_takes_them(value, sent):
    assert dimension_value(value) == sent


def test_names_and_values_that_the_configuration_may_have():
    assert read_dimensions({"Env": "prod"}) == {"Env": "prod"}


@pytest.mark.parametrize("value", [[], {":x": "y"}, {"x": " "}, {"x": "ü"}, {"x": 1}, {str(n): "y" for n in range(11)}])
def test_and_others(value):
    with pytest.raises(ValueError):
        read_dimensions(value)
