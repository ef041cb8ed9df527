"""Every sink is declared in the same way: all that is made of its declaration can rely on this."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_rights import methods_in, rights_of

import imds_probe.sinks
from imds_probe.commands.configuration import sections
from imds_probe.config import AwsConfig, Settings
from imds_probe.config.keys import fields_of
from imds_probe.sinks import SINKS, declared

MODULES = {path.stem for path in Path(imds_probe.sinks.__file__).parent.glob("*.py")}
each_sink = pytest.mark.parametrize("name", SINKS)


@each_sink
def test_its_name_is_in_the_list_and_names_its_module(name):
    assert declared(name).name == name
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)
    assert SINKS[name] == f"imds_probe.sinks.{name.replace('-', '_')}"


def test_each_module_with_a_declaration_is_in_the_list():
    declaring = {
        name for name in MODULES - {"__init__"} if hasattr(importlib.import_module(f"imds_probe.sinks.{name}"), "SINK")
    }
    assert declaring == {module.rpartition(".")[2] for module in SINKS.values()}
    assert len(set(SINKS.values())) == len(SINKS)


@each_sink
def test_its_purpose_is_a_part_of_a_sentence_and_its_costs_are_a_sentence(name):
    sink = declared(name)
    assert re.fullmatch(r"[^\n]{10,100}[^.\n]", sink.purpose)
    assert not sink.costs or re.fullmatch(r"[A-Z][^\n]+\.", sink.costs)


@each_sink
def test_its_keys_are_in_a_table_of_its_name_and_the_others_are_shared(name):
    sink = declared(name)
    own = [key.name for key in fields_of(sink.settings).values()] if sink.settings else []
    assert {key.partition(".")[0] for key in own} <= {name}
    for shared in sink.shared:
        tables = {key.name.partition(".")[0] for key in fields_of(shared).values()}
        assert not tables & set(SINKS)
        assert shared in sections()


@each_sink
def test_its_module_reads_no_settings_that_it_does_not_declare(name):
    sink = declared(name)
    asked = set(re.findall(r"settings\.of\((\w+)\)", inspect.getsource(importlib.import_module(SINKS[name]))))
    assert asked == {section.__name__ for section in (sink.settings, *sink.shared) if section}


@pytest.mark.parametrize("section", sections())
def test_each_key_says_what_it_is_for_or_its_table_or_the_key_before_does(section):
    said = False
    for key in fields_of(section).values():
        said = said or bool(key.help or key.table_help)
        assert said, key.name
        assert key.default is not None or key.example is not None, f"{key.name} has nothing to show in the shipped file"


@each_sink
def test_its_rights_are_those_of_its_calls(name):
    """A call is written as the method of a client, from which botocore has its operation's name."""
    source = inspect.getsource(importlib.import_module(SINKS[name]))
    actions = [action for policy in declared(name).policies for action in policy.actions]
    assert {action.partition(":")[2] for action in actions} == rights_of(methods_in(source))
    assert len(actions) == len(set(actions))
    assert not actions or AwsConfig in declared(name).shared


def test_policies_and_statements_are_named_once():
    policies = [policy for name in SINKS for policy in declared(name).policies]
    assert len({policy.name for policy in policies}) == len({policy.statement for policy in policies}) == len(policies)
    for policy in policies:
        assert policy.name.startswith(tuple(SINKS))
        assert policy.statement.isalnum()
        assert policy.actions
        assert policy.resources != ("*",) or policy.conditions, "a right on all, without a condition"
        assert all(resource == "*" or resource.startswith("arn:aws:") for resource in policy.resources)


@each_sink
def test_its_paths_are_absolute_and_below_a_directory_for_data(name):
    for path in map(Path, declared(name).paths):
        assert path.is_absolute()
        assert path.parts[1] == "var"
        assert len(path.parts) > 3


@each_sink
def test_what_it_writes_to_by_default_is_below_its_paths(name):
    sink = declared(name)
    made = sink.settings() if sink.settings else None
    for value in vars(made).values() if made else ():
        if isinstance(value, Path):
            assert any(value.is_relative_to(path) for path in sink.paths), value


@each_sink
def test_it_is_made_of_defaults_and_goes_by_its_name(name):
    made = declared(name).make(Settings(), {})
    assert made.name == name
    assert isinstance(made.keeps_each, bool)
    assert isinstance(made.repeatable, bool)


@each_sink
def test_its_declaration_loads_nothing_that_it_sends_by(name):
    code = (
        "import sys; from imds_probe.sinks import declared; declared(sys.argv[1])\n"
        "heavy = {'botocore', 'prometheus_client', 'requests', 'urllib3'} & {each.partition('.')[0] for each in sys.modules}\n"
        "print(*sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_the_names_alone_load_nothing_else_of_the_program():
    code = (
        "import sys; from imds_probe.sinks import SINKS\n"
        "print(*sorted(each for each in sys.modules if each.startswith('imds_probe')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["imds_probe", "imds_probe.sinks"]
