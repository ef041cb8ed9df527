"""The least policies: that AWS takes them, that templates and documents are the same, and that they are enough and no more."""

import json
import random
import re
from pathlib import Path

import pytest
from aws_rights import methods_in, rights_of
from cloudformation_template import Template

import imds_probe
from imds_probe.imds.client import MetadataClient
from imds_probe.sinks.cloudwatch_logs import LogsConfig
from imds_probe.sinks.metrics_settings import MetricsConfig
from imds_probe.sinks.s3 import S3Config
from imds_probe.sinks.s3_layout import claim, keys

IAM = Path(__file__).parents[2] / "packaging" / "iam"
DOCUMENTS = {path.stem: json.loads(path.read_text()) for path in IAM.glob("*.json")}
ALL = {
    "CloudWatch": "true",
    "CloudWatchLogs": "true",
    "HostsMakeLogGroup": "true",
    "S3Bucket": "of-reports",
    "S3KmsKey": "arn:aws:kms:eu-west-1:123456789012:key/0123abcd",
    "MetadataNoToken": "true",
    "ControlPlane": "true",
}
# As the template has what the documents leave open.
OPEN = {
    "arn:aws:s3:::of-reports/": "arn:aws:s3:::BUCKET/",
    "arn:aws:kms:eu-west-1:*:key/0123abcd": "arn:aws:kms:*:*:key/KEY",
}
IN_TEMPLATE = {
    "CloudWatchPolicy": "cloudwatch",
    "CloudWatchLogsPolicy": "cloudwatch-logs",
    "CloudWatchLogsGroupPolicy": "cloudwatch-logs-group",
    "S3Policy": "s3",
    "S3KmsPolicy": "s3-kms",
    "MetadataNoTokenPolicy": "metadata-no-token",
    "ControlPlanePolicy": "control-plane",
}
GROUP = f"arn:aws:logs:eu-west-1:123456789012:log-group:{LogsConfig().group}"
STREAM = f"{GROUP}:log-stream:i-0123456789abcdef0"
NAMESPACE = {"cloudwatch:namespace": MetricsConfig().namespace}
OWN = "i-0123456789abcdef0"
USER = f"AROAEXAMPLE123456789:{OWN}"
AS_INSTANCE = {"aws:userid": USER, "ec2:SourceInstanceARN": f"arn:aws:ec2:eu-west-1:123456789012:instance/{OWN}"}
KEYS = keys(S3Config().prefix, USER, "eu-west-1", "2026-11-30T05:14:03Z", "0123456789abcdef" * 2)
REPORT_KEY, LATEST_KEY = (f"arn:aws:s3:::BUCKET/{key}" for key in KEYS)
VIA_S3 = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
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
    "s3": [
        ("s3:PutObject", REPORT_KEY, AS_INSTANCE),
        ("s3:PutObject", LATEST_KEY, AS_INSTANCE),
        ("s3:GetObject", LATEST_KEY, AS_INSTANCE),
    ],
    "s3-kms": [("kms:GenerateDataKey", "arn:aws:kms:eu-west-1:123456789012:key/KEY", VIA_S3)],
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
OPERATORS = {
    "fleet-reader": [
        ("ec2:DescribeRegions", "*", {}),
        ("ec2:DescribeInstances", "*", {}),
        ("ec2:GetInstanceMetadataDefaults", "*", {}),
        ("ec2:DescribeLaunchTemplateVersions", "*", {}),
        ("autoscaling:DescribeAutoScalingGroups", "*", {}),
        ("autoscaling:DescribeLaunchConfigurations", "*", {}),
    ]
}
OF_HOSTS = {name: document for name, document in DOCUMENTS.items() if name not in OPERATORS}
CALLS = [(name, *call) for name, calls in NEEDED.items() for call in calls]


def listed(value):
    return [value] if isinstance(value, str) else value


def matches(pattern, value, context):
    """As IAM compares: "*" and "?" stand for anything, "/" too, and what a variable comes to stands for itself alone."""
    parts = re.split(r"(\$\{[^}]+\}|[*?])", pattern)
    if not all(part[2:-1] in context for part in parts if part.startswith("${")):
        return False
    one = {"*": ".*", "?": "."}
    escaped = [one.get(part) or re.escape(context[part[2:-1]] if part.startswith("${") else part) for part in parts]
    return re.fullmatch("".join(escaped), value, re.DOTALL) is not None


