import pytest
from observed import container

from imds_probe.collect.environment import KNOWN
from imds_probe.rules import metadata_need as module
from imds_probe.rules.metadata_need import metadata_need, need_of_processes


def need(*processes, **changes):
    found = metadata_need(container("web", environment=tuple(tuple(names.split()) for names in processes), **changes))
    return found.state, found.credentials


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE AWS_REGION", ("unlikely", "irsa")),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ("unlikely", "pod-identity")),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ("unlikely", "ecs-task-role")),
        ("AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", ("unlikely", "static")),
        ("AWS_ACCESS_KEY_ID", ("unknown", "unknown")),
        ("AWS_ROLE_ARN", ("unknown", "unknown")),
        ("AWS_EC2_METADATA_DISABLED AWS_REGION", ("unlikely", "unknown")),
        ("AWS_EC2_METADATA_DISABLED AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", ("unlikely", "static")),
        ("AWS_EC2_METADATA_V1_DISABLED", ("likely", "instance")),
        ("AWS_METADATA_SERVICE_TIMEOUT", ("likely", "instance")),
        ("AWS_DEFAULT_REGION", ("likely", "instance")),
        ("AWS_PROFILE AWS_REGION", ("unknown", "unknown")),
    ],
)
def test_what_the_names_say(names, expected):
    assert need(names) == expected


def test_nothing_said_is_unknown():
    assert need() == ("unknown", "unknown")


def test_an_sdk_that_runs_makes_it_likely_unless_something_else_is_said():
    using = container("web", environment=(), sdks=("botocore 1.34.0",))
    assert metadata_need(using).state == "likely"
    assert "botocore 1.34.0 runs there" in metadata_need(using).reason
    assert need("AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY", sdks=using.sdks) == ("unlikely", "static")
    assert need("AWS_PROFILE", sdks=using.sdks) == ("unknown", "unknown")


def test_processes_that_set_nothing_count_where_they_are_counted():
    assert need_of_processes([()]).state == "unknown"
    assert need_of_processes([(), ("AWS_EC2_METADATA_DISABLED",)]).state == "unknown"
    assert need_of_processes([]).state == "unknown"


def test_an_environment_that_was_not_read_is_unknown():
    assert metadata_need(container("web", environment=None)).reason == ("the environment could not be read")


@pytest.mark.parametrize("order", [1, -1])
def test_one_process_that_needs_it_is_enough(order):
    processes = ["AWS_REGION", "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"][::order]
    assert need(*processes) == ("likely", "instance")


def test_a_pause_container_needs_nothing():
    assert need("AWS_REGION", sandbox=True) == ("unlikely", "unknown")


def test_every_name_that_is_judged_is_collected():
    judged = module._METADATA_SETTINGS | module._CREDENTIAL_FILES | module._REGIONS | {"AWS_EC2_METADATA_DISABLED"}
    judged |= {name for _, needed, _ in module._SOURCES for name in needed}
    assert judged <= KNOWN


def test_a_reason_is_always_given():
    assert all(metadata_need(container("web", environment=((name,),))).reason for name in KNOWN)


def test_a_call_that_was_seen_says_it_all():
    static = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    need = metadata_need(container("a", environment=(static,), calls_seen=3))
    assert (need.state, need.credentials, need.reason) == (
        "observed",
        "static",
        "it was seen calling the metadata service 3 times",
    )
