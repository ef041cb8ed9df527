import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from golden_reports import golden_report
from observed import FACTS, OLD_CLOUD_INIT, changed, report_of

import imds_probe
from imds_probe import assessment, exitcodes
from imds_probe.commands.dispatch import main
from imds_probe.render import text
from imds_probe.render.lines import Style
from imds_probe.report import dump

READY, NOT_READY = report_of(FACTS), report_of(changed(FACTS, software=(OLD_CLOUD_INIT,)))


@pytest.fixture
def stored(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def test_the_same_catalog_changes_nothing(stored, capsys):
    assert main(["judge", stored("a.json", dump(READY))]) == exitcodes.READY
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith("a.json: ready (as before), confidence medium")
    assert out[1].split() == (
        ["host", "i-0123456789abcdef0", "web-17,", "reported", "2026-11-23T00:00:00Z", "by", "imds-probe", "0.1.0"]
    )
    assert out[2].split(maxsplit=1) == ["changed", "nothing, by the catalog and rules of this version"]
    assert out[3] == ""


@pytest.mark.parametrize("name", ["not-ready-much", "needs-hop-limit", "unknown", "ready-accepted"])
def test_one_report_is_shown_as_a_run_shows_it(stored, capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "100")
    report = golden_report(name)
    file = stored("a.json", dump(report))
    main(["judge", file])
    out = capsys.readouterr().out
    as_run = text.render(report, Style(), file=file)
    assert out.split("\n\n", 1)[1] == as_run
    for finding in report.findings:
        assert finding.id in as_run
    assert "run --output json" not in as_run
    if report.verdict.switch and report.verdict.switch.steps:
        assert f"imds-probe explain switch {file}" in as_run


def test_of_several_reports_it_is_said_what_changed_and_no_more(stored, capsys):
    files = [stored("a.json", dump(READY)), stored("b.json", dump(NOT_READY))]
    assert main(["judge", *files]) == exitcodes.NOT_READY
    out = capsys.readouterr().out
    assert out.count("changed     nothing") == 2
    assert "Blockers" not in out


def test_what_a_run_had_accepted_stays_accepted(stored, capsys):
    assert main(["judge", stored("a.json", dump(golden_report("ready-accepted")))]) == exitcodes.READY
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith("a.json: ready (as before), confidence medium")
    assert [line.split()[0] for line in out[2:5]] == ["accepted", "accepted", "changed"]
    assert out[3].endswith("[software-too-old], by team-os until 2027-01-31: this host never boots again")


def test_what_changed_is_listed(stored, capsys):
    document = NOT_READY.to_json()
    document["verdict"] |= {"state": "ready", "reasons": ["nothing was found"]}
    document["findings"] = [{**document["findings"][0], "id": "of-before", "summary": "words of before"}]
    assert main(["judge", stored("a.json", json.dumps(document))]) == exitcodes.NOT_READY
    out = capsys.readouterr().out
    assert "not-ready (it was ready)" in out
    assert "new         blocker: " in out
    assert "[software-too-old]" in out
    assert "words of before [of-before]" in out


def test_a_page_of_one_report(stored, capsys):
    file = stored("a.json", dump(NOT_READY))
    assert main(["judge", "--output", "html", file]) == exitcodes.NOT_READY
    out = capsys.readouterr().out
    assert out.startswith("<!doctype html>")
    assert ">NOT READY</h1>" in out
    assert "[software-too-old]" in out
    assert main(["judge", "--output", "html", file, file]) == exitcodes.USAGE
    assert "a page is of one report" in capsys.readouterr().err


def test_a_line_of_json_for_each(stored, capsys):
    files = [stored("a.json", dump(READY)), stored("b.json", dump(NOT_READY))]
    assert main(["judge", "--output", "json", *files]) == exitcodes.NOT_READY  # the worst of them
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == files
    assert [line["now"]["state"] for line in lines] == ["ready", "not-ready"]
    assert lines[0]["added"] == lines[0]["gone"] == lines[0]["not_judged"] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"{}", "it is not a report of the schema imds-probe.report/v1"),
        (b"", "it is not JSON"),
        (json.dumps({**READY.to_json(), "imds": {"hop_limit": 1}}), "it is not a valid report"),
    ],
)
def test_one_that_is_no_report_keeps_nobody_from_the_others(stored, capsys, content, said):
    bad, good = stored("bad.json", content), stored("good.json", dump(READY))
    assert main(["judge", bad, good]) == exitcodes.USAGE
    out, err = capsys.readouterr()
    assert "good.json: ready" in out
    assert err.startswith(f"imds-probe: {bad}: {said}")
    assert err.count("\n") == 1


def test_a_file_that_is_not_there(capsys, tmp_path):
    assert main(["judge", str(tmp_path / "none.json")]) == exitcodes.USAGE
    assert "none.json: it cannot be read: No such file or directory" in capsys.readouterr().err


def test_from_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(dump(READY).encode())))
    assert main(["judge", "-"]) == exitcodes.READY
    out = capsys.readouterr().out
    assert out.startswith("-: ready (as before)")
    assert "imds-probe explain switch REPORT" in out
    assert "imds-probe run --output json" not in out  # which is of this host


def test_by_a_catalog_of_ones_own(stored, capsys, tmp_path):
    built_in = json.loads((Path(imds_probe.__file__).parent / "catalog/os_software.json").read_text())
    row = next(row for row in built_in["components"] if row["id"] == "amazon-ssm-agent")
    own = {"schema": built_in["schema"], "components": [row | {"minimum": "99.0"}]}
    (tmp_path / "own.json").write_text(json.dumps(own))
    code = main(["judge", "--catalog", str(tmp_path / "own.json"), stored("a.json", dump(READY))])
    captured = capsys.readouterr()
    assert (code, captured.err) == (exitcodes.NOT_READY, "")
    assert "[software-too-old]" in captured.out


def test_hostile_text_does_not_reach_the_terminal(stored, capsys):
    document = READY.to_json()
    document["host"]["hostname"] = "\x1b[2J\u202eweb"
    main(["judge", stored("a.json", json.dumps(document))])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_a_bug_of_a_rule_is_told_and_the_others_judge(stored, capsys, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("boom")

    rules = tuple(replace(each, find=broken) if each.id == "tokens" else each for each in assessment.RULES)
    monkeypatch.setattr(assessment, "RULES", rules)
    assert main(["judge", stored("a.json", dump(READY))]) == exitcodes.UNKNOWN
    said = capsys.readouterr()
    assert "not judged  tokens: a bug in imds-probe: ZeroDivisionError at " in said.out
    assert "this is a bug in imds-probe, in the rule tokens" in said.err
