import os

import pytest

from imds_probe.commands.messages import report_bug, say


def test_a_line_has_the_programs_name_and_nothing_that_steers_a_terminal(capfd, monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    say("container \x1b[2J\nforged: line")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("imds-probe: container ")
    assert "\x1b" not in err
    assert err.count("\n") == 1


def test_nor_has_what_a_bug_quotes(capfd):
    try:
        raise ValueError("no number: \x1b]0;owned\x07\u202e")
    except ValueError as error:
        report_bug("the collector x", error)
    err = capfd.readouterr().err
    assert "ValueError: no number: \\x1b]0;owned" in err
    assert not {"\x1b", "\x07", "\u202e"} & set(err)
    assert '    raise ValueError("no number' in err  # as many lines as it had


def of_standard_error() -> str:
    status = os.fstat(2)
    return f"{status.st_dev}:{status.st_ino}"


@pytest.mark.parametrize(
    ("stream", "expected"),
    [(of_standard_error, "it runs\n"), (lambda: "1:1", "imds-probe: it runs\n"), (lambda: "", "imds-probe: it runs\n")],
    ids=["the journal", "elsewhere", "empty"],
)
def test_the_journal_puts_the_name_itself(capfd, monkeypatch, stream, expected):
    monkeypatch.setenv("JOURNAL_STREAM", stream())
    say("it runs")
    assert capfd.readouterr().err == expected
