import pytest

from imds_probe.system.privilege import privileged


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [("000001ffffffffff", True), ("0000000000000000", False), ("0000000000002000", False), ("0000000000282000", True)],
)
def test_the_effective_set_decides(tmp_path, capabilities, expected):
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t{capabilities}\n")
    assert privileged(status) is expected


def test_no_status_no_privilege(tmp_path):
    assert not privileged(tmp_path / "none")
