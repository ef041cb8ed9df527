"""The least policies: that AWS takes them, that templates and documents are the same, and that they are enough and no more."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from cloudformation_template import Template

import imds_probe
from imds_probe.imds.client import MetadataClient
from imds_probe.sinks.cloudwatch_logs import LogsConfig
from imds_probe.sinks.metrics_settings import MetricsConfig

IAM = Path(__file__).parents[2] / "packaging" / "iam"
DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in IAM.glob("*.json")}
ALL = {
    "CloudWatch": "true",
    "CloudWatchLogs": "true",
    "HostsMakeLogGroup": "true",
    "MetadataNoToken": "true",
    "ControlPlane": "true",
}
IN_TEMPLATE = {
    "CloudWatchPolicy": "cloudwatch",
    "CloudWatchLogsPolicy": "cloudwatch-logs",
    "CloudWatchLogsGroupPolicy": "cloudwatch-logs-group",
    "MetadataNoTokenPolicy": "metadata-no-token",
    "ControlPlanePolicy": "control-plane",
}
GROUP = f"arn:aws:logs:eu-west-1:123456789012:log-group:{LogsConfig().group}"
STREAM = f"{GROUP}:log-stream:i-0123456789abcdef0"
NAMESPACE = {"cloudwatch:namespace": MetricsConfig().namespace}
# Each call that the product makes: what it does it on, and what IAM knows besides.
NEEDED = {
    "cloudwatch": [("cloudwatch:PutMetricData", "*", NAMESPACE)],
    "cloudwatch-logs": [("logs:CreateLogStream", f"{GROUP}:*", {}), ("logs:PutLogEvents", STREAM, {})],
    "cloudwatch-logs-group": [
        ("logs:CreateLogGroup", GROUP, {}),
        ("logs:CreateLogGroup", f"{GROUP}:*", {}),
        ("logs:PutRetentionPolicy", GROUP, {}),
        ("logs:PutRetentionPolicy", f"{GROUP}:*", {}),
    ],
    "metadata-no-token": [("cloudwatch:GetMetricStatistics", "*", {})],
    "control-plane": [
        ("ec2:DescribeInstances", "*", {}),
        ("ec2:GetInstanceMetadataDefaults", "*", {}),
        ("ec2:DescribeLaunchTemplateVersions", "*", {}),
        ("ec2:DescribeImages", "*", {}),
        ("autoscaling:DescribeAutoScalingInstances", "*", {}),
        ("autoscaling:DescribeAutoScalingGroups", "*", {}),
        ("autoscaling:DescribeLaunchConfigurations", "*", {}),
    ],
}
CALLS = [(name, *call) for name, calls in NEEDED.items() for call in calls]


def listed(value):
    return [value] if isinstance(value, str) else value


def allowed(document, action, resource, context):
    """Whether a policy of Allow statements with StringEquals allows a call."""
    return any(
        action in listed(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        and statement.get("Condition", {}).get("StringEquals", {}).items() <= context.items()
        for statement in document["Statement"]
    )


def test_these_are_the_calls_that_the_product_makes():
    """Each is written as the method of a client, from which botocore has its operation's name."""
    source = "".join(path.read_text() for path in Path(imds_probe.__file__).parent.rglob("*.py"))
    methods = set(re.findall(r"\bclient\.((?:get|put|create|describe|list|delete|start)_[a-z_]+)\(", source))
    methods -= set(dir(MetadataClient))
    assert {"".join(word.capitalize() for word in method.split("_")) for method in methods} == {
        action.partition(":")[2] for _, action, _, _ in CALLS
    }


def test_there_is_a_document_for_each_right_and_no_other():
    assert set(DOCUMENTS) == set(NEEDED), "NEEDED has the calls of each, by hand"
    assert set(DOCUMENTS) == set(IN_TEMPLATE.values()), (
        "imds-probe-role.yaml has a policy of each, IN_TEMPLATE its name"
    )


@pytest.mark.parametrize(("name", "action", "resource", "context"), CALLS)
def test_what_the_product_calls_is_allowed_by_its_document_and_by_no_other(name, action, resource, context):
    assert [key for key, document in DOCUMENTS.items() if allowed(document, action, resource, context)] == [name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_is_allowed_that_is_not_called(name):
    granted = {action for statement in DOCUMENTS[name]["Statement"] for action in listed(statement["Action"])}
    assert granted == {action for action, _, _ in NEEDED[name]}
    assert all(statement["Effect"] == "Allow" for statement in DOCUMENTS[name]["Statement"])
    assert "NotAction" not in json.dumps(DOCUMENTS[name])


@pytest.mark.parametrize(
    ("name", "action", "resource", "context"),
    [
        ("cloudwatch", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/EC2"}),
        ("cloudwatch", "cloudwatch:PutMetricData", "*", {}),
        ("cloudwatch-logs", "logs:PutLogEvents", STREAM.replace("/reports", "/reports-of-others"), {}),
        ("cloudwatch-logs-group", "logs:CreateLogGroup", GROUP + "-of-others", {}),
        ("cloudwatch-logs-group", "logs:PutRetentionPolicy", GROUP.replace("imds-probe", "aws/lambda"), {}),
    ],
)
def test_it_ends_at_namespace_and_log_group(name, action, resource, context):
    assert not allowed(DOCUMENTS[name], action, resource, context)


def test_the_template_has_the_same_policies():
    policies = Template("imds-probe-role.yaml", **ALL).resources("AWS::IAM::ManagedPolicy")
    assert {
        IN_TEMPLATE[name]: json.loads(json.dumps(policy["PolicyDocument"]).replace("123456789012", "*"))
        for name, policy in policies.items()
    } == DOCUMENTS


def test_only_what_is_asked_for_is_made():
    assert set(Template("imds-probe-role.yaml").resources("AWS::IAM::ManagedPolicy")) == {
        "CloudWatchPolicy",
        "CloudWatchLogsPolicy",
    }


def test_other_names_are_followed():
    policies = Template("imds-probe-role.yaml", Namespace="Acme", LogGroupName="/acme/x").resources(
        "AWS::IAM::ManagedPolicy"
    )
    assert allowed(
        policies["CloudWatchPolicy"]["PolicyDocument"],
        "cloudwatch:PutMetricData",
        "*",
        {"cloudwatch:namespace": "Acme"},
    )
    assert "log-group:/acme/x:*" in json.dumps(policies["CloudWatchLogsPolicy"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_iam_takes_the_documents(aws, name):
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(DOCUMENTS[name]))["Policy"]["Arn"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == DOCUMENTS[name]


def test_the_template_deploys_and_attaches_them_to_a_role(aws):
    iam, cloudformation = aws.client("iam"), aws.client("cloudformation")
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="web", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    cloudformation.create_stack(
        StackName="role",
        TemplateBody=Template("imds-probe-role.yaml").body,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in (ALL | {"RoleName": "web"}).items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = cloudformation.describe_stacks(StackName="role")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    attached = {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]}
    assert attached == {output["OutputValue"] for output in stack["Outputs"]}
    documents = [
        json.dumps(iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"])
        for arn in attached
    ]
    assert sorted(json.loads(text.replace("123456789012", "*"))["Statement"][0]["Sid"] for text in documents) == sorted(
        document["Statement"][0]["Sid"] for document in DOCUMENTS.values()
    )