def holds(operator, key, wanted, context):
    if operator == "Null":
        return (key not in context) == (wanted == "true")
    compare = {"StringEquals": str.__eq__, "StringLike": lambda value, pattern: matches(pattern, value, context)}[
        operator
    ]
    return key in context and compare(context[key], wanted)


def allowed(document, action, resource, context):
    """Whether a policy allows a call: a Deny counts more than any Allow."""
    effects = {
        statement["Effect"]
        for statement in document["Statement"]
        if action in listed(statement["Action"])
        and any(matches(pattern, resource, context) for pattern in listed(statement["Resource"]))
        and all(
            holds(operator, key, wanted, context)
            for operator, wanted_of in statement.get("Condition", {}).items()
            for key, wanted in wanted_of.items()
        )
    }
    return effects == {"Allow"}


def test_these_are_the_calls_that_the_product_makes():
    """Each is written as the method of a client, from which botocore has its operation's name."""
    source = "".join(path.read_text() for path in Path(imds_probe.__file__).parent.rglob("*.py"))
    methods = methods_in(source) - set(dir(MetadataClient))
    operators = [action for calls in OPERATORS.values() for action, _, _ in calls]
    assert rights_of(methods) == {action.partition(":")[2] for action in (*(each[1] for each in CALLS), *operators)}


def test_what_operators_ask_is_what_the_fleets_modules_call():
    """And nothing that changes anything."""
    source = (Path(imds_probe.__file__).parent / "aws/account.py").read_text()
    actions = {action for action, _, _ in OPERATORS["fleet-reader"]}
    assert {action.partition(":")[2] for action in actions} == rights_of(methods_in(source))
    assert all(re.fullmatch(r"(ec2|autoscaling):(Describe|Get)[A-Za-z]+", action) for action in actions)
    for action, resource, context in OPERATORS["fleet-reader"]:
        assert allowed(DOCUMENTS["fleet-reader"], action, resource, context)


def test_there_is_a_document_for_each_right_and_no_other():
    assert set(DOCUMENTS) == set(NEEDED) | set(OPERATORS), "NEEDED has the calls of each, by hand"
    assert set(OF_HOSTS) == set(IN_TEMPLATE.values()), "imds-probe-role.yaml has a policy of each, IN_TEMPLATE its name"


