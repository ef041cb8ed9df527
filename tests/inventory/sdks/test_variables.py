import pytest

from imds_probe.facts.sdk_settings import Variable
from imds_probe.inventory.sdks.variables import KNOWN, value_class, variables_in

ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_is_empty_is_called_so(name):
    assert value_class(name, "") == "empty"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AWS_ACCESS_KEY_ID", "AKIA", "set"),
        ("AWS_REGION", "true", "set"),
        ("AWS_EC2_METADATA_DISABLED", "true", "true"),
        ("AWS_EC2_METADATA_DISABLED", "TRUE", "true"),
        ("AWS_EC2_METADATA_DISABLED", "false", "false"),
        ("AWS_EC2_METADATA_DISABLED", "1", "other"),
        ("AWS_EC2_METADATA_DISABLED", "true\r", "other"),
        ("AWS_EC2_METADATA_DISABLED", " true", "other"),
        ("AWS_EC2_METADATA_V1_DISABLED", "False", "false"),
        ("AWS_SDK_LOAD_CONFIG", "1", "other"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", "ipv6"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv4", "ipv4"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "both", "other"),
        (ENDPOINT, "http://169.254.169.254", "instance"),
        (ENDPOINT, "http://169.254.169.254:80/latest", "instance"),
        (ENDPOINT, "http://[fd00:ec2::254]", "instance"),
        (ENDPOINT, "http://[fd00:0ec2:0::254]/", "instance"),
        (ENDPOINT, "http://instance-data/", "instance"),
        (ENDPOINT, "http://127.0.0.1:1338", "elsewhere"),
        (ENDPOINT, "http://169.254.169.254.evil.example", "elsewhere"),
        (ENDPOINT, "http://[broken", "elsewhere"),
        (ENDPOINT, "nonsense", "elsewhere"),
    ],
)
def test_the_class_is_that_of_what_the_variable_steers(name, value, expected):
    assert value_class(name, value) == expected


def test_the_first_of_a_name_counts_and_nothing_is_kept_of_values():
    environ = b"AWS_PROFILE=hunter2\0AWS_PROFILE=\0AWS_SESSION_TOKEN=\xff\xfe\0OTHER=hunter2\0AWS_REGION\0"
    found = variables_in(environ)
    assert found == (Variable("AWS_PROFILE", "set"), Variable("AWS_SESSION_TOKEN", "set"))
    assert "hunter2" not in repr(found)
    assert variables_in(environ, ()) == ()


def test_all_names_are_of_the_sdks_or_say_how_their_requests_go():
    assert all(name.startswith("AWS_") for name in KNOWN - {"HTTP_PROXY"})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ("HTTP_PROXY=http://10.0.0.1:3128", "elsewhere"),
        ("http_proxy=http://user:hunter2@proxy.example:3128", "elsewhere"),
        ("HTTP_PROXY=p NO_PROXY=localhost,127.0.0.1,.svc", "elsewhere"),
        ("HTTP_PROXY=p NO_PROXY=169.254.169.253", "elsewhere"),
        ("HTTP_PROXY=p NO_PROXY=169.254.169.254", None),
        ("HTTP_PROXY=p NO_PROXY=localhost,169.254.169.254:80", "other"),
        ("HTTP_PROXY=p no_proxy=*", None),
        ("HTTP_PROXY=p no_proxy=localhost NO_PROXY=169.254.169.254", "other"),
        ("HTTP_PROXY=p no_proxy= NO_PROXY=169.254.169.254", "other"),
        ("HTTP_PROXY=p no_proxy=169.254.169.254 NO_PROXY=localhost", "elsewhere"),
        ("HTTP_PROXY=p no_proxy=169.254.169.254 NO_PROXY=", None),
        ("HTTP_PROXY=p NO_PROXY=localhost,*", "other"),
        ("HTTP_PROXY=p NO_PROXY=.169.254.169.254", "elsewhere"),
        ("HTTP_PROXY= http_proxy=p NO_PROXY=169.254.0.0/16", "other"),
        ("HTTP_PROXY=p http_proxy= NO_PROXY=169.254.0.0/16", None),
        ("HTTP_PROXY=p NO_PROXY=10.0.0.0/8,169.254.0.0/16", "other"),
        ("HTTP_PROXY=p NO_PROXY=10.0.0.0/8,nonsense/x", "elsewhere"),
        ("HTTP_PROXY=", None),
        ("HTTPS_PROXY=p ALL_PROXY=p", None),  # for other schemes, or heeded by no SDK
        ("NO_PROXY=localhost", None),
    ],
)
def test_where_requests_for_the_metadata_address_go(environ, expected):
    found = variables_in(b"\0".join(environ.encode().split(b" ")))
    assert found == (() if expected is None else (Variable("HTTP_PROXY", expected),))
    assert variables_in(environ.encode().replace(b" ", b"\0"), ("AWS_REGION",)) == ()
