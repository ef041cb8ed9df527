from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Row, SettingPlace, Switch
from imds_probe.facts.software import SettingSeen
from imds_probe.inventory.settings.looking import INCLUDED_MAX, Looking
from imds_probe.inventory.settings.programs import Program

CATALOG = Catalog.load()
YAML = "/etc/datadog-agent/datadog.yaml"
KEY, VARIABLE = "ec2_prefer_imdsv2", "DD_EC2_PREFER_IMDSV2"


def row(component: str) -> Row:
    found = CATALOG.row(component)
    assert found
    return found


def write(root: Path, path: str, text: str | bytes) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text if isinstance(text, bytes) else text.encode())


def program(pid: int = 7, arguments: tuple[str, ...] = ("agent",), **environment: str) -> Program:
    return Program(pid, "agent", arguments, "/", environment)


def look(root: Path, component: str, *programs: Program, switch: str = "") -> list[SettingSeen]:
    seen = Looking(root).look(row(component), programs)
    return [entry for entry in seen if entry.switch == (switch or entry.switch)]


def test_a_file_that_sets_it(tmp_path: Path) -> None:
    write(tmp_path, YAML, "ec2_prefer_imdsv2: true\n")
    assert look(tmp_path, "datadog-agent", switch="setting") == [SettingSeen("setting", YAML, KEY, "true")]


def test_the_environment_file_comes_before_the_yaml(tmp_path: Path) -> None:
    write(tmp_path, YAML, "ec2_prefer_imdsv2: true\n")
    write(tmp_path, "/etc/datadog-agent/environment", f"{VARIABLE}=false\n")
    (seen,) = look(tmp_path, "datadog-agent", switch="setting")
    assert (seen.place, seen.value) == ("/etc/datadog-agent/environment", "false")


def test_a_running_programs_environment_comes_first(tmp_path: Path) -> None:
    write(tmp_path, YAML, "ec2_prefer_imdsv2: true\n")
    with_it, without = program(7, **{VARIABLE: "false"}), program(8)
    assert look(tmp_path, "datadog-agent", with_it, without, switch="setting") == [
        SettingSeen("setting", "the environment of agent (pid 7)", VARIABLE, "false"),
        SettingSeen("setting", YAML, KEY, "true"),
    ]


def test_where_nothing_sets_it_the_place_to_set_it_in_is_named(tmp_path: Path) -> None:
    (seen,) = look(tmp_path, "datadog-agent", program(), switch="setting")
    assert (seen.place, seen.value) == (YAML, None)


def test_an_environment_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    hidden = Program(7, "agent", ("agent",), "/", None)
    (seen,) = look(tmp_path, "datadog-agent", hidden, switch="setting")
    assert seen.problem == "the environment of agent (pid 7) may not be read: run as root"


@pytest.mark.parametrize(
    ("content", "said"), [("a: [1\nb: }\n", "is not yaml"), (b"x: 1\n" * 2**20, "more than"), ("\x00", "is not yaml")]
)
def test_a_file_that_makes_no_sense_is_a_problem_and_names_itself(tmp_path: Path, content, said: str) -> None:
    write(tmp_path, YAML, content)
    (seen,) = look(tmp_path, "datadog-agent", switch="setting")
    assert seen.value is None
    assert said in seen.problem
    assert YAML in seen.problem


