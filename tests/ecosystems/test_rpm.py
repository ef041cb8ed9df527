from __future__ import annotations

import pytest

from imds_probe.ecosystems.ecosystem import Outdated, Upstream
from imds_probe.ecosystems.rpm import ECOSYSTEM


def test_upstreams_version() -> None:
    assert ECOSYSTEM.versions.upstream("2:1.0-0.1.fc32") == ("1.0", "0.1.fc32")


@pytest.mark.parametrize(("revision", "doubtful"), [("0.1.fc32", True), ("1.fc32", False)])
def test_a_release_that_begins_with_zero_is_a_doubt(revision: str, doubtful: bool) -> None:
    assert bool(ECOSYSTEM.versions.doubt(Upstream("1.0", revision), "")) is doubtful


@pytest.mark.parametrize(
    ("os_id", "os_version_id", "like", "command"),
    [
        ("amzn", "2", (), "yum update"),
        ("amzn", "2023", (), "dnf upgrade"),
        ("rhel", "7.9", (), "yum update"),
        ("fedora", "40", (), "dnf upgrade"),
        ("sles", "15.5", (), "zypper update"),
        ("home-made", None, ("suse",), "zypper update"),
        (None, None, (), "yum update"),
        ("amzn", "²", (), "yum update"),
        ("amzn", "9" * 5000, (), "yum update"),
    ],
)
def test_the_command_is_that_of_the_distribution(os_id, os_version_id, like, command) -> None:
    outdated = Outdated("awscli", os_id=os_id, os_version_id=os_version_id, os_id_like=like)
    assert ECOSYSTEM.upgrade(outdated) == (f"{command} awscli",)
