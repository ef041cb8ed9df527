"""What examples/ has is what today's version makes, judges and accepts."""

import datetime
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import example_reports
import pages
import pytest
import yaml
from cloudformation_template import Template
from report_schema import check
from whole_hosts import WITHOUT

from imds_probe.catalog.catalog import Catalog
from imds_probe.commands import configuration
from imds_probe.commands.dispatch import main
from imds_probe.config import Config
from imds_probe.config.acceptances import AcceptConfig
from imds_probe.inventory.code import unread
from imds_probe.judging_again import judged_again
from imds_probe.report_document import read
from imds_probe.sinks.settings import DeliveryConfig
from imds_probe.verdict import ORDER

EXAMPLES = pages.ROOT / "examples"
CONFIGURATIONS = sorted((EXAMPLES / "config").glob("*.toml"))
REPORTS = sorted((EXAMPLES / "reports").glob("*.json"))
ROLLOUT = EXAMPLES / "ssm/rollout.yaml"


def test_the_reports_are_current():
    wanted = example_reports.files()
    assert {*example_reports.REPORTS.iterdir(), *example_reports.TEXTS.iterdir(), example_reports.PAGE} == set(wanted)
    old = [path.name for path, held in wanted.items() if path.read_text() != held]
    assert old == [], "PYTHONPATH=tests .venv/bin/python tests/example_reports.py writes them anew"


def test_there_is_one_of_each_verdict():
    assert {json.loads(path.read_text())["verdict"]["state"] for path in REPORTS} == set(ORDER)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_report_holds_to_the_schema_and_is_judged_the_same_today(path):
    report = check(json.loads(path.read_text()))
    assert judged_again(read(report), Catalog.load()).verdict.state == report["verdict"]["state"]


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_report_is_of_a_whole_run_of_this_version(path):
    report = json.loads(path.read_text())
    may_skip = {"control-plane", "switched", "rehearsals", "acceptances"}
    if report["callers"] is None:
        may_skip |= {"callers", "boots", "expired-tokens"}
    if not report["platform"]["is_ec2"]:
        may_skip |= {"endpoint", "tokens", "hop-limit", "containers", "obstacles", "elsewhere"}
    assert {rule["id"] for rule in report["rules"] if rule["status"] == "skip"} <= may_skip
    assert [each["id"] for each in report["collectors"]] == [
        each for each in WITHOUT if each in {each["id"] for each in report["collectors"]}
    ]
    assert [each for each in report["collectors"] if each["means"] not in ("", WITHOUT[each["id"]])] == []
    assert {each["why"] for each in report["read"]["not_read"]} <= {*unread.REASONS}
    managers = {each["id"] for each in report["collectors"] if each["status"] == "ok"} & {"dpkg", "rpm"}
    assert {each["manager"] for each in report["software"] if not each["sdk"]} <= managers


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_its_times_fit_together(path):
    report = json.loads(path.read_text())
    began = report["probe"]["started_at"]
    if (callers := report["callers"]) is not None:
        first = seconds(began) - callers["window_s"]
        assert [
            each for each in callers["by"] if not first <= seconds(each["first_seen"]) <= seconds(each["last_seen"])
        ] == []
    del report["verdict"]["valid_until"]
    later = [each for each in re.findall(r'"(\d{4}-\d\d-\d\dT[\d:]{8}Z)"', json.dumps(report)) if each > began]
    assert later == []


def seconds(time):
    return datetime.datetime.fromisoformat(time).timestamp()


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_configuration_is_accepted_by_itself_and_sets_what_it_says(path, tmp_path):
    for each in (path, EXAMPLES / "config/acme.json"):
        shutil.copy(each, tmp_path)
    loaded = configuration.load(tmp_path / path.name, complete=True)
    assert loaded.warnings == ()
    said = set(re.findall(r"^(\w+) = ", path.read_text(), re.MULTILINE))
    there = {key.rpartition(".")[2] for key, value in loaded.values.items() if value.origin != "default"}
    assert there == (said if "[[accept]]" not in path.read_text() else {"accept"})


def test_what_configurations_come_to():
    loaded = {path.stem: configuration.load(path).settings for path in CONFIGURATIONS}
    assert loaded["cloudwatch"].of(DeliveryConfig).report == ("cloudwatch", "cloudwatch-logs")
    assert loaded["on-premises-tools"].of(Config).compare_metric is False
    assert loaded["quiet"].of(Config).interval_s == 6 * 3600
    assert len(loaded["accepted-risks"].of(AcceptConfig).entries) == 2
    rows = Catalog.load(loaded["own-catalog"].of(Config).catalogs).rows
    assert "acme-agent" in {row.id for row in rows}


def test_the_page_names_each_configuration():
    said = re.findall(r"\]\(config/(\S+)\)", (EXAMPLES / "README.md").read_text())
    assert set(said) == {path.name for path in (EXAMPLES / "config").iterdir()}


def test_cfn_lint_finds_nothing_in_the_rollout():
    program = Path(sys.executable).with_name("cfn-lint")
    argv = [str(program), "--include-checks", "I", "--", str(ROLLOUT)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_rollout_goes_to_canaries_first():
    first = Template(ROLLOUT, Version="1.2.3").resources("AWS::SSM::Association")
    later = Template(ROLLOUT, Version="1.2.3", Everywhere="true").resources("AWS::SSM::Association")
    assert (set(first), set(later)) == ({"Canaries"}, {"Canaries", "Hosts"})
    for each in later.values():
        assert each["Name"] == "AWS-ConfigureAWSPackage"
        assert each["Parameters"]["version"] == ["1.2.3"]
    assert [each["Targets"][0]["Values"] for each in later.values()] == [["canary"], ["true"]]


def test_commands_for_the_rollout_name_what_there_is():
    text = (EXAMPLES / "ssm/README.md").read_text().replace("\\\n", " ")
    deploys = re.findall(r"--template-file (\S+)\s+--parameter-overrides (.*)", text)
    assert len(deploys) == 3
    for file, given in deploys:
        parameters = dict(pair.split("=") for pair in given.split())
        declared = Template(pages.ROOT / file, **parameters).source["Parameters"]
        for key, value in parameters.items():
            assert re.fullmatch(declared[key].get("AllowedPattern", ".*"), value), key
            assert value in declared[key].get("AllowedValues", [value]), key
    for document, given in re.findall(r"--document-name (imds-probe-\w+) .*--parameters (\S+)", text):
        declared = yaml.safe_load((pages.ROOT / f"packaging/ssm/{document}.yaml").read_text())["parameters"]
        for key, value in (pair.split("=") for pair in given.split(",")):
            assert value in declared[key].get("allowedValues", [value]), (document, key)


def test_its_commands_on_reports_run(capsys, monkeypatch):
    monkeypatch.chdir(pages.ROOT)
    ((_, text),) = pages.blocks(example_reports.PAGE)
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    assert [main([*words[1:], *(["--jobs", "1"] if words[1] == "fleet" else [])]) for words in lines] == [0, 1, 0]
    assert capsys.readouterr().out


def test_the_reports_are_a_fleet(capsys, monkeypatch):
    monkeypatch.chdir(pages.ROOT)
    assert main(["fleet", "--jobs", "1", "--output", "json", "examples/reports"]) == 0
    picture = json.loads(capsys.readouterr().out)
    assert picture["verdicts"]["hosts"] == picture["sources"]["reports"] == len(REPORTS)
    assert picture["sources"]["not_reports"] == []
