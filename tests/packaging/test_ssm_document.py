"""The Run Command document: taken by SSM as far as moto and botocore know it, safe from its parameters, and its script run
exactly as written, by the shells that the agent may have.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from cloudformation_template import Template
from report_schema import check

from imds_probe import exitcodes
from imds_probe.simulator import scenarios
from imds_probe.sinks import SINKS

SOURCE = (Path(__file__).parents[2] / "packaging" / "ssm" / "imds-probe-run.yaml").read_text()
DOCUMENT = yaml.safe_load(SOURCE)
TEMPLATE = "imds-probe-ssm.yaml"
PARAMETERS = DOCUMENT["parameters"]
SHELLS = [["/bin/sh"], ["bash"], ["bash", "--posix"]]
SHELL_IDS = ["sh", "bash", "bash-posix"]
ORDERS_TO_THE_AGENT = (168, 169, 194)


def script(**values):
    """The script with its parameters put in as SSM does it: as text."""
    (step,) = DOCUMENT["mainSteps"]
    (text,) = step["inputs"]["runCommand"]
    for name, declared in PARAMETERS.items():
        text = re.sub(r"\{\{ *%s *\}\}" % name, lambda _, name=name, d=declared: values.get(name, d["default"]), text)
    assert "{{" not in text
    return text


def run(shell, path, text, tmp_path):
    """As the agent does: the script in a file, and next to nothing in the environment."""
    file = tmp_path / "_script.sh"
    file.write_text(text)
    bare = ["env", "-i", *([f"PATH={path}"] if path else []), shutil.which(shell[0]), *shell[1:], str(file)]
    return subprocess.run(bare, capture_output=True, text=True, check=False, cwd="/", timeout=100)


@pytest.fixture
def elsewhere(tmp_path):
    """The root of a machine that is not EC2, and on which nothing runs: what the machine of the tests runs, and its network
    namespaces, are no matter of theirs.
    """
    root = tmp_path / "root"
    scenarios.write_host(root, {}, "none")
    (root / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    return root


@pytest.fixture
def installed(elsewhere, tmp_path):
    """A PATH with the real imds-probe in it, as a package would have it there, but that it looks elsewhere."""
    return path_with_probe(tmp_path, "--root", elsewhere)


def path_with_probe(tmp_path, *arguments):
    """A PATH with the real imds-probe in it, which adds these arguments to those that it is given."""
    directory = tmp_path / "bin"
    directory.mkdir()
    program = directory / "imds-probe"
    program.write_text(
        f'#!/bin/sh\nexec {Path(sys.executable).with_name("imds-probe")} "$@" {shlex.join(map(str, arguments))}\n'
    )
    program.chmod(0o755)
    return f"{directory}:/usr/bin:/bin"


@pytest.fixture
def recorded(tmp_path):
    """A PATH with a program that says how it was called, and ends as `code` in its directory has it."""
    directory = tmp_path / "bin"
    directory.mkdir()
    program = directory / "imds-probe"
    program.write_text(f'#!/bin/sh\nfor each; do echo "<$each>"; done\n. {directory}/end\n')
    program.chmod(0o755)
    (directory / "end").write_text("exit 0\n")
    return directory


def test_it_is_a_command_document_for_linux():
    assert DOCUMENT["schemaVersion"] == "2.2"
    (step,) = DOCUMENT["mainSteps"]
    assert step["action"] == "aws:runShellScript"
    assert step["precondition"] == {"StringEquals": ["platformType", "Linux"]}
    assert step["inputs"]["timeoutSeconds"] == "{{ executionTimeout }}"


def test_every_parameter_is_used_and_no_other():
    used = set(re.findall(r"\{\{ *(\w+) *\}\}", json.dumps(DOCUMENT["mainSteps"])))
    assert used == set(PARAMETERS)


@pytest.mark.parametrize("form", ["YAML", "JSON"])
def test_ssm_takes_it(aws, form):
    ssm = aws.client("ssm")
    content = SOURCE if form == "YAML" else json.dumps(DOCUMENT)
    made = ssm.create_document(Name="imds-probe-run", DocumentType="Command", DocumentFormat=form, Content=content)
    described = made["DocumentDescription"]
    assert (described["SchemaVersion"], described["DocumentType"]) == ("2.2", "Command")
    assert {each["Name"]: each["DefaultValue"] for each in described["Parameters"]} == {
        name: declared["default"] for name, declared in PARAMETERS.items()
    }
    back = ssm.get_document(Name="imds-probe-run", DocumentFormat=form)["Content"]
    assert yaml.safe_load(back) == DOCUMENT
    assert len(content) < 64 * 1024  # SSM's limit


def test_the_template_has_the_same_document():
    ((_, made),) = Template(TEMPLATE).resources("AWS::SSM::Document").items()
    assert made["Content"] == DOCUMENT


def test_the_template_deploys_it(aws):
    # CloudFormation turns a document that is an object into text; moto takes text only.
    template = Template(TEMPLATE).source
    properties = template["Resources"]["Document"]["Properties"]
    properties["Content"] = json.dumps(properties["Content"])
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName="ssm", TemplateBody=json.dumps(template))
    (stack,) = cloudformation.describe_stacks(StackName="ssm")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    back = aws.client("ssm").get_document(Name="imds-probe-run")
    assert (json.loads(back["Content"]), back["DocumentType"]) == (DOCUMENT, "Command")


# moto has no associations: what the template asks for is held to botocore's model of the same call, and to the document.


def association(**parameters):
    ((_, made),) = Template(TEMPLATE, **parameters).resources("AWS::SSM::Association").items()
    return made


def troubles(call):
    model = botocore.session.Session().get_service_model("ssm").operation_model("CreateAssociation")
    return ParamValidator().validate(call, model.input_shape).generate_report()


def fits(name, value):
    """Whether SSM would take a parameter's value. It looks for the pattern in the value, so anchors matter."""
    declared = PARAMETERS[name]
    if "allowedValues" in declared:
        return value in declared["allowedValues"]
    return re.search(declared["allowedPattern"].replace("$", r"\Z"), value) is not None