def test_a_fifo_a_directory_and_a_link_out_of_the_root_lead_nowhere(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.yaml"
    outside.write_text("ec2_prefer_imdsv2: true\n")
    (root / "etc/datadog-agent").mkdir(parents=True)
    (root / "etc/datadog-agent/datadog.yaml").symlink_to("../../../outside.yaml")
    (seen,) = look(root, "datadog-agent", switch="setting")
    assert (seen.value, seen.problem) == (None, "")
    (root / "etc/datadog-agent/datadog.yaml").unlink()
    os.mkfifo(root / "etc/datadog-agent/datadog.yaml")
    (seen,) = look(root, "datadog-agent", switch="setting")
    assert "not a regular file" in seen.problem


def test_every_home_directory_has_a_say(tmp_path: Path) -> None:
    write(
        tmp_path, "/etc/passwd", "bob:x:5:5::/home/bob:/bin/sh\nann:x:1:1::/home/ann:/bin/sh\nbad line\nx:x:2:2::/:/\n"
    )
    write(tmp_path, "/home/bob/.aws/config", "[default]\nec2_metadata_v1_disabled = true\n")
    write(tmp_path, "/home/ann/.aws/config", "[default]\nregion = eu-west-1\n")
    assert [(seen.place, seen.value) for seen in look(tmp_path, "aws-cli-v2")] == [
        ("/home/bob/.aws/config", "true"),
        ("/home/ann/.aws/config", None),
    ]


def test_included_files_are_read_and_loops_end(tmp_path: Path) -> None:
    folder = "/etc/fluent-bit"
    write(tmp_path, f"{folder}/fluent-bit.conf", "@INCLUDE filters/*.conf\n@INCLUDE fluent-bit.conf\n")
    write(tmp_path, f"{folder}/filters/a.conf", "[FILTER]\n  Name aws\n  imds_version v1\n")
    write(tmp_path, f"{folder}/filters/.hidden.conf", "[FILTER]\n  Name aws\n  imds_version v9\n")
    seen = look(tmp_path, "fluent-bit", switch="prevented_by[0]")
    assert {entry.value for entry in seen} == {"v1"}
    assert len(seen) <= INCLUDED_MAX
    assert {entry.place for entry in seen} == {f"{folder}/fluent-bit.conf"}


def test_an_option_names_another_file(tmp_path: Path) -> None:
    write(tmp_path, "/srv/own.conf", "[FILTER]\n  Name aws\n  imds_version v1\n")
    started = program(7, ("/opt/fluent-bit/bin/fluent-bit", "-c", "/srv/own.conf"))
    assert [(seen.place, seen.value) for seen in look(tmp_path, "fluent-bit", started, switch="prevented_by[0]")] == [
        ("/srv/own.conf", "v1")
    ]
    relative = Program(7, "fluent-bit", ("fluent-bit", "--config=own.conf"), "/srv", {})
    assert [(seen.place, seen.value) for seen in look(tmp_path, "fluent-bit", relative, switch="prevented_by[0]")] == [
        ("/srv/own.conf", "v1")
    ]


def test_arguments_of_a_running_program(tmp_path: Path) -> None:
    mounted = Program(9, "s3fs", ("s3fs", "bucket", "/mnt", "-o", "imdsv1only"), "/", {})
    assert look(tmp_path, "s3fs-fuse", mounted, switch="prevented_by[0]") == [
        SettingSeen("prevented_by[0]", "the command line of s3fs (pid 9)", "imdsv1only", "true")
    ]


@pytest.mark.parametrize(("option", "value"), [("iam_role=auto,allow_other", "set"), ("passwd_file=/etc/keys", None)])
def test_s3fs_needs_metadata_only_for_a_role(tmp_path: Path, option: str, value: str | None) -> None:
    mounted = Program(9, "s3fs", ("s3fs", "bucket", "/mnt", "-o", option), "/", {})
    assert {seen.value for seen in look(tmp_path, "s3fs-fuse", mounted, switch="only_if")} == {value}


def test_hostile_values_are_one_short_printable_line(tmp_path: Path) -> None:
    write(tmp_path, YAML, 'ec2_prefer_imdsv2: "a\\u001b[31m\\n' + "x" * 500 + '"\n')
    (seen,) = look(tmp_path, "datadog-agent", switch="setting")
    assert seen.value is not None
    assert seen.value.isprintable()
    assert len(seen.value) <= 100


def test_a_switch_with_only_an_environment_names_that(tmp_path: Path) -> None:
    only = replace(row("kubelet"), only_if_switch=None, observed=(Switch((), (SettingPlace("environment", "K"),)),))
    assert Looking(tmp_path).look(only, ()) == (SettingSeen("observed[0]", "the environment", "K", None),)


def test_a_hostile_passwd_or_directory_is_a_problem_of_that_setting_only(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc/passwd")
    (seen,) = look(tmp_path, "aws-cli-v2")
    assert "/etc/passwd is not a regular file" in seen.problem
    assert seen.place == "~/.aws/config"
