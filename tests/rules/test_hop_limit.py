from dataclasses import replace

from observed import ENDPOINT, FACTS, with_imds

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.instance import Instance
from imds_probe.rules.hop_limit import RULE
from imds_probe.rules.rule import NothingToJudge


def test_a_measured_limit_is_nothing_to_report():
    assert RULE.judge(FACTS, Catalog(())) == []


def test_an_unmeasured_limit_is_said_with_its_reason():
    endpoint = replace(ENDPOINT, hop_limit=None, hop_limit_reason="answers came too slowly")
    (finding,) = RULE.judge(with_imds(hop_limit=None, endpoints=(endpoint,)), Catalog(()))
    assert (finding.id, finding.implies, finding.evidence) == ("hop-limit-unknown", None, ("answers came too slowly",))


def test_no_token_no_limit():
    assert isinstance(RULE.judge(with_imds(endpoint="disabled"), Catalog(())), NothingToJudge)


def test_the_command_asks_for_the_instance_alone():
    facts = with_imds(hop_limit=None)
    (finding,) = RULE.judge(facts, Catalog(()))
    (command,) = finding.fix.commands
    assert command.startswith(
        "aws ec2 describe-instances --region eu-west-1 --instance-ids i-0123456789abcdef0 --query "
    )
    (finding,) = RULE.judge(
        replace(facts, sections=tuple(each for each in facts.sections if not isinstance(each, Instance))), Catalog(())
    )
    assert ' --instance-ids "$INSTANCE_ID" --query ' in finding.fix.commands[0]
