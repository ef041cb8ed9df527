import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import imds_probe
from imds_probe.catalog.catalog import Catalog
from imds_probe.commands.dispatch import main

SCHEMA = json.loads((Path(imds_probe.__file__).parent / "schema/catalog-v1.json").read_text())
OWN = {
    "schema": "imds-probe.catalog/v1",
    "components": [
        {
            "id": "acme-agent",
            "name": "Acme agent",
            "packages": {"dpkg": ["acme-agent"]},
            "minimum": "3.1",
            "on_lost_token": "fails",
            "fix": "Ask the platform team.",
            "sources": ["https://wiki.example/acme-agent"],
            "confidence": "documented",
        }
    ],
}


@pytest.fixture
def own(tmp_path):
    jsonschema.validate(OWN, SCHEMA)
    file = tmp_path / "own.json"
    file.write_text(json.dumps(OWN))
    return file


def printed(capsys, *arguments):
    assert main(["catalog", *arguments]) == 0
    return capsys.readouterr().out


def test_all_of_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    lines = printed(capsys).splitlines()
    ids = [row.id for row in Catalog.load().rows]
    assert [line.split()[0] for line in lines[1 : len(ids) + 1]] == ids
    assert lines[0].split()[:2] == ["id", "name"]
    assert f"{len(ids)} of {len(ids)}." in lines[-1]


@pytest.mark.parametrize(
    ("columns", "left_out"),
    [("80", "name, known by, token lost"), ("100", "name"), ("200", "")],
)
def test_it_fits_and_says_what_it_leaves_out(capsys, monkeypatch, columns, left_out):
    monkeypatch.setenv("COLUMNS", columns)
    lines = printed(capsys).splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert [line for line in lines if line.startswith("(left out")] == (
        [line for line in lines if line.startswith(f"(left out: {left_out};")] if left_out else []
    )
    assert {row.id for row in Catalog.load().rows} <= {line.split()[0] for line in lines if line}


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("DataDog", "agent"), ["datadog-agent"]),
        (("s3fs",), ["s3fs-python", "s3fs-fuse"]),
        (("public.ecr.aws/cloudwatch-agent",), ["amazon-cloudwatch-agent"]),
    ],
)
def test_searching(capsys, words, ids):
    lines = printed(capsys, *words).splitlines()
    assert [line.split()[0] for line in lines[1 : len(ids) + 1]] == ids


def test_what_a_table_says(capsys):
    rows = {line.split()[0]: line for line in printed(capsys).splitlines() if line}
    assert rows["datadog-agent"].split()[-4:] == ["7.18.0", "7.64.0", "falls-back", "source"]
    assert rows["boto2"].split()[-4:-2] == ["never", "never"]
    assert rows["consul"].split()[-4:-2] == ["unknown", "unknown"]
    assert "only if set" in rows["gruntwork-bash-commons"]


def test_sources_and_all(capsys):
    text = printed(capsys, "--sources", "cloud-init")
    for words in (
        "IMDSv2:     since 19.4",
        "no IMDSv1:  from 20.2 on",
        "backport:",
        "source:",
        "[source]",
    ):
        assert words in text
    assert "only if:" in printed(capsys, "--sources", "prometheus")
    assert "IMDSv2:     no version" in printed(capsys, "--sources", "awslogs")
    assert "known bad:  from 1.10.0 before 1.10.1" in printed(capsys, "--sources", "amazon-vpc-cni")
    assert "packages:   gem: aws-sdk-core, aws-sdk, from 2, before 3" in printed(capsys, "--sources", "ruby", "v2")
    assert "setting:" in printed(capsys, "--sources", "datadog-agent")


def test_how_a_figure_is_known(capsys, own):
    assert printed(capsys).splitlines()[0].endswith("known by")
    rows = {line.split()[0]: line.split() for line in printed(capsys, "--extra", str(own)).splitlines() if line}
    assert rows["botocore"][-1] == "package"
    assert rows["jets3t"][-1] == "inferred"
    assert rows["consul"][-1] == "-"
    assert rows["acme-agent"][-1] == "documented"  # what it says of the whole
    text = printed(capsys, "--sources", "datadog-agent")
    for words in ("since 7.18.0 [source]", "from 7.23.0 on, before 7.64.0", "(partial) [source]"):
        assert words in " ".join(text.split())
    assert "no version [documented]" in printed(capsys, "--sources", "awslogs")
    assert "asks:       for metadata from 5.0.7 on" in printed(capsys, "--sources", "minio-python")
    assert "confidence: documented" in printed(capsys, "--sources", "acme", "--extra", str(own))
    assert "confidence" not in printed(capsys, "--sources", "cloud-init")


def test_every_row_can_be_printed_whole(capsys):
    text = printed(capsys, "--sources")
    assert all(f"[{row.id}]" in text for row in Catalog.load().rows)


def test_as_json(capsys):
    (row,) = json.loads(printed(capsys, "--output", "json", "s3cmd"))
    assert (row["id"], row["minimum"], row["never"], row["only_if"]) == (
        "s3cmd",
        "2.3.0",
        False,
        "it takes its credentials from the instance role",
    )


def test_a_file_of_ones_own_is_read_after_the_built_in_ones(capsys, own):
    assert "acme-agent" in printed(capsys, "--extra", str(own), "acme")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "must be an object"),
        ('{"schema": "imds-probe.catalog/v9", "components": []}', "must be imds-probe.catalog/v1"),
        (json.dumps(OWN).replace("3.1", "three"), "no plain dotted number"),
        (json.dumps(OWN).replace('"minimum"', '"minimun"'), "unknown keys: minimun"),
        (json.dumps(OWN).replace('"minimum": "3.1"', '"minimum": "3.1", "never": true'), "one of them is wrong"),
        (json.dumps(OWN).replace('"minimum": "3.1"', '"never": "yes"'), "must be true or false"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(capsys, tmp_path, content, words):
    file = tmp_path / "own.json"
    file.write_text(content)
    assert main(["catalog", "--extra", str(file)]) == 2
    said = capsys.readouterr().err
    assert str(file) in said
    assert words in said


def test_nothing_found_and_no_such_file(capsys, tmp_path):
    assert main(["catalog", "no-such-thing"]) == 2
    assert "nothing in the catalog has no-such-thing" in capsys.readouterr().err
    assert main(["catalog", "--extra", str(tmp_path / "missing.json")]) == 2
    assert "missing.json cannot be read" in capsys.readouterr().err


def test_run_judges_by_it_too(own, tmp_path):
    missing = subprocess.run(
        [sys.executable, "-m", "imds_probe", "run", "--catalog", str(tmp_path / "none.json"), "--root", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert missing.returncode == 2
    assert "none.json cannot be read" in missing.stderr


def test_all_of_it_is_json(capsys):
    assert main(["catalog", "--output", "json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["boto2"]["heeds"]["AWS_EC2_METADATA_DISABLED"]["since"] is None


@pytest.mark.parametrize("columns", [80, 140])
def test_what_is_known_is_as_wide_as_the_terminal(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["catalog", "--sources"]) == 0
    lines = capsys.readouterr().out.splitlines()
    # An address is never broken.
    assert [
        line for line in lines if len(line) > columns and " " in (line[14:] if line.startswith("  ") else line)
    ] == []
    assert len([line for line in lines if columns - 20 < len(line) <= columns]) > 100
