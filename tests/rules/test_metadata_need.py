from dataclasses import replace

import pytest
from observed import FACTS, changed, container

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.sdk_settings import Profile, SdkSettings, Variable
from imds_probe.facts.software import SdkSoftware, SdkUse, Software
from imds_probe.inventory.sdks.variables import KNOWN, value_class
from imds_probe.rules import metadata_need as module
from imds_probe.rules.asking import ANY_SDK, Asking, asking
from imds_probe.rules.metadata_need import metadata_need, need_of_processes

CATALOG = Catalog.load()
STATIC = "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b"
IRSA = "AWS_ROLE_ARN=a AWS_WEB_IDENTITY_TOKEN_FILE=/t"
POD = "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials"
TASK = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials"
WEB = container("web")


def settings(*processes):
    """What processes are told whose environments have these words."""
    pairs = [[word.partition("=")[::2] for word in words.split()] for words in processes]
    return tuple(SdkSettings(tuple(Variable(n, value_class(n, v)) for n, v in sorted(some))) for some in pairs)


def told(*processes, **changes):
    """A container whose processes have these environments."""
    found = settings(*processes)
    names = tuple(tuple(each.name for each in some.variables) for some in found)
    return replace(WEB, environment=names, sdk_settings=found, **changes)


def of(inside, *software):
    return metadata_need(inside, changed(FACTS, software=software), CATALOG)


def need(*processes, software=(), **changes):
    found = of(told(*processes, **changes), *software)
    return found.state, found.credentials


def sdk(component, manager, version, package=None, **changes):
    changes = {"pids": (7,), "container_ids": (WEB.identity,)} | changes
    use = SdkUse(None, None, ("/a",), 1, container_ids=changes["container_ids"], **changes.pop("use", {}))
    return SdkSoftware(component, manager, package or component, version, "dist-info", sdk=use, **changes)


def boto2(**changes):
    return sdk("boto2", "pypi", "2.49.0", "boto", **changes)


def image(component):
    return Software(component, "image", component, "v2.7.1", "image reference", container_ids=(WEB.identity,))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (f"{IRSA} AWS_REGION=eu-west-1", ("unlikely", "irsa")),
        (f"{POD} AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/t", ("unlikely", "pod-identity")),
        (TASK, ("unlikely", "ecs-task-role")),
        (STATIC, ("unlikely", "static")),
        ("AWS_ACCESS_KEY_ID=a", ("unknown", "unknown")),
        ("AWS_ROLE_ARN=a", ("unknown", "unknown")),
        ("AWS_EC2_METADATA_DISABLED=true AWS_REGION=a", ("unlikely", "unknown")),
        ("AWS_EC2_METADATA_DISABLED=True", ("unlikely", "unknown")),
        (f"AWS_EC2_METADATA_DISABLED=true {STATIC}", ("unlikely", "static")),
        ("AWS_EC2_METADATA_V1_DISABLED=true", ("likely", "instance")),
        ("AWS_METADATA_SERVICE_TIMEOUT=5", ("likely", "instance")),
        ("AWS_DEFAULT_REGION=a", ("likely", "instance")),
        ("AWS_PROFILE=a AWS_REGION=a", ("unknown", "unknown")),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1338/", ("unlikely", "unknown")),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT=http://proxy.internal AWS_REGION=a", ("unlikely", "unknown")),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT=http://[fd00:ec2::254]/", ("likely", "instance")),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6", ("likely", "instance")),
    ],
)
def test_what_is_said_is_done(names, expected):
    assert need(names) == expected


@pytest.mark.parametrize(
    "names",
    [
        "AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY=",
        "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=",
        "AWS_EC2_METADATA_DISABLED=false",
        "AWS_EC2_METADATA_DISABLED=",
        "AWS_EC2_METADATA_DISABLED=1",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI=",
        "AWS_ROLE_ARN=a AWS_WEB_IDENTITY_TOKEN_FILE=",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT=",
    ],
)
def test_what_is_empty_or_false_steers_nothing(names):
    assert need(names)[0] == "unknown"
    if "=a" not in names:
        botocore = sdk("botocore", "pypi", "1.44.8")
        assert need(names, software=(botocore,)) == ("likely", "unknown")


