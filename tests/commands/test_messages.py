import os

import pytest

from imds_probe.commands.messages import say


def test_a_line_has_the_programs_name_and_nothing_that_steers_a_terminal(capfd, monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    say("container \x1b[2J\nforged: line")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("imds-probe: container ")
    assert "\x1b" not in err
    assert err.count("\n") == 1


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
