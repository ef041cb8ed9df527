import os
from pathlib import Path

import pytest

from imds_probe.system import privilege
from imds_probe.system.privilege import knows_all_users, privileged, rules_host


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


def test_the_host_is_that_of_the_user_namespace_of_its_first_process(tmp_path, monkeypatch):
    assert rules_host(Path("/proc"))
    first = tmp_path / "1/ns"
    first.mkdir(parents=True)
    (first / "user").write_text("")  # as that of another namespace
    assert not rules_host(tmp_path)
    own = os.stat("/proc/self/ns/user").st_ino
    for initial, expected in ((own, True), (own + 1, False)):
        monkeypatch.setattr(privilege, "INITIAL_USER_NAMESPACE", initial)
        assert rules_host(tmp_path / "none") is expected


@pytest.mark.parametrize(
    ("uid_map", "expected"),
    [("0 0 4294967295\n", True), ("0 0 1\n", False), ("0 100000 65536\n65536 1000 1\n", False)],
)
def test_who_has_a_number_in_a_user_namespace(tmp_path, uid_map, expected):
    (tmp_path / "uid_map").write_text(uid_map)
    assert knows_all_users(tmp_path / "uid_map") is expected