def test_what_steers_nothing_is_said():
    assert of(told("AWS_ACCESS_KEY_ID= AWS_EC2_METADATA_DISABLED=false")).reason == (
        "the environment names no source of credentials (AWS_ACCESS_KEY_ID is empty; AWS_EC2_METADATA_DISABLED is not true)"
    )


def test_nothing_said_is_unknown():
    assert need() == ("unknown", "unknown")


def test_an_sdk_that_runs_makes_it_likely_unless_something_else_is_said():
    using = replace(WEB, environment=(), sdks=("botocore 1.34.0",))
    assert of(using).state == "likely"
    assert "botocore 1.34.0 runs there" in of(using).reason
    assert need(STATIC, sdks=using.sdks) == ("unlikely", "static")
    assert need("AWS_PROFILE=a", sdks=using.sdks) == ("unknown", "unknown")


@pytest.mark.parametrize("said", ["AWS_EC2_METADATA_DISABLED=true", IRSA, TASK, POD])
def test_boto_2_heeds_only_keys(said):
    assert need(said, software=(boto2(),))[0] == "likely"
    assert "boto (legacy v2) 2.49.0 does not heed" in of(told(said), boto2()).reason
    assert need(STATIC, software=(boto2(),)) == ("unlikely", "static")


@pytest.mark.parametrize(
    ("component", "manager", "package", "version", "said", "state"),
    [
        ("aws-sdk-js-v2", "npm", "aws-sdk", "2.516.0", IRSA, "likely"),
        ("aws-sdk-js-v2", "npm", "aws-sdk", "2.517.0", IRSA, "unlikely"),
        ("aws-sdk-js-v2", "npm", "aws-sdk", "2.600.0", "AWS_EC2_METADATA_DISABLED=false", "unlikely"),
        ("botocore", "pypi", "botocore", "1.12.199", IRSA, "likely"),
        ("botocore", "pypi", "botocore", "1.12.200", IRSA, "unlikely"),
        ("botocore", "pypi", "botocore", "1.9.11", "AWS_EC2_METADATA_DISABLED=true", "likely"),
        ("botocore", "pypi", "botocore", "1.9.12", "AWS_EC2_METADATA_DISABLED=true", "unlikely"),
        ("botocore", "pypi", "botocore", "1.9.12", "AWS_EC2_METADATA_DISABLED=false", "likely"),
        ("botocore", "pypi", "botocore", None, IRSA, "likely"),
        ("aws-sdk-java-v2", "maven", "software.amazon.awssdk:auth", "2.10.10", f"{IRSA} AWS_REGION=a", "likely"),
        ("aws-sdk-java-v2", "maven", "software.amazon.awssdk:auth", "2.10.11", f"{IRSA} AWS_REGION=a", "unlikely"),
        ("aws-sdk-go-v1", "go", "github.com/aws/aws-sdk-go", "v1.23.12", IRSA, "likely"),
        ("aws-sdk-go-v1", "go", "github.com/aws/aws-sdk-go", "v1.23.13", IRSA, "unlikely"),
    ],
)
def test_what_is_heeded_is_the_sdks_in_its_version(component, manager, package, version, said, state):
    one = sdk(component, manager, version, package)
    assert need(said, software=(one,))[0] == state
    (process,) = settings(said)
    asks = need_of_processes([process], asking(one, CATALOG.row(component)))
    assert (asks.state == "unlikely") == (state == "unlikely")


DISABLED, ENDPOINT = "AWS_EC2_METADATA_DISABLED=true", "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1338"


