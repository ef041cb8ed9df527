import argparse
import importlib
import re

import pytest

from imds_probe import __version__, config, deprecation
from imds_probe.commands import COMMANDS, messages
from imds_probe.commands.configuration import load, sections
from imds_probe.commands.dispatch import main
from imds_probe.config.keys import keys_of
from imds_probe.deprecation import DEPRECATED, MINORS, Deprecated, due, in_current_words, numbers
from imds_probe.errors import UsageError

OPTION = Deprecated("explain --all", "--list", "0.1.0", "0.3.0")
WINDOW = Deprecated("watch.period", "watch.window", "0.1.0", "0.3.0")
STATE = Deprecated("state", "state_directory", "0.1.0", "0.3.0")
USELESS = Deprecated("watch.coverage", None, "0.1.0", "0.3.0")


@pytest.fixture
def deprecated(monkeypatch):
    def declare(*entries):
        monkeypatch.setattr(deprecation, "DEPRECATED", entries)
        messages.say_once.cache_clear()

    return declare


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "a.toml"
        path.write_text(text)
        return path

    return write


def options(command):
    parser = argparse.ArgumentParser()
    importlib.import_module(f"imds_probe.commands.{command}").add_arguments(parser)
    return set(parser._option_string_actions)


def test_each_name_goes_no_earlier_than_promised_and_has_gone_by_then():
    for each in DEPRECATED:
        since, until = numbers(each.since), numbers(each.until)
        assert until[0] > since[0] or until[1] >= since[1] + MINORS, each
        assert until[2] == 0, each  # no release that only repairs takes a name away
    assert due(__version__) == []


def test_each_name_stands_for_one_that_there_is():
    keys = {key.name for key in keys_of(sections())}
    for each in DEPRECATED:
        if each.option is None:
            assert (each.name in keys) == (each.instead is None), each
            assert each.instead is None or each.instead in keys, each
            continue
        command, option = each.option
        assert command in COMMANDS, each
        assert (option in options(command)) == (each.instead is None), each
        assert each.instead is None or each.instead in options(command), each


def test_due_by_number_and_not_by_letter():
    one = Deprecated("run --x", None, "0.8.0", "0.10.0")
    assert due("0.9.9", [one]) == []
    assert due("0.10.0", [one]) == due("1.0.0", [one]) == [one]


def test_an_option_is_taken_by_its_new_name_up_to_where_anothers_words_begin():
    old = Deprecated("rehearse --time", "--for", "0.1.0", "0.3.0")
    arguments = ["rehearse", "--time", "2h", "--time=3h", "--", "sleep", "--time=1"]
    assert in_current_words(arguments, "rehearse", [old]) == (
        ["rehearse", "--for", "2h", "--for=3h", "--", "sleep", "--time=1"],
        ["--time is deprecated. Use --for: version 0.3.0 will not know --time."],
    )
    assert in_current_words(arguments, "run", [old]) == (arguments, [])


def test_an_option_that_nothing_replaces_is_only_warned_of():
    old = Deprecated("run --deep", None, "0.1.0", "0.3.0")
    assert in_current_words(["run", "--deep"], "run", [old]) == (
        ["run", "--deep"],
        ["--deep is deprecated. Leave it out: version 0.3.0 will not know --deep."],
    )


def test_the_command_works_and_says_so_once(deprecated, capsys):
    deprecated(Deprecated("catalog --origins", "--sources", "0.1.0", "0.3.0"))
    for _ in range(2):
        assert main(["catalog", "--origins", "datadog"]) == 0
    out, err = capsys.readouterr()
    assert out.count("Datadog Agent [datadog-agent]") == 2
    assert err == "imds-probe: --origins is deprecated. Use --sources: version 0.3.0 will not know --origins.\n"


def test_a_setting_is_read_by_its_new_name_and_said_once_with_its_line(deprecated, written, capsys):
    deprecated(WINDOW, STATE, USELESS)
    path = written('state = "/srv/x"\n[watch]\nperiod = "3d"\ncoverage = 0.5\n')
    for _ in range(2):
        loaded = load(path, complete=True)
    assert loaded.values["watch.window"] == config.loading.Value("3d", f"{path}:3")
    assert loaded.values["state_directory"] == config.loading.Value("/srv/x", f"{path}:1")
    assert loaded.settings.of(config.Config).coverage == 0.5
    assert capsys.readouterr().err.splitlines() == [
        f"imds-probe: {path}:3: watch.period is deprecated. Use watch.window: version 0.3.0 will not know watch.period.",
        f"imds-probe: {path}:1: state is deprecated. Use state_directory: version 0.3.0 will not know state.",
        f"imds-probe: {path}:4: watch.coverage is deprecated. Leave it out: version 0.3.0 will not know watch.coverage.",
    ]


def test_a_mistake_in_its_value_names_the_line_that_it_stands_in(deprecated, written):
    deprecated(WINDOW)
    path = written('[watch]\n\nperiod = "soon"\n')
    with pytest.raises(UsageError, match=f"^{re.escape(str(path))}:3: watch.window is wrong"):
        load(path)


def test_both_names_at_once_are_a_mistake(deprecated, written):
    deprecated(WINDOW)
    path = written('[watch]\nwindow = "2d"\nperiod = "3d"\n')
    with pytest.raises(UsageError, match=f"{re.escape(str(path))}:3: watch.period is watch.window by its old name"):
        load(path)


def test_a_table_may_be_left_empty_and_another_one_begun(deprecated, written):
    deprecated(Deprecated("watched.window", "watch.window", "0.1.0", "0.3.0"))
    loaded = load(written('[watched]\nwindow = "2d"\n'), complete=True)
    assert loaded.values["watch.window"].raw == "2d"


def test_nothing_is_said_where_no_old_name_is_used(deprecated, written, capsys):
    deprecated(WINDOW, OPTION)
    load(written('[watch]\nwindow = "2d"\n'))
    assert main(["explain", "not-ec2"]) == 0
    assert capsys.readouterr().err == ""
