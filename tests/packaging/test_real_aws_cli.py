"""Every command of the AWS CLI that is printed or stands in docs is one that the AWS CLI takes: by its own parser and models."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from aws_argv import calls
from pages import PAGES
from real_aws_cli import refusals
from switch_plans import TEMPLATE_ID, plan

from imds_probe.facts.control_plane import (
    AccountDefaults,
    AutoScalingGroup,
    ControlPlane,
    GroupOverride,
    LaunchConfiguration,
    MetadataOptions,
    Template,
)
from imds_probe.facts.owner import LaunchedFrom, Owner, OwnerKind
from imds_probe.switch.steps import steps_of

PROJECT = Path(__file__).parents[2]
TEMPLATE = Template(TEMPLATE_ID, None, "3", 3, options=MetadataOptions("optional", 1))
# Commands of the AWS CLI's own, for which it knows no check without a request.
OF_ITS_OWN = {("s3", "sync"), ("s3", "cp"), ("cloudformation", "deploy")}
EXECUTION = "11111111-2222-3333-4444-555555555555"
# Looked up when a command runs, so that what stands for it here is of the right form.
WRITTEN = {"configuration.json": '{"LaunchConfigurationName": "web-1-imdsv2"}'}


def plans():
    for kind in get_args(OwnerKind):
        for known in (True, False):
            owner = Owner(kind, "blue" if known else None, (), "shop" if known else None)
            yield plan(owner=owner, launched=LaunchedFrom(TEMPLATE_ID, "3", "a label") if known else None)
    defaults = AccountDefaults(MetadataOptions())
    for known in (
        {"launched_from": TEMPLATE},
        {"group": AutoScalingGroup("web", TEMPLATE)},
        {"group": AutoScalingGroup("web", TEMPLATE, mixed=True, overrides=(GroupOverride("t3.small", TEMPLATE),))},
        {"group": AutoScalingGroup("web", configuration=LaunchConfiguration("web-1"))},
    ):
        there = plan(owner=None, launched=None)
        yield replace(there, control_plane=ControlPlane("2026-11-29T00:00:00Z", account=defaults, **known))


def printed() -> list[list[str]]:
    lines = {line for each in plans() for step in steps_of(each) for line in (*step.commands, *step.rollback)}
    return [argv for line in sorted(lines) for argv in calls(line)]


def in_docs() -> list[list[str]]:
    found = []
    for page in PAGES:
        for block in re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            lines = iter(re.sub(r"\\\n *", "", block).splitlines())
            for line in lines:
                whole = line.strip()
                while "aws " in whole and whole.count("'") % 2:  # text in quotation marks goes on
                    whole += f" {next(lines).strip()}"
                found += calls(whole)
    # Three dots are left out for the page, and the reader has an ID, and a loop over Regions.
    known = {"ID": EXECUTION, "$region": "eu-west-1"}
    return [[known.get(word, word) for word in argv] for argv in found if "..." not in argv]


@pytest.fixture
def place(tmp_path):
    """Where files are that commands name."""
    (tmp_path / "dist/distributor").mkdir(parents=True)
    (tmp_path / "dist/distributor/manifest.json").write_text("{}")
    (tmp_path / "packaging").symlink_to(PROJECT / "packaging")
    return tmp_path


def held(commands, place) -> dict[str, str]:
    """Of those that are refused, what the AWS CLI says."""
    asked = [argv for argv in commands if tuple(argv[:2]) not in OF_ITS_OWN]
    for argv in asked:
        for word in argv:
            name = re.sub(r"^fileb?://", "", word)
            if name != word and not (place / name).exists():
                (place / name).write_text(WRITTEN.get(Path(name).name, "{}"))
    said = refusals(asked, place)
    return {shlex.join(argv): each for argv, each in zip(asked, said, strict=True) if each}


def test_what_the_steps_of_the_switch_print(place):
    commands = printed()
    assert len(commands) > 40
    assert held(commands, place) == {}


def test_what_the_pages_say(place):
    commands = in_docs()
    assert len(commands) > 15
    assert held(commands, place) == {}


def test_what_it_does_not_know_is_noticed(place):
    command = ["ec2", "modify-instance-metadata-options", "--instance-id", "i-0123456789abcdef0"]
    asked = [[*command, "--http-tokens", "required"], [*command, "--http-token-hops", "2"], command[:2]]
    known, unknown, short = refusals(asked, place)
    assert known == "" and "--http-token-hops" in unknown and "--instance-id" in short