@pytest.mark.parametrize(
    ("component", "manager", "version", "said", "spared"),
    [
        *(("aws-sdk-ruby-v1", "gem", "1.67.0", said, False) for said in (DISABLED, IRSA, ENDPOINT, TASK, POD)),
        *(("fog-aws", "gem", "3.15.0", said, False) for said in (DISABLED, ENDPOINT, POD)),
        ("fog-aws", "gem", "0.11.0", TASK, True),
        ("fog-aws", "gem", "3.6.6", IRSA, False),
        ("fog-aws", "gem", "3.7.0", IRSA, True),
        ("aws-sdk-go-v1", "go", "1.34.13", ENDPOINT, False),
        ("aws-sdk-go-v1", "go", "1.34.14", ENDPOINT, True),
        ("aws-sdk-go-v1", "go", "1.17.6", DISABLED, False),
        ("aws-sdk-go-v1", "go", "1.17.7", DISABLED, True),
        ("aws-sdk-php", "composer", "3.18.27", TASK, False),
        ("aws-sdk-php", "composer", "3.18.28", TASK, True),
        ("aws-sdk-ruby-v2", "gem", "2.3.22", TASK, True),
        ("aws-sdk-ruby-v3", "gem", "3.20.0", TASK, True),
        ("aws-sdk-java-v1", "maven", "1.11.400", f"{TASK} AWS_REGION=eu-west-1", True),
        ("aws-sdk-go-v1", "go", "1.4.13", TASK, True),
        ("aws-sdk-java-v2", "maven", "2.5.0", f"{TASK} AWS_REGION=eu-west-1", True),
        ("aws-sdk-java-v2", "maven", "2.5.0", DISABLED, True),
        ("aws-sdk-ruby-v3", "gem", "3.15.0", DISABLED, False),
        ("aws-sdk-ruby-v3", "gem", "3.16.0", DISABLED, True),
        ("aws-sdk-ruby-v3", "gem", "3.116.0", ENDPOINT, False),
        ("aws-sdk-ruby-v3", "gem", "3.117.0", ENDPOINT, True),
        ("aws-sdk-java-v1", "maven", "1.11.901", DISABLED, True),
        ("jets3t", "maven", "0.9.4", DISABLED, False),
        ("paws-perl", "cpan", "0.44", IRSA, False),
        ("aws-sdk-js-v3", "npm", "3.2.0", "AWS_EC2_METADATA_DISABLED=1", True),
        ("aws-sdk-js-v3", "npm", "3.2.0", "AWS_EC2_METADATA_DISABLED=", False),
        *(
            ("aws-sdk-js-v3", "npm", version, "AWS_EC2_METADATA_DISABLED=false", False)
            for version in ("3.2.0", "3.972.1")
        ),
        ("aws-sdk-js-v3", "npm", "3.972.1", "AWS_EC2_METADATA_DISABLED=0", True),
        ("aws-sdk-js-v3", "npm", "3.2.0", STATIC, True),
        ("aws-sdk-js-v3", "npm", "3.2.0", f"{STATIC} AWS_PROFILE=role", False),
        ("aws-sdk-js-v2", "npm", "2.1692.0", f"{STATIC} AWS_PROFILE=role", True),
    ],
)
def test_a_variable_spares_only_an_sdk_that_is_known_to_heed_it(component, manager, version, said, spared):
    asks = need_of_processes(settings(said), Asking("it", CATALOG.row(component), manager, version, True))
    assert (asks.state == "unlikely") is spared


@pytest.mark.parametrize(
    ("component", "manager", "version"), [("paws-perl", "cpan", "0.44"), ("aws-sdk-php", "composer", "3.30.0")]
)
def test_what_no_row_says_is_not_known_to_be_heeded(component, manager, version):
    asks = Asking("it", CATALOG.row(component), manager, version, True)
    assert "it is not known to heed AWS_EC2_METADATA_DISABLED" in need_of_processes(settings(DISABLED), asks).reason


def test_of_two_sdks_in_a_container_one_that_does_not_heed_is_enough():
    new = sdk("botocore", "pypi", "1.44.8")
    assert need(IRSA, software=(new,)) == ("unlikely", "irsa")
    assert need(IRSA, software=(new, boto2()))[0] == "likely"


@pytest.mark.parametrize("changes", [{"container_ids": ("f" * 64,)}, {"pids": ()}])
def test_an_sdk_elsewhere_or_at_rest_has_no_say(changes):
    assert need(IRSA, software=(boto2(**changes),)) == ("unlikely", "irsa")


def test_what_the_sdks_own_processes_are_told_counts_where_it_is_of_this_container_alone():
    own = {"sdk_settings": settings("", STATIC), "environment": ((),)}
    assert need(STATIC, software=(sdk("botocore", "pypi", "1.44.8", use=own),))[0] == "likely"
    both = sdk("botocore", "pypi", "1.44.8", use=own, container_ids=(WEB.identity, "f" * 64))
    assert need(STATIC, software=(both,))[0] == "unlikely"


