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
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == IDS
