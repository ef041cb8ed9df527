"""What is shipped beside the program says what the code declares; where it is written by hand, what is missing is named."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import botocore
import botocore.session
import pytest
import yaml
from aws_rights import methods_in
from botocore import xform_name
from botocore.config import Config
from botocore.loaders import Loader
from cloudformation_template import Template

from imds_probe.config import Settings
from imds_probe.sinks import SINKS, declared

PROJECT = Path(__file__).parents[2]
DECLARED = [declared(name) for name in SINKS]
POLICIES = {policy.name for sink in DECLARED for policy in sink.policies}


def test_what_is_made_of_declarations_is_current():
    done = subprocess.run(
        [sys.executable, str(PROJECT / "packaging/declared.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_policy_has_a_sink_but_those_of_collectors():
    assert {path.stem for path in (PROJECT / "packaging/iam").iterdir()} - POLICIES == {
        "control-plane",
        "fleet-reader",
        "metadata-no-token",
    }


def test_packages_have_the_calls_that_are_made(tmp_path, monkeypatch):
    """Of the largest interfaces those that are called, and no other; botocore makes clients of what is left, and finds
    Regions and addresses as before.
    """
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    application = importlib.import_module("application")
    methods = methods_in("".join(path.read_text() for path in (PROJECT / "imds_probe").rglob("*.py")))
    data = Path(botocore.__file__).parent / "data"
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "made-up")
    loader = Loader(extra_search_paths=[str(tmp_path)])
    for path in data.glob("*.json*"):
        shutil.copy(path, tmp_path)
    for service in sorted(application.SERVICES):
        shutil.copytree(data / service, tmp_path / service)
    application._cut_botocore(tmp_path)
    loader._search_paths = [str(tmp_path)]
    session.register_component("data_loader", loader)
    whole = botocore.session.Session()
    whole.set_credentials("AKIAIOSFODNN7EXAMPLE", "made-up")
    for service, names in application.OPERATIONS.items():
        client = session.create_client(service, region_name="eu-west-1")
        assert set(client.meta.service_model.operation_names) == names
        known = whole.get_service_model(service).operation_names
        # HeadBucket is what botocore itself asks where a bucket is in another Region.
        assert {name for name in known if xform_name(name) in methods} == names - {"HeadBucket"}
    for service in sorted(application.SERVICES):
        for partition in whole.get_available_partitions():
            regions = whole.get_available_regions(service, partition, allow_non_regional=True)
            assert session.get_available_regions(service, partition, allow_non_regional=True) == regions
        for region in ("eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"):
            urls = [
                each.create_client(service, region_name=region, config=Config(use_fips_endpoint=fips)).meta.endpoint_url
                for each in (session, whole)
                for fips in (False, True)
            ]
            assert urls[:2] == urls[2:]


def test_packages_have_the_interface_of_each_service_that_a_sink_calls():
    text = (PROJECT / "packaging/application.py").read_text()
    (kept,) = re.findall(r"^SERVICES = (\{.*\})$", text, re.MULTILINE)
    called = {action.partition(":")[0] for sink in DECLARED for policy in sink.policies for action in policy.actions}
    called -= {"kms"}  # which S3 calls
    missing = called - ast.literal_eval(kept)
    assert not missing, f"SERVICES in packaging/application.py lacks {missing}"


def test_the_template_for_the_role_has_each_policy():
    template = Template(
        "imds-probe-role.yaml",
        HostsMakeLogGroup="true",
        S3Bucket="of-reports",
        S3KmsKey="arn:aws:kms:eu-west-1:123456789012:key/0123abcd",
    )
    statements = {
        statement["Sid"]
        for policy in template.resources("AWS::IAM::ManagedPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    }
    missing = {policy.statement for sink in DECLARED for policy in sink.policies} - statements
    assert not missing, f"packaging/cloudformation/imds-probe-role.yaml has no policy with the statements {missing}"


def test_the_template_for_the_role_says_which_sinks_need_none():
    text = (PROJECT / "packaging/cloudformation/imds-probe-role.yaml").read_text()
    (listed,) = re.findall(r"^# The sinks (.*) need no right", text, re.MULTILINE)
    assert set(re.findall(r'"([^"]+)"', listed)) == {sink.name for sink in DECLARED if not sink.policies}


def test_the_docs_have_a_row_for_each_sink_and_say_which_rights_it_needs():
    text = (PROJECT / "docs/reporting.md").read_text()
    table = text.partition("| sink | what it gets | where it goes |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert sorted(rows) == sorted(SINKS), "docs/reporting.md, the table of sinks"
    rights = (PROJECT / "docs/aws.md").read_text().partition("- **Rights.**")[2].partition("\n- **")[0]
    (none,) = re.findall(r"((?:`[a-z0-9-]+`(?:, | and )?)+) need no policy", rights)
    assert set(re.findall(r"`([^`]+)`", none)) == {sink.name for sink in DECLARED if not sink.policies}
    needed = {sink.name for sink in DECLARED if sink.policies}
    assert needed <= set(re.findall(r"`([^`]+)`", rights)), "docs/aws.md, Rights"
    (kept,) = re.findall(r"puts each report for (.*?) into", text)
    keeping = {sink.name for sink in DECLARED if sink.make(Settings(), {}).keeps_each}
    assert set(re.findall(r"`([^`]+)`", kept)) == keeping, "docs/reporting.md, Nothing lost"
    bill = (PROJECT / "docs/costs.md").read_text().partition("| sink | costs |")[2].partition("\n\n")[0]
    billed = "".join(re.findall(r"^\| ((?:`[a-z0-9-]+`(?:, )?)+) \|", bill, re.MULTILINE))
    assert sorted(re.findall(r"`([^`]+)`", billed)) == sorted(SINKS), "docs/costs.md, the bill"


@pytest.mark.parametrize("name", ["ssm/imds-probe-run.yaml"])
def test_the_document_takes_each_sink_alone_and_all_together(name):
    parameter = yaml.safe_load((PROJECT / "packaging" / name).read_text())["parameters"]["Report"]
    for value in ("", *SINKS, ",".join(SINKS)):
        assert re.fullmatch(parameter["allowedPattern"], value), value
    assert not re.fullmatch(parameter["allowedPattern"], ",".join([*SINKS, "file"]))
    assert ", ".join(SINKS) in parameter["description"]