def test_the_association_runs_it_hourly_and_goes_on_whatever_the_verdicts():
    made = association()
    assert troubles(made) == ""
    assert made["Name"] == "imds-probe-run"
    assert made["DocumentVersion"] == "$LATEST"
    assert made["ScheduleExpression"] == "rate(1 hour)"
    assert made["Targets"] == [{"Key": "tag:imds-probe", "Values": ["true"]}]
    assert made["Parameters"] == {"ExitBehaviour": ["always-succeed"], "WatchSeconds": ["0"]}
    assert (made["MaxConcurrency"], made["MaxErrors"]) == ("10%", "100%")
    assert "OutputLocation" not in made


def test_the_association_passes_on_what_it_is_given():
    made = association(
        TargetKey="InstanceIds",
        TargetValues="*",
        ExitBehaviour="verdict-as-exit-code",
        WatchSeconds="60",
        Report="cloudwatch,file",
        OutputS3BucketName="a-bucket",
    )
    assert troubles(made) == ""
    assert made["Targets"] == [{"Key": "InstanceIds", "Values": ["*"]}]
    assert made["OutputLocation"]["S3Location"] == {
        "OutputS3BucketName": "a-bucket",
        "OutputS3KeyPrefix": "imds-probe",
    }
    assert set(made["Parameters"]) < set(PARAMETERS)
    for name, (value,) in made["Parameters"].items():
        assert fits(name, value)


def test_a_wrong_association_would_be_noticed():
    assert "Invalid type" in troubles(association() | {"MaxErrors": 100})


def test_without_a_schedule_there_is_the_document_alone():
    made = Template(TEMPLATE, Schedule="")
    assert made.resources("AWS::SSM::Association") == {}
    assert len(made.resources("AWS::SSM::Document")) == 1


def test_template_and_document_allow_the_same_sinks():
    declared = Template(TEMPLATE).source["Parameters"]["Report"]["AllowedPattern"]
    assert f"^{declared}$" == PARAMETERS["Report"]["allowedPattern"]


# Parameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("WatchSeconds", value) for value in ("0", "1", "60", "999", "3599", "3600")],
        *[("Report", value) for value in ("", "file", "cloudwatch,cloudwatch-logs", "emf,ssm-inventory,textfile,file")],
        *[("executionTimeout", value) for value in ("60", "3900", "99999", "172800")],
        *[("ExitBehaviour", value) for value in ("always-succeed", "verdict-as-exit-code")],
    ],
)
def test_what_may_be_asked_for(name, value):
    assert fits(name, value)


