import pytest

from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import Software
from imds_probe.rules.fixes import upgrade_commands


@pytest.mark.parametrize(
    ("manager", "os", "command"),
    [
        (
            "dpkg",
            OsRelease("ubuntu", "24.04", None, ("debian",)),
            "apt-get update && apt-get install --only-upgrade awscli",
        ),
        ("rpm", OsRelease("amzn", "2", None), "yum update awscli"),
        ("rpm", OsRelease("amzn", "2023", None), "dnf upgrade awscli"),
        ("rpm", OsRelease("rhel", "7.9", None), "yum update awscli"),
        ("rpm", OsRelease("rhel", "9.4", None), "dnf upgrade awscli"),
        ("rpm", OsRelease("sles", "15.5", None), "zypper update awscli"),
        ("rpm", OsRelease("home-made", None, None, ("suse",)), "zypper update awscli"),
        ("rpm", OsRelease(None, None, None), "yum update awscli"),
    ],
)
def test_the_command_is_that_of_the_distribution(manager, os, command):
    assert upgrade_commands(Software("aws-cli-v1", manager, "awscli", "1.0", ""), os) == (command,)


def test_a_hostile_package_name_stays_one_word():
    (command,) = upgrade_commands(Software("x", "rpm", "a; rm -rf /", "1", ""), OsRelease("amzn", "2", None))
    assert command == "yum update 'a; rm -rf /'"


def test_an_unknown_manager_has_no_command():
    assert upgrade_commands(Software("x", "nix", "a", "1", ""), OsRelease(None, None, None)) == ()
