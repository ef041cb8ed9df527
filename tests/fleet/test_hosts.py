import pytest

from imds_probe.fleet.hosts import instances_in, is_instance, moment, run_number


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("bucket/i-0123456789abcdef0.json.gz", "i-0123456789abcdef0"),
        ("i-0123456789abcdef0/x/i-01234567.json", "i-0123456789abcdef0 i-01234567"),
        ("reports/mi-0123456789abcdef0.json", "mi-0123456789abcdef0"),
        ("ami-0123456789abcdef0/report.json", ""),
        ("i-0123456789abcdef01/x", ""),
        ("i-012345", ""),
        ("i-0123456789abcdef0/inventory/custom/ImdsReadiness.json", "i-0123456789abcdef0"),
        ("/home/i-0123456789abcdef0/all/of/our/reports.json", "i-0123456789abcdef0"),
        ("report.json", ""),
    ],
)
def test_the_instances_that_a_place_is_named_by(path, found):
    assert instances_in(path) == frozenset(found.split())


def test_only_ids_are_passed_on():
    assert is_instance("i-0123456789abcdef0")
    assert not any(
        map(
            is_instance,
            ("host web", "i-0123456789abcdef0; reboot", "i-0123456789abcdef0\n", "mi-0123456789abcdef0", ""),
        )
    )


def test_times_and_runs():
    assert moment("1970-01-02T00:00:00Z") == 86400
    for said in ("", "1970-01-02", "1970-01-02T00:00:00", "1970-02-30T00:00:00Z", "0000-01-01T00:00:00Z"):
        with pytest.raises(ValueError, match="is no time"):
            moment(said)
    assert run_number("0000000000ff" + "7" * 20) == 255
    assert run_number("no number") == 0