@pytest.mark.parametrize(
    "component",
    [
        *("aws-load-balancer-controller", "aws-ebs-csi-driver", "aws-node-termination-handler", "aws-efs-csi-driver"),
        *("datadog-agent", "amazon-cloudwatch-agent", "newrelic-infra"),
    ],
)
def test_credentials_from_elsewhere_do_not_spare_other_metadata(component):
    found = of(told(f"{IRSA} AWS_REGION=a"), image(component))
    assert (found.state, found.credentials) == ("likely", "irsa")
    assert (found.for_credentials.state, found.other.state) == ("unlikely", "likely")
    assert found.reason.startswith(f"{CATALOG.row(component).name} v2.7.1 asks for the ") or "notices" in found.reason


def test_where_metadata_is_turned_off_no_other_is_asked_for():
    found = of(told(f"{IRSA} AWS_EC2_METADATA_DISABLED=true"), image("aws-ebs-csi-driver"))
    assert (found.state, found.other.state) == ("unlikely", "unlikely")


def test_an_sdk_asks_for_the_region_unless_it_is_told():
    java = sdk("aws-sdk-java-v2", "maven", "2.20.0", "software.amazon.awssdk:regions")
    assert need(STATIC, software=(java,)) == ("likely", "static")
    assert need(f"{STATIC} AWS_REGION=", software=(java,)) == ("likely", "static")
    assert need(f"{STATIC} AWS_REGION=a", software=(java,)) == ("unlikely", "static")


def test_an_sdk_whose_programs_mostly_name_the_region_makes_no_need_of_it():
    net = sdk("aws-sdk-net", "nuget", "3.7.0")
    for said, expected in (("", True), (" AWS_REGION=", True), (" AWS_REGION=a", False)):
        found = of(told(f"{STATIC}{said}"), net)
        assert found.state == "unlikely"
        assert found.other.reason.endswith("asks for the region unless a program or AWS_REGION names it") is expected


def test_what_a_program_may_ask_for_is_not_known_and_makes_no_need():
    found = of(told(STATIC), boto2())
    assert (found.state, found.other.state) == ("unlikely", "unknown")
    assert found.other.reason == "boto (legacy v2) 2.49.0 asks for instance metadata where a program tells it to"


# What asks for an instance id, and is told where credentials are; what looks for credentials itself.
IDENTITY = [
    ("newrelic-python", "pypi", "7.0.0.166"),
    ("newrelic-node", "npm", "8.0.0"),
    ("aws-embedded-metrics-node", "npm", "2.0.4"),
    ("node-ec2-metadata", "npm", "0.0.5"),
    ("aws-xray-sdk-python", "pypi", "2.4.3"),
    ("opentelemetry-aws-node", "npm", "0.9.0"),
    ("hazelcast-aws", "maven", "3.0"),
    ("jets3t", "maven", "0.9.4"),
]
CLIENTS = [
    ("aws-sdk-php", "composer", "3.100.0"),
    ("botocore", "pypi", "1.12.0"),
    ("boto3", "pypi", "1.9.0"),
    ("google-auth-python", "pypi", "2.0.0"),
    ("minio-python", "pypi", "7.1.0"),
    ("restic", "go", "0.12.0"),
    ("polars-runtime", "pypi", "1.34.0"),
]
STATIC = "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b"


def of_component(component, manager, version, said, **profile):
    (process,) = settings(said)
    return need_of_processes(
        [replace(process, **profile)], Asking("it", CATALOG.row(component), manager, version, True)
    )


@pytest.mark.parametrize("profile", [{}, {"profile": Profile("keys", "none")}])
@pytest.mark.parametrize(("component", "manager", "version"), IDENTITY)
def test_credentials_spare_nothing_to_what_is_no_sdk(component, manager, version, profile):
    said = "" if profile else STATIC
    assert of_component(component, manager, version, said, **profile).state != "unlikely"


@pytest.mark.parametrize(("component", "manager", "version"), CLIENTS)
def test_credentials_spare_what_looks_for_them(component, manager, version):
    assert of_component(component, manager, version, STATIC).state == "unlikely"
    assert of_component(component, manager, version, "").state != "unlikely"


