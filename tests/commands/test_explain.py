import re

import pytest

from imds_probe.commands.dispatch import main
from imds_probe.rules import RULES
from imds_probe.rules.acceptance import why_not_acceptable

IDS = [kind.id for rule in RULES for kind in rule.kinds]


@pytest.mark.parametrize("finding_id", IDS)
def test_every_finding_is_explained(finding_id, capsys):
    assert main(["explain", finding_id]) == 0
    text = capsys.readouterr().out
    assert f"[{finding_id}]" in text
    assert "What to do: " in text
    (kind,) = [kind for rule in RULES for kind in rule.kinds if kind.id == finding_id]
    assert ("What settles it: " in text) == bool(kind.settled_by)
    assert ("Its risk cannot be accepted." in text) == bool(why_not_acceptable(kind))


def test_without_an_id_all_are_listed(capsys):
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == IDS


@pytest.mark.parametrize("columns", [80, 140])
def test_texts_are_as_wide_as_the_terminal_and_words_stay_whole(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for arguments in ([], *([each] for each in IDS)):
        main(["explain", *arguments])
    lines = capsys.readouterr().out.splitlines()
    # An address, for one, is never broken.
    assert [line for line in lines if len(line) > columns and " " in line.strip()] == []
    assert [line for line in lines if re.search(r"\w-$", line)] == []
    assert max(map(len, lines)) > 70


@pytest.mark.parametrize(
    ("given", "meant"), [("software-to-old", "software-too-old"), ("switc", "switch"), ("x", None)]
)
def test_what_was_meant_is_named_where_it_is_near(given, meant, capsys):
    assert main(["explain", given]) == 2
    assert ("Did you mean " in capsys.readouterr().err) == (meant is not None)
    main(["explain", given])
    assert meant is None or f"Did you mean {meant}?" in capsys.readouterr().err
