from dataclasses import replace

import pytest
from code_seen import BACKUP, with_code
from golden_reports import CASES, golden_report
from observed import CATALOG, FACTS, HOST, OLD_CLOUD_INIT, PROBE, changed, report_of, with_imds

from imds_probe.assessment import report_on
from imds_probe.facts.image import Image
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.host import host
from imds_probe.render.page.outcome import (
    FOR_TEMPLATE,
    TO_RAISE,
    TO_UNDO,
    WAITS,
    commands,
    headline,
    host_name,
    is_switched,
    sentence,
)
from imds_probe.render.page.whole_switch import HEADING as WHOLE
from imds_probe.rules import RULES
from imds_probe.rules.judging import select
from imds_probe.verdict import ImageSwitch


@pytest.mark.parametrize(
    ("name", "headings"),
    [
        ("ready", ["Command to switch", TO_UNDO, WHOLE]),
        ("needs-hop-limit", ["Command to switch and raise the hop limit", TO_UNDO, WHOLE]),
        ("not-ready", ["Command for later, once this host is ready", TO_UNDO, WHOLE]),
        ("unknown", ["Command for later, once this host is known to be ready", TO_UNDO, WHOLE]),
        ("ready-switched", [TO_UNDO, WHOLE]),
        ("not-ready-switched", [TO_UNDO, WHOLE]),
        ("unknown-switched", [TO_UNDO, WHOLE]),
        ("needs-hop-limit-switched", [TO_RAISE, TO_UNDO, WHOLE]),
        ("unknown-elsewhere", []),
    ],
)
def test_the_headings_of_commands_fit_the_verdict(name, headings):
    assert [part.heading for part in commands(golden_report(name), SHORT)] == headings


@pytest.mark.parametrize("name", CASES)
def test_what_is_switched_is_never_said_to_be_open(name):
    report = golden_report(name)
    assert is_switched(report) == name.endswith("-switched")
    said = sentence(report)
    assert ("can be switched" in said or "Do not switch" in said) != is_switched(report)
    assert ("already IMDSv2-only" in said) == is_switched(report)


def test_what_a_higher_limit_costs_stands_below_the_command():
    switch, *_ = commands(golden_report("needs-hop-limit"), SHORT)
    command, instead, price = switch.blocks
    assert command.command.startswith("aws ec2 modify-instance-metadata-options")
    assert instead.text.startswith("Instead of hop limit 2, give this container ")
    assert price.text.startswith("Hop limit 2 lets every process in 2 containers")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("ready", ("READY, 2 risks accepted until 2026-12-01", "yellow")),
        ("not-ready", ("NOT READY, 2 risks accepted until 2026-12-01", "red")),
        ("needs-hop-limit", ("NEEDS A HIGHER HOP LIMIT, 2 risks accepted until 2026-12-01", "yellow")),
    ],
)
def test_a_verdict_that_rests_on_accepted_risks_says_so_first(state, expected):
    report = golden_report("ready-accepted")
    assert headline(replace(report, verdict=replace(report.verdict, state=state))) == expected
    assert headline(golden_report("ready")) == ("READY", "green")


def test_the_command_says_what_it_breaks_that_is_accepted():
    report = golden_report("ready-accepted")
    switch, *_ = commands(report, SHORT)
    said = [block.text for block in switch.blocks[1:]]
    assert [text.partition(":")[0] + text.rpartition(" ")[2] for text in said] == [
        "Accepted, and perhaps broken by the switch[code-not-read].",
        "Accepted, and broken by the switch[software-too-old].",
    ]
    many = replace(report, verdict=replace(report.verdict, accepted=report.verdict.accepted * 4))
    assert next(iter(commands(many, SHORT))).blocks[-1].text == "3 more risks are accepted."
    on_image = replace(many, verdict=replace(many.verdict, switch=None, image=ImageSwitch()))
    assert next(iter(commands(on_image, SHORT))).blocks[-1].text == "3 more risks are accepted."


def test_a_template_waits_for_what_each_new_instance_runs():
    report = report_of(with_code(replace(BACKUP, runs="once")))
    assert report.verdict.state == "ready"
    assert [part.heading for part in commands(report, SHORT)] == ["Command to switch", TO_UNDO, WHOLE, FOR_TEMPLATE]
    *_, part = commands(report, SHORT)
    text, command = part.blocks
    assert text.text.startswith(
        f"{WAITS} 1 file that ran once here and will run on each new instance asks without a token: "
    )
    assert command.command.startswith("aws ec2 create-launch-template-version")


@pytest.mark.parametrize(
    ("software", "says", "heading"),
    [
        ((), "ImdsSupport=v2.0 can be set on this image.", "Command to require tokens on instances of this image"),
        (
            (OLD_CLOUD_INIT,),
            "Do not set ImdsSupport=v2.0 on this image yet",
            "Command for later, once this image is ready",
        ),
    ],
)
def test_an_image_is_spoken_of_as_one(software, says, heading):
    report = report_of(changed(FACTS, imds=None, platform=Platform.absent(), software=software).with_(Image()))
    assert sentence(report).startswith(says)
    assert "rests on packages and code alone" in sentence(report)
    (part,) = commands(report, SHORT)
    assert part.heading == heading
    assert part.blocks[1].text.startswith("This cannot be undone.")
    assert ("judged as", "an image") in next(host(report)).blocks[0].rows


def test_rules_that_did_not_judge_are_named():
    selected = select(RULES, (), ("software", "tokens"))
    report = report_on(FACTS, CATALOG, selected, PROBE)
    failed = replace(
        report, rules=(*report.rules, replace(report.rules[0], id="x", status="error", reason="no such key"))
    )
    said = sentence(failed)
    assert "Rules left out by --only or --skip: " in said
    assert "software" in said
    assert "The rule x failed: no such key." in said


def test_a_service_that_is_turned_off_is_the_reason():
    assert "turned off" in sentence(report_of(with_imds(endpoint="disabled")))


@pytest.mark.parametrize(
    ("instance", "hostname", "shown"),
    [
        (Instance("i-1", "eu-west-1", None, None, None, "m7i.large"), "web", "i-1 eu-west-1 m7i.large (web)"),
        (Instance("i-1"), None, "i-1"),
        (None, "web", "(web)"),
        (None, None, ""),
    ],
)
def test_a_host_is_called_what_is_known_of_it(instance, hostname, shown):
    facts = changed(FACTS, instance=instance, host=replace(HOST, hostname=hostname), software=(OLD_CLOUD_INIT,))
    assert host_name(report_of(facts)) == shown