@pytest.mark.parametrize(
    ("component", "manager", "version"),
    [
        ("aws-xray-sdk-python", "pypi", "2.14.0"),
        ("aws-xray-sdk-node", "npm", "3.9.0"),
        ("opentelemetry-aws-python", "pypi", "2.0.1"),
        ("opentelemetry-aws-node", "npm", "1.5.0"),
        ("minio-node", "npm", "8.0.0"),
        ("spot-connect", "pypi", "1.0"),
    ],
)
@pytest.mark.parametrize("said", [STATIC, f"{STATIC} AWS_REGION=a", f"{IRSA} AWS_REGION=a", POD])
def test_what_heeds_no_source_makes_no_need_where_another_one_is_served(component, manager, version, said):
    """It asks where a program tells it to, whatever the environment says of credentials."""
    beside = sdk("botocore", "pypi", "1.34.0")
    alone, both = of(told(said), beside), of(told(said), beside, sdk(component, manager, version))
    assert (both.state, both.credentials) == (alone.state, alone.credentials) == ("unlikely", alone.credentials)
    assert of(told(said), sdk(component, manager, version)).state == "unlikely"
    assert of(told(""), beside, sdk(component, manager, version)).state == "likely"


@pytest.mark.parametrize(
    ("component", "manager", "version"),
    [
        ("aws-embedded-metrics-python", "pypi", "3.2.0"),
        ("codeguru-profiler-python", "pypi", "1.2.0"),
        ("elastic-apm-python", "pypi", "6.22.0"),
        ("google-auth-python", "pypi", "2.30.0"),  # looks for a role by itself, and not by a web identity
        ("minio-python", "pypi", "7.2.0"),
    ],
)
def test_what_asks_by_itself_makes_a_need_beside_one_that_is_served(component, manager, version):
    there = (sdk("botocore", "pypi", "1.34.0"), sdk(component, manager, version))
    assert of(told(f"{IRSA} AWS_REGION=a"), *there).state == "likely"


@pytest.mark.parametrize(
    ("component", "manager", "version", "spared_by"),
    [
        ("aws-sdk-net", "nuget", "3.3.100", {"AWS_REGION"}),
        ("aws-sdk-cpp", "binary", "1.7.100", {"AWS_REGION", "AWS_DEFAULT_REGION"}),
        ("aws-sdk-rust", "crate", "1.0.0", {"AWS_REGION", "AWS_DEFAULT_REGION"}),
    ],
)
def test_an_sdk_that_looks_for_the_region_asks_where_none_is_named(component, manager, version, spared_by):
    assert of_component(component, manager, version, STATIC).other.state == "unknown"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        state = of_component(component, manager, version, f"{STATIC} {name}=eu-west-1").other.state
        assert (state == "unlikely") is (name in spared_by)
    in_profile = Profile("none", "keys", region=True)
    assert of_component(component, manager, version, STATIC, profile=in_profile).other.state == "unlikely"
    # Its credentials decide: what may ask for the region makes no need.
    assert of_component(component, manager, version, STATIC).state == "unlikely"
    assert of_component(component, manager, version, "AWS_REGION=eu-west-1").state == "likely"


@pytest.mark.parametrize(
    "component", ["aws-xray-daemon", "datadog-cluster-agent", "cloud-provider-aws", "amazon-vpc-cni", "kube2iam"]
)
def test_credentials_of_its_own_spare_an_agent_no_other_metadata(component):
    assert need("AWS_ROLE_ARN=r AWS_WEB_IDENTITY_TOKEN_FILE=/t", software=(image(component),))[0] == "likely"


@pytest.mark.parametrize("component", ["cert-manager", "external-dns", "velero"])
def test_an_agent_that_asks_for_credentials_alone_is_spared(component):
    assert need("AWS_ROLE_ARN=r AWS_WEB_IDENTITY_TOKEN_FILE=/t", software=(image(component),))[0] == "unlikely"


def of_profile(component, manager, version, package, profile, said="", **changes):
    (process,) = settings(said)
    own = {"sdk_settings": (replace(process, profile=profile),), "environment": ((),)}
    return of(told(said), sdk(component, manager, version, package, use=own, **changes))


