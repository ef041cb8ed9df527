"""Figures that were found wrong once, by the versions on either side of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Requirement

CATALOG = Catalog.load()


def judged(component: str, manager: str, version: str) -> Requirement:
    """What the version itself can do: whether it matters on a host is another question."""
    row = CATALOG.row(component)
    assert row is not None
    return CATALOG.judge(replace(row, only_if=None), manager=manager, version=version, os_id="debian")


@pytest.mark.parametrize(
    ("component", "manager", "package", "version", "status"),
    [
        # The number of the collection is not that of the package that carries it.
        *(
            ("ansible", manager, "ansible", version, status)
            for manager in ("dpkg", "rpm", "pypi")
            for version, status in (
                ("2.7.7", "too-old"),
                ("2.9.27", "too-old"),
                ("3.3.0", "too-old"),
                ("3.4.0", "ok"),
                ("7.7.0", "ok"),
            )
        ),
        ("ansible", "dpkg", "ansible", "2.10.7+merged+base+2.10.8+dfsg-1", "too-old"),
        ("ansible-amazon-aws", "ansible-galaxy", "amazon.aws", "1.4.1", "too-old"),
        ("ansible-amazon-aws", "ansible-galaxy", "amazon.aws", "1.5.0", "ok"),
        ("ansible-amazon-aws", "rpm", "ansible-collection-amazon-aws", "1.5.0-1.fc34", "ok"),
        # 6 and 7 are lines of their own, and the setting came after the support.
        ("datadog-agent-6", "dpkg", "datadog-agent", "1:6.17.1-1", "too-old"),
        ("datadog-agent-6", "dpkg", "datadog-agent", "1:6.18.0-1", "ok"),
        ("datadog-agent-6", "dpkg", "datadog-agent", "1:6.22.1-1", "ok"),
        ("datadog-agent-6", "dpkg", "datadog-agent", "1:6.23.0-1", "needs-setting"),
        ("datadog-agent-6", "dpkg", "datadog-agent", "1:6.53.0-1", "needs-setting"),
        ("datadog-agent", "dpkg", "datadog-agent", "1:7.17.2-1", "too-old"),
        ("datadog-agent", "dpkg", "datadog-agent", "1:7.18.0-1", "ok"),
        ("datadog-agent", "dpkg", "datadog-agent", "1:7.22.1-1", "ok"),
        ("datadog-agent", "dpkg", "datadog-agent", "1:7.23.0-1", "needs-setting"),
        ("datadog-agent", "dpkg", "datadog-agent", "1:7.63.3-1", "needs-setting"),
        ("datadog-agent", "dpkg", "datadog-agent", "1:7.64.0-1", "ok"),
        ("datadog-cluster-agent", "image", "datadog/cluster-agent", "1.22.0", "unknown"),
        ("datadog-agent", "image", "datadog/cluster-agent", "7.64.0", "ok"),
        # AWS's own table is wrong about these two.
        ("aws-sdk-js-v2", "npm", "aws-sdk", "2.574.0", "too-old"),
        ("aws-sdk-js-v2", "npm", "aws-sdk", "2.575.0", "ok"),
        ("aws-sdk-php", "composer", "aws/aws-sdk-php", "3.118.8", "too-old"),
        ("aws-sdk-php", "composer", "aws/aws-sdk-php", "3.119.0", "ok"),
        ("cluster-autoscaler", "image", "cluster-autoscaler", "1.19.1", "too-old"),
        ("cluster-autoscaler", "image", "cluster-autoscaler", "1.19.2", "ok"),
        ("cluster-autoscaler", "image", "cluster-autoscaler", "v1.20.0", "too-old"),
        ("cluster-autoscaler", "image", "cluster-autoscaler", "v1.20.1", "ok"),
        ("cluster-autoscaler", "image", "cluster-autoscaler", "1.21.0", "too-old"),
        ("cluster-autoscaler", "image", "cluster-autoscaler", "1.21.1", "ok"),
        ("cluster-autoscaler", "image", "cluster-autoscaler", "1.22.0", "ok"),
        ("wazuh", "rpm", "wazuh-agent", "3.12.3-1", "too-old"),
        ("wazuh", "rpm", "wazuh-agent", "3.13.0-1", "ok"),
        # What is older has no public source: nobody knows.
        ("amazon-cloudwatch-agent", "rpm", "amazon-cloudwatch-agent", "1.247344.0b251780-1", "unknown"),
        ("amazon-cloudwatch-agent", "dpkg", "amazon-cloudwatch-agent", "1.247345.36b249270-1", "ok"),
        ("amazon-ssm-agent", "rpm", "amazon-ssm-agent", "2.3.760.0-1", "too-old"),
        ("amazon-ssm-agent", "rpm", "amazon-ssm-agent", "2.3.772.0-1", "ok"),
        ("amazon-ssm-agent", "rpm", "amazon-ssm-agent", "2.3.814.0-1", "ok"),
        ("elasticsearch-discovery-ec2", "dpkg", "elasticsearch", "8.1.3", "too-old"),
        ("elasticsearch-discovery-ec2", "dpkg", "elasticsearch", "8.2.0", "unknown"),
        ("elasticsearch-discovery-ec2", "dpkg", "elasticsearch", "8.17.4", "unknown"),
        ("elasticsearch-discovery-ec2", "dpkg", "elasticsearch", "8.18.0", "ok"),
        ("boto3", "pypi", "boto3", "1.10.24", "too-old"),
        ("boto3", "pypi", "boto3", "1.10.25", "ok"),
        ("metaflow", "pypi", "metaflow", "2.11.10", "too-old"),
        ("metaflow", "pypi", "metaflow", "2.11.11", "ok"),
        # The number of the root module is not that of its parts.
        ("aws-sdk-go-v2", "go", "github.com/aws/aws-sdk-go-v2", "v0.18.0", "too-old"),
        ("aws-sdk-go-v2", "go", "github.com/aws/aws-sdk-go-v2", "v0.19.0", "ok"),
        ("aws-sdk-go-v2-imds", "go", "github.com/aws/aws-sdk-go-v2/feature/ec2/imds", "v0.1.4", "ok"),
        ("aws-sdk-js-v3", "npm", "@smithy/credential-provider-imds", "1.0.1", "ok"),
        ("aws-sdk-js-v3", "npm", "@aws-sdk/credential-provider-imds", "3.0.0", "ok"),
        ("aws-crt-python", "pypi", "awscrt", "0.5.11", "too-old"),
        ("aws-crt-python", "pypi", "awscrt", "0.5.12", "ok"),
        ("logstash", "rpm", "logstash", "1:6.8.5-1", "too-old"),
        ("logstash", "rpm", "logstash", "1:6.8.6-1", "ok"),
        ("logstash", "rpm", "logstash", "1:7.5.0-1", "too-old"),
        ("logstash", "rpm", "logstash", "1:7.5.1-1", "ok"),
        ("puppet-agent", "rpm", "puppet-agent", "6.24.0-1.el7", "too-old"),
        ("puppet-agent", "rpm", "puppet-agent", "6.25.0-1.el7", "ok"),
        ("puppet-agent", "rpm", "puppet-agent", "7.0.0-1.el7", "too-old"),
        ("puppet-agent", "rpm", "puppet-agent", "7.7.0-1.el7", "needs-setting"),
        ("puppet-agent", "rpm", "puppet-agent", "7.8.0-1.el7", "ok"),
        ("minio-mc", "dpkg", "mcli", "20210606220000.0.0", "too-old"),
        ("minio-mc", "dpkg", "mcli", "20210613174822.0.0", "ok"),
        ("google-auth-python", "pypi", "google-auth", "1.26.1", "ok"),  # it had no AWS in it
        ("google-auth-python", "pypi", "google-auth", "1.27.0", "too-old"),
        ("google-auth-python", "pypi", "google-auth", "2.6.2", "ok"),
        ("minio-python", "pypi", "minio", "5.0.6", "ok"),
        ("minio-python", "pypi", "minio", "7.2.8", "too-old"),
        ("gdal", "dpkg", "libgdal27", "3.1.4+dfsg-1", "too-old"),
        ("gdal", "dpkg", "libgdal28", "3.2.2+dfsg-2+deb11u2", "ok"),
    ],
)
def test_on_either_side_of_a_figure(component: str, manager: str, package: str, version: str, status: str) -> None:
    row = CATALOG.recognise(manager, package, version)
    assert row is not None and row.id == component
    found = judged(component, manager, version)
    assert found.status == status, found


@pytest.mark.parametrize("version", ["2.9.27", "3.3.0", "2.9.27+dfsg-1"])
def test_an_old_ansible_passes_nowhere(version: str) -> None:
    found = CATALOG.judge("ansible", manager="dpkg", version=version, os_id="debian")
    assert found.status == "unknown"
    assert "only if this host is a control node" in found.why


@pytest.mark.parametrize(
    ("component", "manager", "version", "said"),
    [
        ("amazon-ssm-agent", "rpm", "2.3.786.0-1", "client for the service domain is broken"),
        ("amazon-ssm-agent", "rpm", "3.0.655.0-1", "aws:domainJoin on Linux"),
        ("datadog-agent", "dpkg", "1:7.18.0-1", "IMDSv1 first"),
        ("datadog-agent", "dpkg", "1:7.64.0-1", "one call by IMDSv1 on purpose"),
        ("elasticsearch-discovery-ec2", "dpkg", "8.10.0", "repository-s3"),
        ("google-auth-python", "pypi", "2.20.0", "imdsv2_session_token_url"),
    ],
)
def test_what_works_in_part_is_said(component: str, manager: str, version: str, said: str) -> None:
    assert said in judged(component, manager, version).why


@pytest.mark.parametrize(
    ("component", "manager", "version", "said"),
    [
        ("amazon-ssm-agent", "rpm", "2.3.814.0-1", "service domain"),
        ("amazon-ssm-agent", "rpm", "3.0.1031.0-1", "aws:domainJoin on Linux"),
        ("datadog-agent", "dpkg", "1:7.63.0-1", "on purpose"),
    ],
)
def test_what_was_mended_is_said_no_more(component: str, manager: str, version: str, said: str) -> None:
    assert said not in judged(component, manager, version).why


def test_the_variable_that_keeps_go_off_imdsv1_came_after_the_field() -> None:
    row = CATALOG.row("aws-sdk-go-v1")
    assert row is not None and row.no_v1_fallback is not None
    assert row.no_v1_fallback.version == "1.47.2"
    assert "EC2MetadataEnableFallback" not in row.no_v1_fallback.config


@pytest.mark.parametrize(
    ("version", "os", "status"),
    [
        ("1.24.48-1.el7", "rhel 7.9", "unknown"),
        ("1.24.49-1.el7_9", "rhel 7.9", "ok"),
        ("1.28.9-1.el8", "rhel 8.3", "unknown"),
        ("1.28.10-1.el8", "rocky 8.3", "ok"),
        ("1.29.5-1.el9", "rhel 9.0", "unknown"),
        ("1.29.6-1.el9", "rhel 9.0", "ok"),
    ],
)
def test_a_release_of_a_distribution_has_a_line_of_its_own(version: str, os: str, status: str) -> None:
    os_id, os_version_id = os.split()
    found = CATALOG.judge(
        "subscription-manager", manager="rpm", version=version, os_id=os_id, os_version_id=os_version_id
    )
    assert found.status == status, found


@pytest.mark.parametrize(
    ("component", "version", "os", "status"),
    [
        ("cloud-init", "0.7.6-2.20.amzn1", "amzn 2018.03", "ok"),
        ("cloud-init", "0.7.6-2.19.amzn1", "amzn 2018.03", "unknown"),
        ("aws-cfn-bootstrap", "1.4-31.amzn2", "amzn 2", "unknown"),
        ("aws-cfn-bootstrap", "2.0-24.amzn2", "amzn 2", "ok"),
    ],
)
def test_amazon_linux_counts_in_its_own_releases(component: str, version: str, os: str, status: str) -> None:
    os_id, os_version_id = os.split()
    found = CATALOG.judge(component, manager="rpm", version=version, os_id=os_id, os_version_id=os_version_id)
    assert found.status == status, found
