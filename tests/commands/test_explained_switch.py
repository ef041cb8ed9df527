import json
import shlex

import pytest
from observed import FACTS, changed, report_of

from imds_probe.commands import explained_switch
from imds_probe.commands.dispatch import main
from imds_probe.facts.platform import Platform
from imds_probe.report import dump

OWNERS = (
    "eks-auto-mode",
    "karpenter",
    "eksctl",
    "eks-node-group",
    "kops",
    "elastic-beanstalk",
    "emr",
    "parallelcluster",
    "batch",
    "ecs",
)


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch):
    monkeypatch.setattr(explained_switch, "newest_kept", lambda: None)


def test_the_switch_of_a_report_has_all_its_commands(tmp_path, capsys):
    report = report_of(FACTS)
    (tmp_path / "report.json").write_text(dump(report))
    assert main(["explain", "switch", str(tmp_path / "report.json")]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for step in report.verdict.switch.steps:
        assert {*step.commands, *step.rollback} <= set(lines)
    assert lines[0].startswith("READY: i-0123456789abcdef0 eu-west-1")


def test_without_a_report_every_owner_is_explained(capsys):
    assert main(["explain", "switch"]) == 0
    out = capsys.readouterr().out
    assert "explain switch report.json" in out
    for owner in OWNERS:
        assert f"Owner {owner}: " in out
    assert shlex.split('"$INSTANCE_ID"')[0] in out


def test_a_report_without_a_switch_is_refused(tmp_path, capsys):
    nowhere = changed(FACTS, imds=None, platform=Platform.absent())
    (tmp_path / "report.json").write_text(dump(report_of(nowhere)))
    assert main(["explain", "switch", str(tmp_path / "report.json")]) == 2
    err = capsys.readouterr().err
    assert "has no switch" in err
    assert err.endswith(" See docs/verdict.md.\n")
    (tmp_path / "other.json").write_text(json.dumps({"schema": "other"}))
    assert main(["explain", "switch", str(tmp_path / "other.json")]) == 2
    err = capsys.readouterr().err
    assert f"{tmp_path}/other.json: it is not a report" in err
    assert err.endswith(" See docs/report.md.\n")


def test_a_finding_takes_no_report(capsys):
    assert main(["explain", "not-ec2", "report.json"]) == 2
    assert "only `explain switch` takes a report" in capsys.readouterr().err
