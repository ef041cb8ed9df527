import pytest

from imds_probe.commands.dispatch import main


@pytest.mark.parametrize("given", ["0", "-1s", "x", "5y"])
def test_a_length_of_time_that_is_none_is_wrong_usage(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["watch", f"--for={given}"])
    assert ended.value.code == 2
    assert "write 90s, 5m, 2h or 14d" in capsys.readouterr().err


def test_its_options_are_explained(capsys):
    with pytest.raises(SystemExit):
        main(["watch", "--help"])
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--for DURATION", "--v1-only", "--json"))
