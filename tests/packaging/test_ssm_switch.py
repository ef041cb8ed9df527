"""The Automation document that switches: taken by SSM as far as moto and botocore know it, and walked through all its branches,
on a made-up host whose metadata service is really switched between two assessments.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml
from automation_walker import LOOKS, StepFailed, Unknown, Walker
from botocore import xform_name
from botocore.validate import ParamValidator
from soon import SOON_S
from switching_aws import NEVER_APPLIES, REFUSES

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

PROJECT = Path(__file__).parents[2]
SOURCE = (PROJECT / "packaging/ssm/imds-probe-switch.yaml").read_text()
DOCUMENT = yaml.safe_load(SOURCE)
POLICY = json.loads((PROJECT / "packaging/ssm/imds-probe-switch-operator.json").read_text())
PARAMETERS, STEPS = DOCUMENT["parameters"], {step["name"]: step for step in DOCUMENT["mainSteps"]}
ACTIONS = {f"aws:{each}" for each in ["runCommand", "executeAwsApi", "waitForAwsResourceProperty", "branch", "approve"]}
SCRIPTS = [step for step in STEPS.values() if step["action"] == "aws:runCommand"]
ENDS = {name for name, step in STEPS.items() if step.get("isEnd")}
ASSESSED = ["assess", "verdict", "confidence", "optionsBefore", "options", "accountDefaults", "enforcement"]
CONFIRMED = ["confirm", "accountDefaultsNow", "enforcementNow", "stillHolds"]
ROLLED_BACK = ["rollBack", "waitRolledBack", "waitRolledBackApplied", "whatBroke"]


# The document


def test_ssm_takes_it(aws):
    ssm = aws.client("ssm")
    name = "imds-probe-switch"
    made = ssm.create_document(Name=name, DocumentType="Automation", DocumentFormat="YAML", Content=SOURCE)
    assert {each["Name"] for each in made["DocumentDescription"]["Parameters"]} == set(PARAMETERS)
    assert len(SOURCE) < 64 * 1024


def test_it_has_five_actions_and_leads_from_step_to_step():
    assert DOCUMENT["schemaVersion"] == "0.3"
    assert {step["action"] for step in STEPS.values()} == ACTIONS
    assert len(STEPS) == len(DOCUMENT["mainSteps"])
    named = set(re.findall(r"(?:NextStep|Default|nextStep): (\w+)|on(?:Failure|Cancel): step:(\w+)", SOURCE))
    reached = {name for pair in named for name in pair if name}
    assert reached | {"assess"} == set(STEPS)
    for name, step in STEPS.items():
        assert re.fullmatch(r"\w{3,128}", name)
        leads = step.get("isEnd") or "nextStep" in step or "Default" in step["inputs"]
        assert leads, f"{name} falls into whichever step comes next"


def test_each_value_that_is_used_is_given_before():
    predefined = {f"{step['name']}.Output" for step in SCRIPTS}
    given = {f"{step['name']}.{each['Name']}" for step in STEPS.values() for each in step.get("outputs", ())}
    used = set(re.findall(r"\{\{ ([\w.:]+) \}\}", SOURCE))
    assert used <= given | predefined | set(PARAMETERS) | {"automation:EXECUTION_ID"}
    assert set(PARAMETERS) <= used
    assert set(DOCUMENT["outputs"]) == predefined


def test_each_call_is_one_of_the_api(ec2):
    own = ("Service", "Api", "PropertySelector", "DesiredValues")
    model = ec2.meta.service_model
    for step in (step for step in STEPS.values() if "Api" in step["inputs"]):
        call = {name: value for name, value in step["inputs"].items() if name not in own}
        call |= {"HttpPutResponseHopLimit": 1} if "{{" in str(call.get("HttpPutResponseHopLimit")) else {}
        shape = model.operation_model(step["inputs"]["Api"]).input_shape
        assert step["inputs"]["Service"] == "ec2"
        assert ParamValidator().validate(call, shape).generate_report() == "" if shape else call == {}


def test_it_changes_nothing_by_default_and_no_more_than_tokens_endpoint_and_hop_limit():
    assert PARAMETERS["DryRun"]["default"] == "yes"
    for step in STEPS.values():
        if step["inputs"].get("Api") == "ModifyInstanceMetadataOptions":
            assert set(step["inputs"]) <= {
                *("Service", "Api", "InstanceId", "HttpTokens", "HttpEndpoint", "HttpPutResponseHopLimit")
            }


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name not in ("Approvers", "AutomationAssumeRole")])
def test_no_allowed_character_means_anything_within_quotes(name):
    declared = PARAMETERS[name]
    for character in map(chr, range(256)):
        for value in (character, f"unit:a{character}", f"1{character}", f"{character}1", f"i-01234567{character}"):
            allowed = declared.get("allowedValues")
            pattern = declared.get("allowedPattern", "").replace("$", r"\Z")
            if value in allowed if allowed else re.search(pattern, value):
                assert re.fullmatch(r"[A-Za-z0-9:_.@/-]*", value), (name, value)


def test_the_operator_may_do_what_the_document_does_and_no_more():
    called = {
        f"{step['inputs']['Service']}:{step['inputs']['Api']}" for step in STEPS.values() if "Api" in step["inputs"]
    }
    run_command = {f"ssm:{each}" for each in ("SendCommand", "ListCommands", "ListCommandInvocations")}
    automation = {
        f"ssm:{each}" for each in ("StartAutomationExecution", "GetAutomationExecution", "SendAutomationSignal")
    }
    looking = {"ssm:DescribeInstanceInformation", "ssm:DescribeAutomationStepExecutions", "ssm:StopAutomationExecution"}
    targets = {"tag:GetResources", "resource-groups:ListGroupResources"}
    granted = {action for statement in POLICY["Statement"] for action in statement["Action"]}
    assert granted == called | run_command | automation | looking | targets | {"sns:Publish", "iam:PassRole"}
    (passing,) = (statement for statement in POLICY["Statement"] if "iam:PassRole" in statement["Action"])
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
    assert passing["Resource"] == ["arn:*:iam::*:role/imds-probe-switch"]
    assert all(statement["Effect"] == "Allow" for statement in POLICY["Statement"])


def test_iam_takes_the_policy_and_it_ends_at_the_document(aws):
    iam = aws.client("iam")
    assert iam.create_policy(PolicyName="switch", PolicyDocument=json.dumps(POLICY))
    resources = {action: each["Resource"] for each in POLICY["Statement"] for action in each["Action"]}
    allowed = resources["ssm:SendCommand"]
    assert any(fnmatchcase("arn:aws:ssm:eu-west-1::document/AWS-RunShellScript", each) for each in allowed)
    assert not any(fnmatchcase("arn:aws:ssm:eu-west-1:1:document/other", each) for each in allowed)
    assert resources["ec2:ModifyInstanceMetadataOptions"] == ["arn:*:ec2:*:*:instance/*"]


PAGE = (PROJECT / "docs/switch.md").read_text()
COMMANDS = [
    shlex.split(command, comments=True)
    for command in re.findall(r"^aws .*?(?=\n\n|\n```|\n#)", PAGE.replace("\\\n", " "), re.MULTILINE | re.DOTALL)
]


def fits(name, value):
    declared = PARAMETERS[name]
    if "allowedValues" in declared:
        return value in declared["allowedValues"]
    return re.search(declared.get("allowedPattern", "").replace("$", r"\Z"), value) is not None


def test_the_commands_of_its_page_are_taken(aws):
    members = aws.client("ssm").meta.service_model
    operations = {xform_name(name, "-"): name for name in members.operation_names}
    started = 0
    for _, service, operation, *words in COMMANDS:
        assert service == "ssm"
        known = {
            f"--{xform_name(name, '-')}" for name in members.operation_model(operations[operation]).input_shape.members
        }
        options = dict(zip(words[::2], words[1::2], strict=True))
        assert set(options) <= known | {"--query"}
        assert options.get("--document-name", "imds-probe-switch") == "imds-probe-switch"
        if operation == "start-automation-execution":
            started += 1
            text = options["--parameters"]
            pairs = json.loads(text) if text.startswith("{") else dict(pair.split("=") for pair in text.split(","))
            for name, value in pairs.items():
                assert all(fits(name, each) for each in ([value] if isinstance(value, str) else value)), name
            assert ("InstanceId" in pairs) != (options.get("--target-parameter-name") == "InstanceId")
            assert ("--targets" in options) == ("--max-concurrency" in options) == ("--max-errors" in options)
    assert (started, len(COMMANDS)) == (4, 6)
    ends = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"\w+", row)}
    assert ends == ENDS | set(ROLLED_BACK)


def test_the_walker_refuses_what_it_does_not_know():
    step = {"name": "other", "action": "aws:executeScript", "inputs": {}}
    with pytest.raises(Unknown, match="executeScript"):
        Walker({"parameters": {}, "mainSteps": [step]}, {}, lambda script: (0, "")).walk()
    choice = {"NextStep": "other", "Variable": "a", "Resembles": "b"}
    step = {"name": "other", "action": "aws:branch", "inputs": {"Choices": [choice]}}
    with pytest.raises(Unknown, match="Resembles"):
        Walker({"parameters": {}, "mainSteps": [step]}, {}, lambda script: (0, "")).walk()
    step = {"name": "other", "action": "aws:branch", "onSuccess": "Abort", "inputs": {"Choices": []}}
    with pytest.raises(Unknown, match="onSuccess"):
        Walker({"parameters": {}, "mainSteps": [step]}, {}, lambda script: (0, "")).walk()


# The branches


class Place:
    """A made-up host with the real imds-probe, its simulated metadata service, and the instance as EC2 has it. What a script said
    on a host in some state, it says again without another run.
    """

    def __init__(self, lab, simulator, host, made_up, bin_directory):
        self.lab, self.simulator, self.host, self.made_up, self.bin = lab, simulator, host, made_up, bin_directory
        self.said, self.caller, self.label = {}, None, ""

    def state(self):
        """All that is different between two hosts of these tests."""
        simulated, packages = self.simulator.state, self.host / "var/lib/dpkg/status"
        return simulated.http_tokens, simulated.hop_limit, self.label, packages.read_text()

    def run(self, script):
        key = script, *self.state()
        if key not in self.said:
            environment = {"PATH": f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin"}
            done = self.made_up.run(["sh", "-c", script], timeout_s=4 * SOON_S, env=environment)
            self.said[key] = done.returncode, done.stdout.decode()
        return self.said[key]

    def asks_without_token(self):
        """From now on, somebody whom nobody has seen before."""
        code = (
            "import time, urllib.error, urllib.request\n"
            "while True:\n"
            "    try:\n"
            "        urllib.request.urlopen('http://169.254.169.254/latest/meta-data/placement/region', timeout=5).read()\n"
            "    except urllib.error.URLError:\n"
            "        pass\n"
            "    time.sleep(0.2)\n"
        )
        self.label = "caller"
        self.caller = self.made_up.start([sys.executable, "-I", "-c", code])

    def as_new(self):
        if self.caller is not None:
            self.made_up.end(self.caller)
        self.caller, self.label = None, ""
        self.simulator.update(http_tokens="optional", hop_limit=1)
        scenarios.write_host(self.host, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")


@pytest.fixture(scope="module")
def _place(tmp_path_factory):
    host, programs = tmp_path_factory.mktemp("host"), tmp_path_factory.mktemp("bin")
    program = programs / "imds-probe"
    with tempfile.TemporaryDirectory(prefix="imds-probe-switch-") as state, Lab("switch") as lab:
        # As a package has it there, but that it looks at the made-up host.
        program.write_text(
            f"#!/bin/sh\nexport PYTHONPATH={PROJECT}\n"
            f'if [ "$1" = run ]; then set -- "$@" --root {host}; else set -- "$@" --assume-ec2; fi\n'
            f'exec {sys.executable} -m imds_probe "$@" --state-directory {state}\n'
        )
        program.chmod(0o755)
        listen = (("169.254.169.254", 80),)
        scenarios.write_host(host, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
        with Simulator(InstanceState(), listen, netns=str(lab.service.netns)) as simulator:
            with MadeUpHost(lab.instance, host) as made_up:
                # The scripts keep their files in /run, which is the machine's.
                assert made_up.run(["mount", "-t", "tmpfs", "run", "/run"], timeout_s=SOON_S).returncode == 0
                yield Place(lab, simulator, host, made_up, programs)


@pytest.fixture
def place(_place):
    yield _place
    _place.as_new()


@pytest.fixture(scope="module")
def ec2(_server):
    """For all tests: its model takes a second to load."""
    return _server.client("ec2")


@pytest.fixture
def walk(place, ec2):
    """Walk on an instance with these tags, and whose options reach the service as EC2 applies them; give the walk and EC2."""

    def call(
        tags=(),
        *,
        hop_limit=1,
        after_modify=lambda: None,
        approved=lambda: True,
        enforced=False,
        missing_fails=True,
        cancelled_at="",
        refused=lambda api: False,
        **parameters,
    ):
        specification = [{"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags]}]
        options = {"HttpTokens": "optional", "HttpPutResponseHopLimit": hop_limit}
        made = ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            MinCount=1,
            MaxCount=1,
            MetadataOptions=options,
            **({"TagSpecifications": specification} if tags else {}),
        )
        instance_id = made["Instances"][0]["InstanceId"]
        enforcement = "enabled" if enforced else "no-preference"
        ec2.modify_instance_metadata_defaults(HttpTokensEnforced=enforcement)

        def called(api, inputs):
            if refused(api):
                raise StepFailed(f"{api}: a timeout")
            if api == "ModifyInstanceMetadataOptions" and not any(key == NEVER_APPLIES for key, _ in tags):
                hop_limit = inputs.get("HttpPutResponseHopLimit", place.simulator.state.hop_limit)
                place.simulator.update(http_tokens=inputs["HttpTokens"], hop_limit=hop_limit)
                if inputs["HttpTokens"] == "required":
                    after_modify()

        walker = Walker(DOCUMENT, {"ec2": ec2}, place.run, approved, called=called, missing_fails=missing_fails)
        walker.cancelled_at = cancelled_at
        # What a host in this state said once it says again, so what it keeps is that of its state.
        execution = hashlib.sha256(repr(place.state()).encode()).hexdigest()[:12]
        place.made_up.run(["sh", "-c", "rm -f /run/imds-probe-switch/*.after"], timeout_s=SOON_S)
        walked = walker.walk(execution, InstanceId=instance_id, **{"WatchSecondsAfter": "2"} | parameters)
        (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        walked.options = reservation["Instances"][0]["MetadataOptions"]
        return walked

    return call


def test_by_default_it_says_what_would_be_done(walk, place):
    walked = walk()
    assert walked.steps == [*ASSESSED, "asReported", "holds", "dryRun", "wouldSwitch"]
    assert (walked.status, walked.options["HttpTokens"]) == ("Success", "optional")
    said = json.loads(walked.outputs["assess.Output"])
    assert (said["verdict"], said["confidence"], said["hop_limit"]) == ("ready", "medium", 1)
    held = json.loads(walked.outputs["asReported.Output"].splitlines()[0])
    assert (held["holds"], held["digest"]) == (True, said["digest"])
    assert place.simulator.counts.imdsv1 <= 1  # the assessment's; a confirmation makes none


def test_an_account_without_a_preference_enforces_nothing_whichever_step_fails_for_that(walk):
    walked = walk(missing_fails=False)
    assert walked.steps == [*ASSESSED, "wayBack", "asReported", "holds", "dryRun", "wouldSwitch"]
    assert (list(walked.failures), walked.status) == (["wayBack"], "Success")
    walked = walk(missing_fails=False, DryRun="no")
    assert (list(walked.failures), walked.end, walked.status) == (["wayBack", "wayBackNow"], "switched", "Success")


def test_what_was_watched_before_the_verdict_is_no_record_that_is_gone_afterwards(walk):
    """Of a host without a daemon."""
    walked = walk(WatchSecondsBefore="1")
    assert (walked.end, walked.status) == ("wouldSwitch", "Success"), walked.outputs


def test_it_is_switched_once_somebody_has_approved(walk, place):
    walked = walk(DryRun="no", Approve="yes", Approvers=["arn:aws:iam::123456789012:user/me"])
    assert walked.steps[len(ASSESSED) :] == [
        *("asReported", "holds", "dryRun", "rehearseOrNot", "approveOrNot", "approve", *CONFIRMED),
        *("requireTokens", "waitRequired", "waitApplied", "watch", "works", "switched"),
    ]
    assert (walked.status, walked.options["HttpTokens"]) == ("Success", "required")
    assert (walked.options["HttpPutResponseHopLimit"], place.simulator.state.http_tokens) == (1, "required")
    assert json.loads(walked.outputs["watch.Output"])["tokens"] == "required"


def test_nobody_approves(walk):
    walked = walk(DryRun="no", Approve="yes", Approvers=["arn:aws:iam::123456789012:user/me"], approved=lambda: False)
    assert (walked.end, walked.status, walked.options["HttpTokens"]) == ("approve", "Failed", "optional")


def test_a_host_that_is_not_ready_is_left_alone(walk, place):
    scenarios.write_host(place.host, scenarios.OLD_PACKAGES, "i-0123456789abcdef0")
    walked = walk(DryRun="no")
    assert (walked.steps, walked.status) == (["assess", "verdict", "notSwitched"], "Success")
    assert [each["id"] for each in json.loads(walked.outputs["assess.Output"])["blockers"]] == ["software-too-old"]


def test_so_is_one_of_less_confidence_than_asked_for(walk):
    assert walk(DryRun="no", Confidence="high").steps == ["assess", "verdict", "confidence", "notSwitched"]


@pytest.mark.parametrize("hop_limit", [1, 2])
def test_what_changed_meanwhile_is_not_switched(walk, place, hop_limit):
    """A package, or the hop limit that the service uses."""

    def approved():
        newer = scenarios.UPGRADED_PACKAGES | ({"awscli": "2.9.20-1"} if hop_limit == 1 else {})
        scenarios.write_host(place.host, newer, "i-0123456789abcdef0")
        place.simulator.update(hop_limit=hop_limit)
        return True

    walked = walk(DryRun="no", Approve="yes", Approvers=["arn:aws:iam::123456789012:user/me"], approved=approved)
    assert (walked.end, walked.options["HttpTokens"]) == ("changedMeanwhile", "optional")
    (change,) = json.loads(walked.outputs["confirm.Output"])["changes"]
    assert change["part"] == ("packages" if hop_limit == 1 else "hop limit")


def test_other_options_by_ec2_than_on_the_host_are_not_switched(walk):
    walked = walk(DryRun="no", hop_limit=2)
    assert walked.end == "changedMeanwhile"
    assert '{"options":"other","hop_limit_by_ec2":2}' in walked.outputs["asReported.Output"]


def test_where_the_account_enforces_tokens_there_is_no_way_back_and_no_switch(walk):
    walked = walk(DryRun="no", enforced=True)
    assert walked.steps == [*ASSESSED, "wayBack", "noWayBack"]
    assert walked.options["HttpTokens"] == "optional"


@pytest.mark.parametrize("known", [True, False])
def test_so_it_is_where_that_begins_during_the_approval_or_nobody_knows_any_more(walk, ec2, known):
    since = []

    def approved():
        since.append("approved")
        ec2.modify_instance_metadata_defaults(HttpTokensEnforced="enabled")
        return True

    def refused(api):
        return bool(since) and not known and api == "GetInstanceMetadataDefaults"

    walked = walk(
        DryRun="no", Approve="yes", Approvers=["arn:aws:iam::123456789012:user/me"], approved=approved, refused=refused
    )
    between = ["enforcementNow", "wayBackNow"] if known else []
    assert walked.steps[walked.steps.index("confirm") :] == ["confirm", "accountDefaultsNow", *between, "noWayBack"]
    assert (walked.status, walked.options["HttpTokens"]) == ("Success" if known else "Failed", "optional")


def test_the_change_is_denied(walk):
    walked = walk([(REFUSES, "required")], DryRun="no")
    assert (walked.end, walked.status, walked.options["HttpTokens"]) == ("notModified", "Failed", "optional")
    assert "UnauthorizedOperation" in walked.failures["requireTokens"]
    assert walked.steps[-5:] == ["requireTokens", "takenAfterAll", "optionsAfter", "untouched", "notModified"]


def test_a_change_that_ec2_took_although_the_call_failed_is_rolled_back(walk, place):
    def lost():
        raise StepFailed("the answer did not come in time")

    walked = walk(DryRun="no", after_modify=lost)
    assert walked.steps[-6:] == ["requireTokens", "takenAfterAll", *ROLLED_BACK]
    assert (walked.status, walked.options["HttpTokens"]) == ("Failed", "optional")
    assert place.simulator.state.http_tokens == "optional"


def test_where_nobody_knows_whether_ec2_took_the_change_it_is_rolled_back(walk):
    """The change was denied, and then EC2 describes nothing."""
    asked = []

    def refused(api):
        asked.append(api)
        # After optionsBefore, and takenAfterAll as often as the walker looks.
        return api == "DescribeInstances" and asked.count(api) > 1 + LOOKS

    walked = walk([(REFUSES, "required")], DryRun="no", refused=refused)
    assert walked.steps[-5:] == ["requireTokens", "takenAfterAll", "optionsAfter", *ROLLED_BACK[:2]]
    assert (walked.status, walked.options["HttpTokens"]) == ("Failed", "optional")


@pytest.mark.parametrize("step", ["requireTokens", "waitRequired", "waitApplied", "watch"])
def test_whoever_cancels_it_after_the_change_has_it_rolled_back(walk, place, step):
    walked = walk(DryRun="no", cancelled_at=step)
    assert walked.steps[-5:] == [step, *ROLLED_BACK]
    assert (walked.status, walked.options["HttpTokens"]) == ("Cancelled", "optional")
    assert place.simulator.state.http_tokens == "optional"


def test_whoever_cancels_it_before_changes_nothing(walk):
    walked = walk(DryRun="no", cancelled_at="confirm")
    assert (walked.end, walked.options["HttpTokens"]) == ("confirm", "optional")


def test_the_change_is_never_applied(walk):
    walked = walk([(NEVER_APPLIES, "required")], DryRun="no")
    assert walked.steps[-5:] == ["waitApplied", *ROLLED_BACK]
    assert (walked.status, walked.options["HttpTokens"]) == ("Failed", "optional")
    assert "never applied" in walked.outputs["whatBroke.Output"]


def test_what_breaks_is_rolled_back_and_said(walk, place):
    walked = walk(DryRun="no", after_modify=place.asks_without_token)
    assert walked.steps[-6:] == ["watch", "works", *ROLLED_BACK]
    assert (walked.status, walked.options["HttpTokens"]) == ("Failed", "optional")
    assert (walked.options["HttpPutResponseHopLimit"], place.simulator.state.http_tokens) == (1, "optional")
    first, line = walked.outputs["whatBroke.Output"].splitlines()
    assert "undone" in first
    assert json.loads(line)["verdict"] == "not-ready"


def test_the_rollback_is_refused(walk, place):
    walked = walk([(REFUSES, "optional")], DryRun="no", after_modify=place.asks_without_token)
    assert (walked.end, walked.status, walked.options["HttpTokens"]) == ("rollBack", "Failed", "required")


@pytest.mark.parametrize(
    ("accept", "needed", "end", "hop_limit"),
    [
        ("ready", 2, "notSwitched", 1),
        ("ready-or-needs-hop-limit", 2, "switched", 2),
        ("ready-or-needs-hop-limit", 3, "switched", 3),
        ("ready-or-needs-hop-limit", 4, "notSwitched", 1),
        ("ready-or-needs-hop-limit", None, "notSwitched", 1),  # it has to be tried first
    ],
)
def test_a_hop_limit_is_raised_only_where_that_is_accepted_and_it_is_small(walk, place, accept, needed, end, hop_limit):
    """What the lab's containers need is tested with them; here, what the host says is given."""
    line = {"verdict": "needs-hop-limit", "confidence": "medium", "hop_limit": 1, "hop_limit_needed": needed, "x": ""}
    of_confirmation = {"holds": True} | line
    text = {"--keep": line, "--confirm": of_confirmation, "--watch": {"verdict": "ready", "x": ""}}

    def said(script):
        found = next(value for option, value in text.items() if option in script)
        more = '\n{"options":"as-reported"}' if "as-reported" in script else ""
        return 0, json.dumps(found, separators=(",", ":")) + more

    place.run, real = said, place.run
    try:
        walked = walk(DryRun="no", Accept=accept)
    finally:
        place.run = real
    assert (walked.end, walked.options["HttpPutResponseHopLimit"]) == (end, hop_limit)


def test_a_rehearsal_that_ends_badly_ends_it(walk, place):
    """That of a unit that is not there."""
    walked = walk(DryRun="no", Rehearse="unit:no-such-unit.service")
    assert (walked.end, walked.status, walked.options["HttpTokens"]) == ("rehearsalFailed", "Failed", "optional")
    assert "no-such-unit" in walked.outputs["rehearse.Output"]