@pytest.mark.parametrize(("name", "action", "resource", "context"), CALLS)
def test_what_the_product_calls_is_allowed_by_its_document_and_by_no_other(name, action, resource, context):
    assert [key for key, document in OF_HOSTS.items() if allowed(document, action, resource, context)] == [name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_is_allowed_that_is_not_called(name):
    granted = {action for statement in DOCUMENTS[name]["Statement"] for action in listed(statement["Action"])}
    assert granted == {action for action, _, _ in (NEEDED | OPERATORS)[name]}
    assert "NotAction" not in json.dumps(DOCUMENTS[name])


@pytest.mark.parametrize(
    ("name", "action", "resource", "context"),
    [
        ("cloudwatch", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/EC2"}),
        ("cloudwatch", "cloudwatch:PutMetricData", "*", {}),
        ("cloudwatch-logs", "logs:PutLogEvents", STREAM.replace("/reports", "/reports-of-others"), {}),
        ("cloudwatch-logs-group", "logs:CreateLogGroup", GROUP + "-of-others", {}),
        ("cloudwatch-logs-group", "logs:PutRetentionPolicy", GROUP.replace("imds-probe", "aws/lambda"), {}),
        ("s3", "s3:PutObject", REPORT_KEY.replace("BUCKET", "another"), AS_INSTANCE),
        ("s3", "s3:PutObject", REPORT_KEY.replace("imds-probe", "others"), AS_INSTANCE),
        ("s3-kms", "kms:GenerateDataKey", "arn:aws:kms:eu-west-1:123456789012:key/KEY", {}),
        ("s3-kms", "kms:GenerateDataKey", "arn:aws:kms:eu-west-1:123456789012:key/another", VIA_S3),
    ],
)
def test_it_ends_at_what_it_names(name, action, resource, context):
    assert not allowed(DOCUMENTS[name], action, resource, context)


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject"])
@pytest.mark.parametrize("key", [REPORT_KEY, LATEST_KEY], ids=["report", "latest"])
@pytest.mark.parametrize(
    "other",
    [
        USER.replace(OWN, "i-0fedcba9876543210"),
        USER.replace("AROA", "AROAX"),
        f"{USER}1",
        "AROAEXAMPLE123456789:*",
        "*",
        "?" * len(USER),
        "",
    ],
)
def test_the_key_of_another_instance_is_denied(action, key, other):
    assert allowed(DOCUMENTS["s3"], action, key, AS_INSTANCE)
    assert not allowed(DOCUMENTS["s3"], action, key.replace(USER, other), AS_INSTANCE)
    assert not allowed(DOCUMENTS["s3"], action, key, AS_INSTANCE | {"aws:userid": other})


def test_a_session_that_somebody_named_like_an_instance_is_denied():
    assert not allowed(DOCUMENTS["s3"], "s3:PutObject", REPORT_KEY, {"aws:userid": USER})


@pytest.mark.parametrize(
    "key",
    [
        KEYS.report.replace("date=2026-11-30/", f"date=2026-11-30/{USER.replace(OWN, 'i-0fedcba9876543210')}.x/"),
        KEYS.report.replace("date=2026-11-30/", "date=2026-11-30/region=us-east-1/date=2026-11-29/"),
        f"{KEYS.report}/{USER.replace(OWN, 'i-0fedcba9876543210')}.051403Z.{'0' * 32}.json.gz",
        KEYS.latest.replace("region=eu-west-1/", f"region=eu-west-1/{USER.replace(OWN, 'i-0fedcba9876543210')}.x/"),
    ],
)
def test_odd_keys_that_wildcards_leave_room_for_are_denied_and_none_to_who_reads(key):
    """A bucket may have been filled by another policy."""
    allow = {"Statement": DOCUMENTS["s3"]["Statement"][:1]}
    assert allowed(allow, "s3:PutObject", f"arn:aws:s3:::BUCKET/{key}", AS_INSTANCE)
    assert not allowed(DOCUMENTS["s3"], "s3:PutObject", f"arn:aws:s3:::BUCKET/{key}", AS_INSTANCE)
    with pytest.raises(ValueError, match="none that the sink s3 writes"):
        claim(key)


def test_no_key_that_a_copy_would_follow_elsewhere_is_allowed():
    """Keys of the sink with ".." and other parts put into them anywhere, as long as the Allow still matches."""
    chance, tried = random.Random(7), 0
    allow = {"Statement": DOCUMENTS["s3"]["Statement"][:1]}
    victim = KEYS.report.partition("/reports/")[2].replace(OWN, "i-0fedcba9876543210")
    parts = ("/../", "/..", "../", "/", "//", "/./", f"/../../../{victim}", f".z/../../../{victim}", "x", ".")
    for _ in range(4000):
        key = chance.choice(KEYS)
        for _ in range(chance.randint(1, 3)):
            at = chance.choice([at for at in range(len(key) + 1) if at == len(key) or key[at] in "/.=:"])
            key = key[:at] + chance.choice(parts) + key[at + chance.randint(0, 1) :]
        arn = f"arn:aws:s3:::BUCKET/{key}"
        if allowed(allow, "s3:PutObject", arn, AS_INSTANCE):
            leads = ".." in key.split("/") or key.count("/") != (4 if "/reports/" in key else 3)
            tried += leads
            assert not (leads and allowed(DOCUMENTS["s3"], "s3:PutObject", arn, AS_INSTANCE)), key
    assert tried > 200


def test_the_template_has_the_same_policies():
    policies = Template("imds-probe-role.yaml", **ALL).resources("AWS::IAM::ManagedPolicy")
    assert {IN_TEMPLATE[name]: as_document(policy["PolicyDocument"]) for name, policy in policies.items()} == OF_HOSTS


def as_document(policy):
    text = json.dumps(policy).replace("123456789012", "*")
    for own, there in OPEN.items():
        text = text.replace(own, there)
    return json.loads(text)


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
        as_document(iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"])
        for arn in attached
    ]
    assert sorted(each["Statement"][0]["Sid"] for each in documents) == sorted(
        document["Statement"][0]["Sid"] for document in OF_HOSTS.values()
    )
