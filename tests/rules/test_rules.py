"""What holds for every rule: named once, explained, pure."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from golden_reports import CASES
from many_facts import many_facts
from observed import FACTS, report_of

from imds_probe import rules
from imds_probe.catalog.catalog import Catalog
from imds_probe.rules import RULES
from imds_probe.rules.rule import NothingToJudge, Rule

FOLDER = Path(rules.__file__).parent
KINDS = [kind for rule in RULES for kind in rule.kinds]


def test_ids_are_unique():
    ids = [rule.id for rule in RULES]
    kinds = [kind.id for kind in KINDS]
    assert len(ids) == len(set(ids))
    assert len(kinds) == len(set(kinds))


def test_every_rule_of_the_package_is_listed():
    modules = [
        importlib.import_module(f"{rules.__name__}.{each.name}") for each in pkgutil.iter_modules(rules.__path__)
    ]
    made = [value for module in modules for value in vars(module).values() if isinstance(value, Rule)]
    assert {rule.id for rule in made} == {rule.id for rule in RULES}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_kind_says_all_three_things(kind):
    assert min(len(kind.title), len(kind.meaning), len(kind.cure)) > 10
    assert kind.meaning.endswith(".")
    assert kind.cure.endswith(".")
    assert not kind.title.endswith(".")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.implies == "unknown"], ids=lambda kind: kind.id)
def test_what_leaves_the_verdict_unknown_names_what_would_settle_it(kind):
    assert kind.settled_by
    assert kind.found("host", "says").settled_by == kind.settled_by
    assert all(noun and not noun.endswith(".") and noun[0].islower() for noun in kind.settled_by)


def test_what_is_unknown_says_what_to_do_and_is_sent_to_watch_only_where_that_settles_it():
    seen = set()
    for facts in (*many_facts(200), *(make() for make in CASES.values())):
        for finding in (each for each in report_of(facts).findings if each.implies == "unknown"):
            seen.add(finding.id)
            told = f"{finding.fix.text} {' '.join(finding.fix.commands)}"
            settles = any("watched window" in noun for noun in finding.settled_by)
            assert settles or not re.search("[Ww]atch the host|imds-probe-daemon", told), finding
    assert {
        "code-not-read",
        "code-undecided",
        "sdk-unknown",
        "containers-not-seen",
        "callers-not-read",
        "sdks-not-seen",
    } <= seen


def test_what_can_be_graver_than_its_kind_names_it_too():
    # obstacles, containers and elsewhere decide by what was measured or said.
    assert {kind.id for kind in KINDS if kind.settled_by and kind.implies != "unknown"} == {
        "token-filtered",
        "answered-by-proxy",
        "metadata-proxy",
        "metadata-through-http-proxy",
    }


def test_what_cannot_be_accepted_says_why():
    refused = {kind.id for kind in KINDS if kind.not_acceptable}
    assert refused == {"not-ec2", "platform-unseen", "imds-unreachable", "imds-answer-unusable"}
    assert all(kind.not_acceptable.endswith(".") for kind in KINDS if kind.not_acceptable)


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