@pytest.mark.parametrize(
    ("component", "manager", "package", "version", "profile", "said", "state"),
    [
        ("botocore", "pypi", "botocore", "1.12.0", Profile("keys", "none"), "", "unlikely"),
        ("botocore", "pypi", "botocore", "1.12.0", Profile("none", "process"), "", "unlikely"),
        ("botocore", "pypi", "botocore", "1.7.48", Profile("none", "process"), "", "likely"),
        ("botocore", "pypi", "botocore", "1.16.26", Profile("none", "sso"), "AWS_PROFILE=a", "likely"),
        ("botocore", "pypi", "botocore", "1.17.0", Profile("none", "sso"), "AWS_PROFILE=a", "unlikely"),
        ("botocore", "pypi", "botocore", "1.12.0", Profile("none", "instance"), "AWS_PROFILE=a", "likely"),
        ("botocore", "pypi", "botocore", "1.12.0", Profile("none", "none"), "AWS_PROFILE=a", "likely"),
        ("botocore", "pypi", "botocore", "1.12.0", Profile("unreadable", "none"), "", "unknown"),
        ("botocore", "pypi", "botocore", "1.12.0", None, "AWS_PROFILE=a", "unknown"),
        ("boto2", "pypi", "boto", "2.49.0", Profile("keys", "none"), "", "unlikely"),
        ("boto2", "pypi", "boto", "2.49.0", Profile("process", "none"), "", "likely"),
        ("boto2", "pypi", "boto", "2.49.0", Profile("none", "keys"), "", "likely"),
        ("boto2", "pypi", "boto", "2.49.0", Profile("keys", "none"), "AWS_SHARED_CREDENTIALS_FILE=/x", "likely"),
        ("aws-sdk-js-v2", "npm", "aws-sdk", "2.500.0", Profile("none", "keys"), "", "likely"),
        ("aws-sdk-js-v2", "npm", "aws-sdk", "2.500.0", Profile("none", "keys"), "AWS_SDK_LOAD_CONFIG=0", "unlikely"),
        ("aws-sdk-go-v1", "go", "github.com/aws/aws-sdk-go", "v1.25.0", Profile("none", "keys"), "", "likely"),
        (
            *("aws-sdk-go-v1", "go", "github.com/aws/aws-sdk-go", "v1.25.0", Profile("none", "keys")),
            *("AWS_SDK_LOAD_CONFIG=false", "likely"),
        ),
        (
            *("aws-sdk-go-v1", "go", "github.com/aws/aws-sdk-go", "v1.25.0", Profile("none", "keys")),
            *("AWS_SDK_LOAD_CONFIG=1", "unlikely"),
        ),
    ],
)
def test_a_profile_counts_as_the_sdk_reads_it(component, manager, package, version, profile, said, state):
    found = of_profile(component, manager, version, package, profile, said)
    assert found.state == state
    assert (found.credentials == "profile") == (state == "unlikely")


KEYS, PLAIN = Profile("keys", "none"), Profile("none", "instance")


@pytest.mark.parametrize(
    ("component", "manager", "version", "said", "profiles", "spared"),
    [
        ("botocore", "pypi", "1.43.11", "AWS_PROFILE=a AWS_DEFAULT_PROFILE=b", (KEYS, PLAIN, KEYS), False),
        ("botocore", "pypi", "1.43.11", "AWS_PROFILE=a AWS_DEFAULT_PROFILE=b", (PLAIN, KEYS, PLAIN), True),
        ("botocore", "pypi", "1.43.11", "AWS_PROFILE=a", (KEYS, None, PLAIN), True),
        ("botocore", "pypi", "1.43.11", "AWS_DEFAULT_PROFILE=b", (KEYS, None, PLAIN), True),
        ("boto2", "pypi", "2.49.0", "AWS_PROFILE=a", (KEYS, None, PLAIN), False),
        ("aws-sdk-js-v2", "npm", "2.574.0", "AWS_PROFILE=a AWS_DEFAULT_PROFILE=b", (KEYS, PLAIN, PLAIN), True),
        ("aws-sdk-js-v2", "npm", "2.574.0", "AWS_DEFAULT_PROFILE=b", (KEYS, None, PLAIN), False),
        ("aws-sdk-go-v1", "go", "1.25.0", "AWS_DEFAULT_PROFILE=b", (KEYS, None, PLAIN), False),
        ("aws-sdk-go-v1", "go", "1.25.0", "AWS_DEFAULT_PROFILE=b AWS_SDK_LOAD_CONFIG=1", (KEYS, None, PLAIN), True),
        (
            "aws-sdk-cpp",
            "binary",
            "1.3.0",
            "AWS_REGION=r AWS_PROFILE=a AWS_DEFAULT_PROFILE=b",
            (KEYS, PLAIN, PLAIN),
            False,
        ),
        (
            "aws-sdk-cpp",
            "binary",
            "1.3.0",
            "AWS_REGION=r AWS_PROFILE=a AWS_DEFAULT_PROFILE=b",
            (KEYS, KEYS, PLAIN),
            True,
        ),
        ("aws-sdk-cpp", "binary", "1.3.0", "AWS_REGION=r AWS_PROFILE=a", (KEYS, None, None), True),
    ],
)
def test_a_profile_is_the_one_of_the_variable_that_the_sdk_reads(component, manager, version, said, profiles, spared):
    (process,) = settings(said)
    first, second, unnamed = profiles
    process = replace(process, profile=first, by_default_variable=second, unnamed=unnamed)
    asks = need_of_processes([process], Asking("it", CATALOG.row(component), manager, version, True))
    assert (asks.for_credentials.state == "unlikely") is spared


