from reports_made import BARE, report

from imds_probe.sinks.dimensions import DIMENSIONS, INSTANCE_ID, dimension


def test_each_is_a_field_of_the_instance():
    made = report()
    for name, field in DIMENSIONS.items():
        assert dimension(made, name) == (made["instance"][field] or "unknown")
    assert dimension(made, INSTANCE_ID) == "i-0123456789abcdef0"


def test_what_is_not_known_is_called_so():
    assert {dimension(report(BARE), name) for name in (*DIMENSIONS, INSTANCE_ID)} == {"unknown"}
