"""The Run Command document that rehearses: taken by SSM as far as moto knows it, safe from its parameters, and its script run
exactly as written, by the shells that the agent may have.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

SOURCE = (Path(__file__).parents[2] / "packaging" / "ssm" / "imds-probe-rehearse.yaml").read_text()
DOCUMENT = yaml.safe_load(SOURCE)
PARAMETERS = DOCUMENT["parameters"]
SHELLS = ["/bin/sh", "bash"]
TARGET = "unit:web.service"


def script(**values):
    """The script with its parameters put in as SSM does it: as text."""
    (step,) = DOCUMENT["mainSteps"]
    (text,) = step["inputs"]["runCommand"]
    values = {name: declared.get("default", TARGET) for name, declared in PARAMETERS.items()} | values
    for name, value in values.items():
        text = re.sub(r"\{\{ *%s *\}\}" % name, lambda _, value=value: value, text)
    assert "{{" not in text
    return text


def fits(name, value):
    declared = PARAMETERS[name]
    if "allowedValues" in declared:
        return value in declared["allowedValues"]
    return re.search(declared["allowedPattern"].replace("$", r"\Z"), value) is not None


@pytest.fixture
def run(tmp_path):
    """Run the script beside a program that says how it was called, does what `end` says, and is called imds-probe."""

    def call(shell, text, end="exit 0", *, installed=True):
        if installed:
            program = tmp_path / "imds-probe"
            program.write_text(f'#!/bin/sh\nfor each; do echo "<$each>" >&2; done\n{end}\n')
            program.chmod(0o755)
        file = tmp_path / "_script.sh"
        file.write_text(text)
        path = f"PATH={tmp_path}:/usr/bin:/bin"
        argv = ["env", "-i", path, shutil.which(shell), str(file)]
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/", timeout=100)

    return call


def test_ssm_takes_it(aws):
    ssm = aws.client("ssm")
    name = "imds-probe-rehearse"
    made = ssm.create_document(Name=name, DocumentType="Command", DocumentFormat="YAML", Content=SOURCE)
    assert {each["Name"] for each in made["DocumentDescription"]["Parameters"]} == set(PARAMETERS)
    used = set(re.findall(r"\{\{ *(\w+) *\}\}", SOURCE))
    assert used == set(PARAMETERS)
    assert "default" not in PARAMETERS["Target"]  # nobody rehearses what he has not named


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Target", ["unit:web", "unit:app@1.service", "container:web-1", "container:0123456789ab"]),
        ("Duration", ["90s", "15m", "24h", "86400s"]),
        ("HopLimit", ["", "1", "10", "64"]),
        ("StopOn", ["exit", "refused", "refused-or-exit", "nothing"]),
        ("RestartUnit", ["yes", "no"]),
        ("executionTimeout", ["60", "172800"]),
    ],
)
def test_what_may_be_asked_for(name, values):
    assert all(fits(name, value) for value in values)


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_allowed_character_means_anything_within_quotes(name):
    for character in map(chr, range(256)):
        for value in (
            character,
            f"unit:a{character}",
            f"unit:{character}",
            f"1{character}",
            f"10{character}s",
            f"{character}1",
        ):
            if fits(name, value):
                assert re.fullmatch(r"[A-Za-z0-9:_.@-]*", value), (name, value)


@pytest.mark.parametrize(
    "value",
    ["unit:-x", "container:--root=/", "unit:", "host", "unit:a b", "unit:a\n", "unit:$(reboot)", "'; reboot; '"],
)
def test_what_is_no_target(value):
    assert not fits("Target", value)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({}, "--unit web.service --for 10m --stop-on exit"),
        (
            {"Target": "container:a:b", "HopLimit": "2", "StopOn": "refused-or-exit", "Duration": "7h"},
            "--container a:b --for 7h --hop-limit 2 --stop-on refused --stop-on exit",
        ),
        ({"StopOn": "nothing", "RestartUnit": "yes"}, "--unit web.service --for 10m --restart-unit"),
    ],
)
def test_parameters_become_options(shell, values, options, run):
    done = run(shell, script(**values))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall("<(.*)>", done.stdout) == ["rehearse", *options.split()]


@pytest.mark.parametrize(
    ("name", "value"), [("Target", "unit:a$(touch {})"), ("Duration", "`touch {}`"), ("HopLimit", "1\ntouch {}\n")]
)
def test_the_quotes_alone_keep_it_from_running(name, value, run, tmp_path):
    marker = tmp_path / "ran"
    run("/bin/sh", script(**{name: value.format(marker)}))
    assert not marker.exists()


def test_the_output_fits_into_run_commands_lists_and_nobody_is_cut_off(run, tmp_path):
    end = f"seq 1 20000; touch {tmp_path}/whole; exit 1"
    done = run("/bin/sh", script(), end)
    assert len(done.stdout.encode()) == 2500 and done.stdout.startswith("<rehearse>")
    assert (tmp_path / "whole").exists() and done.returncode == 1


@pytest.mark.parametrize(("code", "passed_on"), [(0, 0), (1, 1), (69, 69), (168, 70), (169, 70), (194, 70)])
def test_exit_codes_are_passed_on_but_never_order_the_agent(code, passed_on, run):
    assert run("/bin/sh", script(), f"exit {code}").returncode == passed_on


def test_where_it_is_not_installed_the_command_fails_and_says_so(run):
    done = run("/bin/sh", script(), installed=False)
    assert (done.returncode, done.stdout) == (127, "imds-probe is not installed on this host: nothing was rehearsed\n")
