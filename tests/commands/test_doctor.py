"""`imds-probe doctor` from its command line to its exit code, on hosts made of files and without a packet."""

from __future__ import annotations

import json
import os

import pytest
from doctors import ON_EC2
from small_roots import made

from imds_probe.commands.dispatch import main


@pytest.fixture
def ec2(tmp_path):
    """A host by its files alone: nothing of it runs."""
    return made(tmp_path / "root", ON_EC2 | {"var/lib/dpkg/status": ""})


def test_text_and_json_say_the_same(ec2, capsys):
    code = main(["doctor", "--root", str(ec2)])
    text = capsys.readouterr().out
    assert main(["doctor", "--root", str(ec2), "--output", "json"]) == code == 3
    document = json.loads(capsys.readouterr().out)
    assert document["root"] == str(ec2)
    for each in document["checks"]:
        assert f"{each['id']}" in text
    assert {each["id"] for each in document["checks"] if each["state"] == "missing"} == {"processes"}


def test_what_is_in_order_is_named_when_asked(ec2, capsys):
    main(["doctor", "--root", str(ec2), "--verbose"])
    assert "firmware: DMI: sys_vendor is Amazon EC2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "code", "words"),
    [
        ({"etc/imds-probe/disabled": ""}, 77, "switched off"),
        ({"etc/imds-probe/imds-probe.toml": "nonesuch = 1\n"}, 2, "imds-probe.toml:1:"),
        ({"etc/imds-probe/imds-probe.toml": "[watch\n"}, 2, "imds-probe.toml"),
    ],
)
def test_what_keeps_a_run_from_beginning_has_the_exit_code_of_the_run(ec2, capsys, files, code, words):
    made(ec2, files)
    assert main(["doctor", "--root", str(ec2)]) == code
    assert words in capsys.readouterr().out


def test_no_directory(tmp_path, capsys):
    assert main(["doctor", "--root", str(tmp_path / "none")]) == 2
    assert "is no directory" in capsys.readouterr().err


def test_a_configuration_of_ones_own(ec2, tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text(f'state_directory = "{tmp_path}/state"\n')
    main(["doctor", "--root", str(ec2), "--config", str(file), "--output", "json"])
    found = {each["id"]: each["found"] for each in json.loads(capsys.readouterr().out)["checks"]}
    assert str(file) in found["configuration"]
    assert str(tmp_path / "state") in found["state"]


def test_a_root_whose_name_is_too_long(capsys):
    assert main(["doctor", "--root", "a" * 300]) == 2
    assert "cannot be looked at: File name too long" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["imds-probe.toml", "imds-probe.d/a.toml"])
def test_a_fifo_for_a_configuration_hangs_nothing(ec2, capsys, name):
    file = ec2 / "etc/imds-probe" / name
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    assert main(["doctor", "--root", str(ec2)]) == 2
    assert "is no regular file" in " ".join(capsys.readouterr().out.split())


def test_a_damaged_report_that_is_kept_is_told(ec2, capsys):
    made(ec2, {"var/lib/imds-probe/report.json": "{"})
    main(["doctor", "--root", str(ec2)])
    assert "a kept report cannot be read: /var/lib/imds-probe/report.json is not JSON" in " ".join(
        capsys.readouterr().out.split()
    )
