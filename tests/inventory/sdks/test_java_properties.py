from __future__ import annotations

import pytest

from imds_probe.facts.sdk_settings import Variable
from imds_probe.inventory.sdks.java_properties import given, told, with_properties
from imds_probe.inventory.sdks.libraries import Library

SDK1, SDK2 = (
    Library("maven", name, "1", "pom.properties")
    for name in ("com.amazonaws:aws-java-sdk-core", "software.amazon.awssdk:auth")
)
OTHER = Library("maven", "org.example:other", "1", "pom.properties")
OFF1, OFF2 = "com.amazonaws.sdk.disableEc2Metadata", "aws.disableEc2Metadata"
DISABLED, ENDPOINT = "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT"


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (
            f"/usr/bin/java -Xmx1g -D{OFF1}=true -cp /a -D{OFF2}=false Main -Daws.region=x",
            {},
            {OFF1: "true", OFF2: "false"},
        ),
        (f"java -D{OFF1}=true -D{OFF1}=false -jar /a.jar -D{OFF2}=true", {}, {OFF1: "false"}),
        (f"java -Dother=x -D{OFF2} Main", {}, {OFF2: ""}),
        (f"java Main -D{OFF1}=true", {}, {}),
        (f"python3 -D{OFF1}=true", {}, {}),
        ("java Main", {"JAVA_TOOL_OPTIONS": f'-Xmx1g "-D{OFF1}=true"'}, {OFF1: "true"}),
        (f"java -D{OFF1}=false Main", {"JAVA_TOOL_OPTIONS": f"-D{OFF1}=true"}, {OFF1: "false"}),
        (f"java -D{OFF1}=false Main", {"_JAVA_OPTIONS": f"-D{OFF1}=true"}, {OFF1: "true"}),
        ("java Main", {"JDK_JAVA_OPTIONS": f"-D{OFF1}=true"}, {}),
        ("java Main", {"JDK_JAVA_OPTIONS": f"-D{OFF1}=false", "JAVA_TOOL_OPTIONS": f"-D{OFF1}=true"}, {}),
        ("java Main", {"JAVA_TOOL_OPTIONS": f"-D{OFF1}=true '"}, {}),
        ("", {}, {}),
    ],
)
def test_what_a_jvm_is_given(arguments: str, environment: dict[str, str], expected: dict[str, str]) -> None:
    assert given(arguments.split(), environment) == expected


@pytest.mark.parametrize(
    ("properties", "used", "expected"),
    [
        ({OFF1: "true"}, [SDK1], {DISABLED: "true"}),
        ({OFF1: "true"}, [SDK2], {}),
        ({OFF2: "true"}, [SDK2], {DISABLED: "true"}),
        ({OFF2: "true"}, [SDK1, SDK2], {}),
        ({OFF1: "true", OFF2: "true"}, [SDK1, SDK2], {DISABLED: "true"}),
        ({OFF1: "true", OFF2: "false"}, [SDK1, SDK2], {}),
        ({OFF1: "true"}, [SDK1, OTHER], {}),
        ({OFF1: "true"}, [], {}),
        ({"aws.region": "x"}, [SDK1, SDK2], {"AWS_REGION": "x"}),
        ({"aws.ec2MetadataServiceEndpoint": "http://127.0.0.1"}, [SDK2], {ENDPOINT: "http://127.0.0.1"}),
    ],
)
def test_what_counts_is_what_all_sdks_heed_that_are_loaded(
    properties: dict[str, str], used: list[Library], expected: dict[str, str]
) -> None:
    assert told(properties, used) == expected


@pytest.mark.parametrize(
    ("variables", "properties", "expected"),
    [
        ({}, {DISABLED: "true"}, {DISABLED: "true"}),
        ({DISABLED: "true"}, {DISABLED: "false"}, {DISABLED: "false"}),
        ({DISABLED: "true"}, {DISABLED: ""}, {DISABLED: "true"}),
        ({ENDPOINT: "instance"}, {ENDPOINT: "http://127.0.0.1:1338"}, {ENDPOINT: "elsewhere"}),
        ({}, {"AWS_ACCESS_KEY_ID": "A"}, {}),
        (
            {},
            {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"},
            {"AWS_ACCESS_KEY_ID": "set", "AWS_SECRET_ACCESS_KEY": "set"},
        ),
        ({"AWS_ACCESS_KEY_ID": "set"}, {"AWS_SECRET_ACCESS_KEY": "B"}, {"AWS_ACCESS_KEY_ID": "set"}),
    ],
)
def test_properties_count_as_variables_do(
    variables: dict[str, str], properties: dict[str, str], expected: dict[str, str]
) -> None:
    before = [Variable(name, value) for name, value in variables.items()]
    assert {each.name: each.value for each in with_properties(before, properties)} == expected
