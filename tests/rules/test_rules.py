"""What holds for every rule: named once, explained, pure."""

import ast
from pathlib import Path

from observed import FACTS

from imds_probe import rules
from imds_probe.catalog.catalog import Catalog
from imds_probe.rules import RULES
from imds_probe.rules.rule import NothingToJudge

FOLDER = Path(rules.__file__).parent


def test_ids_are_unique():
    ids = [rule.id for rule in RULES]
    explained = [entry.id for rule in RULES for entry in rule.explanations]
    assert len(ids) == len(set(ids))
    assert len(explained) == len(set(explained))


def test_every_module_with_a_rule_is_listed():
    with_rule = {path.stem for path in FOLDER.glob("*.py") if "\nRULE = Rule(" in path.read_text()}
    assert with_rule == {rule.judge.__module__.rsplit(".", 1)[1] for rule in RULES}


def test_every_finding_that_the_source_names_is_explained():
    explained = {entry.id for rule in RULES for entry in rule.explanations}
    named = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                value = next(keyword.value for keyword in node.keywords if keyword.arg == "id")
                if isinstance(value, ast.Constant):
                    named.add(value.value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_finding":
                named |= {first.value for first in node.args[:1] if isinstance(first, ast.Constant)}
    assert named
    assert named <= explained


def test_rules_do_not_touch_the_system():
    # Judging a stored report on another machine must be possible: no collector, socket or process in reach.
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for module in modules:
                assert not module.startswith(
                    ("imds_probe.collect", "imds_probe.net", "imds_probe.system.process", "socket", "os")
                )


def test_judging_twice_gives_the_same():
    catalog = Catalog.load()
    for rule in RULES:
        first, second = rule.judge(FACTS, catalog), rule.judge(FACTS, catalog)
        assert first == second
        assert isinstance(first, NothingToJudge) or all(finding.rule == rule.id for finding in first)
