from __future__ import annotations

import subprocess
import sys

import pytest

from imds_probe.aws.calls import CallError
from imds_probe.aws.clients import Aws
from imds_probe.aws.instance_role import InstanceRole
from imds_probe.config import AwsConfig

ENVIRON = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(autouse=True)
def nothing_of_the_machines(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def methods(aws: Aws) -> list:
    return aws._session.get_component("credential_provider").providers


def test_on_an_instance_the_role_is_the_last_link_and_ours():
    aws = Aws(AwsConfig(), ENVIRON, is_ec2=True, region="eu-west-1")
    assert [each for each in methods(aws) if each.METHOD == "iam-role"] == [methods(aws)[-1]]
    assert isinstance(methods(aws)[-1], InstanceRole)


@pytest.mark.parametrize(
    ("is_ec2", "environ"), [(False, ENVIRON), (True, ENVIRON | {"AWS_EC2_METADATA_DISABLED": "true"})]
)
def test_elsewhere_no_metadata_service_is_asked(is_ec2, environ):
    aws = Aws(AwsConfig(), environ, is_ec2=is_ec2, region="eu-west-1")
    assert "iam-role" not in [each.METHOD for each in methods(aws)]


def test_the_region_is_the_configured_the_environments_or_the_instances(monkeypatch):
    def region(config: AwsConfig) -> str:
        return Aws(config, ENVIRON, is_ec2=False, region="eu-west-3").client("logs").meta.region_name

    assert region(AwsConfig()) == "eu-west-3"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert region(AwsConfig()) == "eu-west-2"
    assert region(AwsConfig(region="eu-west-1")) == "eu-west-1"
    named = Aws(AwsConfig(), {**ENVIRON, "AWS_REGION": "eu-west-4"}, is_ec2=False, region="eu-west-3")
    assert named.region == "eu-west-4"


def test_the_endpoint_is_the_configured_or_the_regions():
    aws = Aws(AwsConfig(logs_endpoint="http://127.0.0.1:9"), ENVIRON, is_ec2=False, region="eu-west-1")
    assert aws.client("logs").meta.endpoint_url == "http://127.0.0.1:9"
    assert aws.client("sts").meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("config", "region", "said"),
    [
        (AwsConfig(), None, "no AWS Region is known"),
        (AwsConfig(profile="nobody"), "eu-west-1", "AWS's configuration makes no sense: .*nobody"),
    ],
)
def test_what_is_missing_is_named(config, region, said):
    with pytest.raises(CallError, match=said):
        Aws(config, ENVIRON, is_ec2=False, region=region).client("logs")


def test_a_nonsensical_metadata_endpoint_is_a_trouble_of_the_call():
    with pytest.raises(CallError, match="AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        Aws(AwsConfig(), {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "x"}, is_ec2=True, region="eu-west-1")


def test_a_run_that_reports_nothing_loads_no_botocore(tmp_path):
    code = (
        "import sys; from imds_probe.commands import run; from imds_probe import assessment, config\n"
        "from imds_probe.service import daemon\n"
        "from imds_probe.commands.dispatch import main\n"
        "main(['run', '--output', 'json', '--timeout', '5', '--root', sys.argv[1]])\n"
        "sys.exit(any(name.partition('.')[0] in ('botocore', 'prometheus_client') for name in sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code, tmp_path], check=False, stdout=subprocess.DEVNULL).returncode == 0
    )
