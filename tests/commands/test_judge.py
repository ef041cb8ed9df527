"""The command; what judging again comes to is in tests/test_judging_again.py."""

from __future__ import annotations

import json

import pytest
from reports_made import report

from imds_probe import exitcodes
from imds_probe.commands.dispatch import main


def test_a_stored_report_and_what_became_of_it(tmp_path, capsys):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report()))
    assert main(["judge", str(file)]) == exitcodes.NOT_READY
    first, host, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{file}: not-ready (as before)")
    assert report()["instance"]["instance_id"] in host


def test_as_json_a_line_a_report(tmp_path, capsys):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report()))
    assert main(["judge", "--output", "json", str(file), str(file)]) == exitcodes.NOT_READY
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == second
    assert (first["file"], first["now"]["state"]) == (str(file), "not-ready")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"\xff", "not JSON"), (b"[" * 100_000, "not JSON"), (b"{}", "")],
    ids=["missing", "no text", "too deep", "no report"],
)
def test_one_that_is_none_does_not_keep_the_others_from_being_judged(tmp_path, capsys, content, said):
    broken, file = tmp_path / "broken.json", tmp_path / "report.json"
    if content is not None:
        broken.write_bytes(content)
    file.write_text(json.dumps(report()))
    assert main(["judge", str(broken), str(file)]) == exitcodes.USAGE
    out, err = capsys.readouterr()
    assert f"{broken}: " in err and said in err
    assert out.startswith(f"{file}: not-ready")