def test_where_a_profile_has_its_credentials_from_is_said():
    found = of_profile("botocore", "pypi", "1.20.0", "botocore", Profile("none", "sso"))
    assert found.reason == "credentials come from IAM Identity Center in the shared config file"


@pytest.mark.parametrize(
    ("component", "manager", "version"), [("aws-sdk-rust", "crate", "1.5.0"), ("aws-sdk-cpp", "conan", "1.11.400")]
)
def test_sdks_that_look_for_the_region_by_themselves(component, manager, version):
    """Keys in the environment spare them the role, not the region."""
    asks = Asking("it", CATALOG.row(component), manager, version, True)
    regions = {
        STATIC: ("unlikely", "unknown"),
        f"{STATIC} AWS_REGION=a": ("unlikely", "unlikely"),
        f"{STATIC} AWS_DEFAULT_REGION=a": ("unlikely", "unlikely"),
        f"{STATIC} AWS_REGION=": ("unlikely", "unknown"),
        f"{STATIC} {DISABLED}": ("unlikely", "unlikely"),
    }
    for said, expected in regions.items():
        found = need_of_processes(settings(said), asks)
        assert (found.state, found.other.state) == expected, said


def test_a_region_in_a_profile_spares_asking_for_it():
    java = ("aws-sdk-java-v2", "maven", "2.20.0", "software.amazon.awssdk:regions")
    assert of_profile(*java, Profile("keys", "none", region=True)).state == "unlikely"
    assert of_profile(*java, Profile("keys", "none")).state == "likely"


def test_processes_that_set_nothing_count_where_they_are_counted():
    assert need_of_processes([SdkSettings()], ANY_SDK).state == "unknown"
    disabled = settings("AWS_EC2_METADATA_DISABLED=true")
    assert need_of_processes([SdkSettings(), *disabled], ANY_SDK).state == "unknown"
    assert need_of_processes([], ANY_SDK).state == "unknown"


def test_an_environment_that_was_not_read_is_unknown():
    assert of(replace(WEB, environment=None)).reason == "the environment could not be read"


@pytest.mark.parametrize("order", [1, -1])
def test_one_process_that_needs_it_is_enough(order):
    assert need(*["AWS_REGION=a", STATIC][::order]) == ("likely", "instance")


def test_a_pause_container_needs_nothing():
    assert need("AWS_REGION=a", sandbox=True) == ("unlikely", "unknown")


def test_every_name_that_is_judged_is_collected():
    judged = module._METADATA_SETTINGS | module._CREDENTIAL_FILES | module._REGIONS | {module.DISABLED}
    judged |= {name for _, needed, _ in module._SOURCES for name in needed}
    assert judged <= KNOWN


def test_a_reason_is_always_given():
    assert all(of(told(f"{name}={value}")).reason for name in KNOWN for value in ("", "a"))


@pytest.mark.parametrize(
    ("names", "state"),
    [
        (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "unlikely"),
        (("AWS_EC2_METADATA_DISABLED",), "unlikely"),
        (("AWS_EC2_METADATA_SERVICE_ENDPOINT",), "likely"),
        (("AWS_REGION",), "likely"),
        (("AWS_PROFILE",), "unknown"),
    ],
)
def test_names_alone_of_an_old_report_mean_what_they_are_mostly_set_to(names, state):
    assert of(replace(WEB, environment=(names,))).state == state


def test_a_call_that_was_seen_says_it_all():
    found = of(told(STATIC, calls_seen=3))
    assert (found.state, found.credentials, found.reason) == (
        "observed",
        "static",
        "it was seen calling the metadata service 3 times",
    )
    assert found.for_credentials.state == "unlikely"
