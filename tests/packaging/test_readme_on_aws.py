"""The commands for AWS in docs: their templates, parameters and values exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from cloudformation_template import TEMPLATES, Template

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs/aws.md").read_text()
COMMANDS = [
    shlex.split(command.replace("\\\n", " "))
    for command in re.findall(r"^aws (?:[^\n]*\\\n)*[^\n]*", SECTION, re.MULTILINE)
]
DEPLOY = [command for command in COMMANDS if command[:3] == ["aws", "cloudformation", "deploy"]]
SEND = [command for command in COMMANDS if command[:3] == ["aws", "ssm", "send-command"]]


def option(command, name):
    """The words after an option, up to the next one."""
    after = command[command.index(name) + 1 :]
    end = next((index for index, word in enumerate(after) if word.startswith("--")), len(after))
    return after[:end]


def test_there_is_a_command_for_each_template_and_one_to_run_it():
    assert sorted(option(command, "--template-file")[0] for command in DEPLOY) == sorted(
        path.name for path in TEMPLATES.iterdir()
    )
    assert len(SEND) == 1
    assert len(COMMANDS) == len(DEPLOY) + len(SEND)


@pytest.mark.parametrize("command", DEPLOY, ids=lambda command: option(command, "--stack-name")[0])
def test_its_parameters_are_the_templates(command):
    (name,) = option(command, "--template-file")
    given = dict(pair.split("=", 1) for pair in option(command, "--parameter-overrides"))
    declared = Template(name, **given).source["Parameters"]
    for key, value in given.items():
        assert re.fullmatch(declared[key].get("AllowedPattern", ".*"), value), key
        assert value in map(str, declared[key].get("AllowedValues", [value])), key
    makes_policies = bool(Template(name).resources("AWS::IAM::ManagedPolicy"))
    assert ("CAPABILITY_IAM" in command) == makes_policies


def test_run_command_gets_what_the_document_takes():
    (command,) = SEND
    document = yaml.safe_load((ROOT / "packaging/ssm/imds-probe-run.yaml").read_text())
    ((_, made),) = Template("imds-probe-ssm.yaml").resources("AWS::SSM::Document").items()
    assert option(command, "--document-name") == [made["Name"]]
    for pair in option(command, "--parameters")[0].split(","):
        name, _, value = pair.partition("=")
        declared = document["parameters"][name]
        assert value in declared.get("allowedValues", [value])
        assert re.fullmatch(declared.get("allowedPattern", ".*"), value)


def test_parameters_and_queries_it_names_exist():
    for key, value in re.findall(r"`(\w+)=(\w+)`", SECTION):
        assert any(
            value in declared["Parameters"].get(key, {}).get("AllowedValues", [])
            for declared in (Template(path.name).source for path in TEMPLATES.iterdir())
        ), key
    prose = " ".join(SECTION.split())
    for query in Template("imds-probe-fleet.yaml").resources("AWS::Logs::QueryDefinition").values():
        assert query["Name"].removeprefix("imds-probe/") in prose
