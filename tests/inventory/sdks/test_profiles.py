"""What profiles say, in files as people have them; and that nothing of them is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.facts.sdk_settings import Profile
from imds_probe.inventory.sdks.profiles import FILES_MAX, LIMIT_BYTES, ROLES_MAX, Profiles

KEYS = "aws_access_key_id = AKIASECRET\naws_secret_access_key = hunter2\n"
ROLE = "role_arn = arn:aws:iam::1:role/x\n"
HOME = {"HOME": "/home/ana"}


def write(root: Path, content: str, path: str = "home/ana/.aws/credentials") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "none"),
        (f"[default]\n{KEYS}", "keys"),
        (f"[other]\n{KEYS}", "none"),
        ("[default]\naws_access_key_id =\naws_secret_access_key =\n", "none"),
        ("[default]\naws_access_key_id = AKIASECRET\n", "none"),
        ("[default]\ncredential_process = /opt/own --for hunter2\n", "process"),
        ("[default]\nsso_start_url = https://x.awsapps.com/start\n", "sso"),
        ("[default]\nsso_session = mine\n", "sso"),
        (f"[default]\n{ROLE}web_identity_token_file = /t\n", "web-identity"),
        (f"[default]\n{ROLE}credential_source = Ec2InstanceMetadata\n", "instance"),
        (f"[default]\n{ROLE}credential_source = EcsContainer\n", "container"),
        (f"[default]\n{ROLE}credential_source = Environment\n", "environment"),
        (f"[default]\n{ROLE}source_profile = base\n[base]\n{KEYS}", "keys"),
        (f"[default]\n{ROLE}source_profile = base\n", "none"),
        (f"[default]\n{ROLE}source_profile = default\n{KEYS}", "keys"),
        (f"[default]\n{ROLE}source_profile = default\n", "none"),
        ("[default]\nAWS_ACCESS_KEY_ID = a\nAws_Secret_Access_Key = b\n", "keys"),
        ("no section\n", "unreadable"),
        (f"[default]\n{KEYS}#" + "x" * LIMIT_BYTES, "unreadable"),
    ],
)
def test_where_the_credentials_of_a_profile_come_from(tmp_path: Path, content: str, expected: str) -> None:
    write(tmp_path, content)
    found = Profiles(tmp_path).chosen(HOME)
    assert found == Profile(expected, "none")
    assert "hunter2" not in repr(found)
    assert "AKIA" not in repr(found)


def test_profiles_of_the_config_file_are_called_otherwise(tmp_path: Path) -> None:
    content = (
        f"[default]\nregion = eu-west-1\n[profile ops]\n{KEYS}[sso-session ops]\nsso_start_url = x\n[plain]\n{KEYS}"
    )
    write(tmp_path, content, "home/ana/.aws/config")
    profiles = Profiles(tmp_path)
    assert profiles.chosen(HOME) == Profile("none", "none", region=True)
    assert profiles.chosen(HOME | {"AWS_PROFILE": "ops"}) == Profile("none", "keys")
    assert profiles.chosen(HOME | {"AWS_DEFAULT_PROFILE": "ops"}) == Profile("none", "keys")
    assert profiles.chosen(HOME | {"AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": "ops"}) == Profile("none", "keys")
    assert profiles.chosen(HOME | {"AWS_PROFILE": "absent"}) == Profile("none", "none")


def test_profiles_of_each_variable_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, f"[keys]\n{KEYS}[plain]\nregion = eu-west-1\n")
    profiles, keys, plain = Profiles(tmp_path), Profile("keys", "none"), Profile("none", "none", region=True)
    unnamed = Profile("none", "none")
    assert profiles.others(HOME) == (None, None)
    assert profiles.others(HOME | {"AWS_PROFILE": "keys"}) == (None, unnamed)
    assert profiles.others(HOME | {"AWS_DEFAULT_PROFILE": "keys"}) == (None, unnamed)
    assert profiles.others(HOME | {"AWS_PROFILE": "keys", "AWS_DEFAULT_PROFILE": "plain"}) == (plain, unnamed)
    assert profiles.chosen(HOME | {"AWS_PROFILE": "keys", "AWS_DEFAULT_PROFILE": "plain"}) == keys
    assert profiles.others({"AWS_PROFILE": "keys"}) == (None, None)


def test_the_source_of_a_role_may_be_in_the_other_file(tmp_path: Path) -> None:
    write(tmp_path, f"[base]\n{KEYS}")
    write(tmp_path, f"[profile ops]\n{ROLE}source_profile = base\n", "home/ana/.aws/config")
    assert Profiles(tmp_path).chosen(HOME | {"AWS_PROFILE": "ops"}) == Profile("none", "keys")


def test_roles_upon_roles_end(tmp_path: Path) -> None:
    chain = "".join(f"[p{at}]\n{ROLE}source_profile = p{at + 1}\n" for at in range(ROLES_MAX + 1))
    write(tmp_path, chain + f"[p{ROLES_MAX + 1}]\n{KEYS}")
    profiles = Profiles(tmp_path)
    assert profiles.chosen(HOME | {"AWS_PROFILE": "p1"}) == Profile("keys", "none")
    assert profiles.chosen(HOME | {"AWS_PROFILE": "p0"}) == Profile("none", "none")


def test_files_are_where_the_variables_say(tmp_path: Path) -> None:
    write(tmp_path, f"[default]\n{KEYS}", "etc/keys")
    profiles = Profiles(tmp_path)
    assert profiles.chosen({"AWS_SHARED_CREDENTIALS_FILE": "/etc/keys", "HOME": "/root"}) == Profile("keys", "none")
    assert profiles.chosen({"AWS_SHARED_CREDENTIALS_FILE": "", "HOME": "/root"}) == Profile("none", "none")
    write(tmp_path, f"[default]\n{KEYS}", "home/ana/keys")
    assert profiles.chosen(HOME | {"AWS_SHARED_CREDENTIALS_FILE": "~/keys"}) == Profile("keys", "none")


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "ana"}, HOME | {"AWS_CONFIG_FILE": "relative"}])
def test_without_a_home_nothing_is_known(tmp_path: Path, environment: dict[str, str]) -> None:
    assert Profiles(tmp_path).chosen(environment) is None


def test_what_is_remembered_is_bounded(tmp_path: Path) -> None:
    profiles = Profiles(tmp_path)
    for number in range(2 * FILES_MAX):
        profiles.chosen({"HOME": f"/home/{number}"})
    assert len(profiles._files) <= FILES_MAX


def test_without_a_home_the_accounts_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        "root:x:0:0::/root:/bin/sh\nbroken\nana:x:7:7::/home/ana:/bin/sh\ntwin:x:7:7::/no:/bin/sh\n",
        "etc/passwd",
    )
    profiles = Profiles(tmp_path)
    assert [profiles.home_of(uid) for uid in ("0", "7", "8")] == ["/root", "/home/ana", ""]
    assert Profiles(tmp_path / "home").home_of("0") == ""


PROGRAM = "credential_process = /opt/own --for hunter2\n"


@pytest.mark.parametrize(
    ("config", "more", "found"),
    [
        (f"[default]\n{PROGRAM}", {}, True),
        (f"[default]\n{KEYS}{PROGRAM}", {}, False),
        (f"[profile ops]\n{PROGRAM}", {}, False),
        (f"[profile ops]\n{PROGRAM}", {"AWS_PROFILE": "ops"}, True),
        (f"[profile ops]\n{PROGRAM}", {"AWS_DEFAULT_PROFILE": "ops"}, True),
        (f"[default]\n{PROGRAM}", {"AWS_PROFILE": "ops"}, False),
        (f"[default]\n{ROLE}source_profile = base\n[profile base]\n{PROGRAM}", {}, True),
        (f"[default]\n{ROLE}credential_source = Ec2InstanceMetadata\n{PROGRAM}", {}, False),
        (f"[default]\n{ROLE}source_profile = default\n{PROGRAM}", {}, True),
        ("no section\n", {}, False),
    ],
)
def test_the_program_that_credentials_come_from(
    tmp_path: Path, config: str, more: dict[str, str], *, found: bool
) -> None:
    write(tmp_path, config, "home/ana/.aws/config")
    profiles = Profiles(tmp_path)
    assert profiles.programs(HOME | more) == (("/opt/own --for hunter2",) if found else ())
    assert profiles.programs({**more, "HOME": ""}) == ()


def test_a_process_without_a_home_has_that_of_its_account(tmp_path: Path) -> None:
    write(tmp_path, "ana:x:7:7::/home/ana:/bin/sh\n", "etc/passwd")
    write(tmp_path, "Name:\tx\nUid:\t0\t7\t7\t7\n", "proc/5/status")
    profiles, proc = Profiles(tmp_path), tmp_path / "proc"
    assert profiles.with_home({"AWS_PROFILE": "x"}, proc, 5) == {"AWS_PROFILE": "x", "HOME": "/home/ana"}
    assert profiles.with_home({"HOME": "/own"}, proc, 5) == {"HOME": "/own"}
    assert profiles.with_home({}, proc, 6) == {"HOME": ""}