HOSTILE = [
    "'; reboot; '",
    "0'; reboot #",
    "$(reboot)",
    "`reboot`",
    "0; reboot",
    "0\nreboot",
    "0\n",
    "\nreboot",
    "0 && reboot",
    "0|reboot",
    "{{ Report }}",
    "${PATH}",
    "\\",
    "file,$(reboot)",
    "file;reboot",
    "file\nreboot",
    "file\n",
    "cloudwatch --root=/tmp",
    "--help",
    "/etc/passwd",
    "always-succeed'",
    "3601",
    "00",
    "-1",
    "1e3",
    "172801",
    "59",
    "file,",
    ",file",
    ",".join(["file"] * (len(SINKS) + 1)),
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", PARAMETERS)
def test_nothing_else_gets_into_the_script(name, value):
    bounded = {"3601": ("executionTimeout",), "59": ("WatchSeconds",)}  # plain numbers, within the other's bounds
    assert fits(name, value) == (name in bounded.get(value, ()))


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_allowed_character_means_anything_within_quotes(name):
    declared = PARAMETERS[name]
    for character in map(chr, range(256)):
        for value in (character, f"0{character}", f"file{character}", f"{character}0", f"file,{character}file"):
            if fits(name, value):
                assert re.fullmatch(r"[A-Za-z0-9,-]*", value), (name, value)
    assert all(re.fullmatch(r"[a-z-]+", value) for value in declared.get("allowedValues", []))


# The script


@pytest.mark.parametrize("shell", SHELLS[:2], ids=SHELL_IDS[:2])
@pytest.mark.parametrize(
    ("behaviour", "code"), [("always-succeed", exitcodes.READY), ("verdict-as-exit-code", exitcodes.UNKNOWN)]
)
def test_one_assessment_with_its_verdict_first(shell, behaviour, code, installed, tmp_path):
    done = run(shell, installed, script(ExitBehaviour=behaviour), tmp_path)
    assert (done.returncode, done.stderr) == (code, "")
    # Not an EC2 host, so nothing was sent. Run Command's lists keep 2,500 characters.
    assert done.stdout[:2500].startswith("UNKNOWN ")
    assert "[not-ec2]" in done.stdout[:2500]


def test_the_report_is_kept_on_the_host_where_it_is_asked_for(elsewhere, tmp_path):
    """In a mount namespace of its own, with a /var/lib that nobody else has. With another root, state would be kept below it."""
    path = path_with_probe(tmp_path, "--root", elsewhere, "--state-directory", "/var/lib/imds-probe")
    file = tmp_path / "_script.sh"
    file.write_text(script(Report="file"))
    inside = f"mount -t tmpfs tmpfs /var/lib && env -i PATH={path} sh {file} >/dev/null"
    inside += " && cat /var/lib/imds-probe/reports/report.json"
    argv = ["unshare", "--mount", "sh", "-c", inside]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert check(json.loads(done.stdout))["verdict"]["state"] == "unknown"


@pytest.mark.parametrize("shell", SHELLS, ids=SHELL_IDS)
def test_parameters_become_options(shell, recorded, tmp_path):
    values = {"ExitBehaviour": "verdict-as-exit-code", "WatchSeconds": "60", "Report": "cloudwatch,file"}
    values |= {"Output": "summary"}
    done = run(shell, f"{recorded}:/usr/bin:/bin", script(**values), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [
        *("<run>", "<--output>", "<summary>", "<--watch>", "<60s>", "<--report>", "<cloudwatch,file>"),
    ]
    done = run(shell, f"{recorded}:/usr/bin:/bin", script(), tmp_path)
    assert done.stdout.split() == ["<run>", "<--exit-zero>"]


@pytest.mark.parametrize("shell", SHELLS, ids=SHELL_IDS)
@pytest.mark.parametrize(
    "value", ["; touch {0}", "$(touch {0})", "`touch {0}`", "x\ntouch {0}\n", "file\n", '"; touch {0}; "']
)
@pytest.mark.parametrize("name", ["ExitBehaviour", "WatchSeconds", "Report"])
def test_the_quotes_alone_keep_all_but_a_quote_from_running(shell, name, value, recorded, tmp_path):
    """Whatever SSM's patterns may let through: in some kinds of regular expression $ matches before a last line break."""
    marker = tmp_path / "ran"
    done = run(shell, f"{recorded}:/usr/bin:/bin", script(**{name: value.format(marker)}), tmp_path)
    assert not marker.exists()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<run>\n")


@pytest.mark.parametrize("shell", SHELLS, ids=SHELL_IDS)
def test_where_it_is_not_installed_the_command_fails_and_says_so(shell, tmp_path):
    done = run(shell, "/nonexistent", script(), tmp_path)
    assert done.returncode == 127
    assert done.stdout == "imds-probe is not installed on this host: there is no verdict\n"


@pytest.mark.parametrize("shell", SHELLS, ids=SHELL_IDS)
def test_it_is_found_without_any_environment_as_a_shell_finds_it(shell, tmp_path):
    text = script().replace("command -v imds-probe", "command -v env").replace('imds-probe "$@"', "env")
    done = run(shell, None, text, tmp_path)
    assert done.returncode == 0
    assert re.search("^PATH=.*/bin", done.stdout, re.MULTILINE)  # passed on to what the probe itself starts


@pytest.mark.parametrize("shell", SHELLS, ids=SHELL_IDS)
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 69, 70, 74, 75, 77, 130, *ORDERS_TO_THE_AGENT])
def test_exit_codes_are_passed_on_but_never_order_the_agent(shell, code, recorded, tmp_path):
    (recorded / "end").write_text(f"exit {code}\n")
    done = run(shell, f"{recorded}:/usr/bin:/bin", script(ExitBehaviour="verdict-as-exit-code"), tmp_path)
    assert done.returncode == (exitcodes.BUG if code in ORDERS_TO_THE_AGENT else code)


@pytest.mark.parametrize("shell", SHELLS, ids=SHELL_IDS)
@pytest.mark.parametrize("number", [9, 40, 41])
def test_a_signal_is_no_order_either(shell, number, recorded, tmp_path):
    (recorded / "end").write_text(f"kill -{number} $$\n")
    done = run(shell, f"{recorded}:/usr/bin:/bin", script(), tmp_path)
    assert done.returncode == (137 if number == 9 else exitcodes.BUG)


def test_the_products_own_codes_are_none_of_those():
    own = set(exitcodes.MEANINGS)
    assert not own & set(ORDERS_TO_THE_AGENT)
    described = PARAMETERS["ExitBehaviour"]["description"]
    for code in own - {exitcodes.INTERRUPTED}:
        assert re.search(rf"\b{code}\b", described), code
