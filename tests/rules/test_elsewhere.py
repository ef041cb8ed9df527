from dataclasses import replace

import pytest
from observed import FACTS, IMDS, changed, container, with_containers
from rules.test_sdks import library

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.facts.software import Installed, SdkUser, SettingSeen, Software
from imds_probe.rules.elsewhere import RULE
from imds_probe.rules.rule import NothingToJudge
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog.load()
ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
WATCHED = callers_of((), window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until=None)


def told(**variables):
    return SdkSettings(tuple(Variable(name, value) for name, value in sorted(variables.items())))


PROXIED = told(AWS_REGION="set", HTTP_PROXY="elsewhere")
BY_NETWORK = told(AWS_REGION="set", HTTP_PROXY="other")
KEYS = {"AWS_ACCESS_KEY_ID": "set", "AWS_SECRET_ACCESS_KEY": "set"}


def using(settings, component="botocore", version="1.43.11"):
    entry = library(component, version)
    return changed(FACTS, software=(replace(entry, sdk=replace(entry.sdk, sdk_settings=(settings,))),))


def inside(settings, **more):
    one = replace(container("shop"), environment=((),), sdk_settings=(settings,), **more)
    return with_containers(one)


def found(facts):
    return [(each.id, each.implies) for each in RULE.judge(facts, CATALOG)]


THROUGH_PROXY = [("metadata-through-http-proxy", "unknown")]
UNTESTED = [("named-endpoint-untested", "unknown")]


@pytest.mark.parametrize(
    ("settings", "component", "expected"),
    [
        (PROXIED, "botocore", THROUGH_PROXY),
        (PROXIED, "aws-sdk-go-v1", THROUGH_PROXY),
        (PROXIED, "aws-sdk-java-v2", []),  # which goes past proxies of the environment
        (PROXIED, "aws-sdk-js-v3", []),
        (BY_NETWORK, "botocore", THROUGH_PROXY),
        (BY_NETWORK, "aws-sdk-go-v1", []),
        (told(HTTP_PROXY="elsewhere"), "botocore", THROUGH_PROXY),
        (told(HTTP_PROXY="elsewhere", **KEYS), "botocore", []),  # needs no metadata
        (told(HTTP_PROXY="elsewhere", AWS_EC2_METADATA_DISABLED="true"), "botocore", []),
        (told(AWS_REGION="set"), "botocore", []),
    ],
)
def test_what_asks_through_a_proxy_is_not_known_to_receive_a_token(settings, component, expected):
    assert found(using(settings, component)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (told(**{ENDPOINT: "elsewhere"}), UNTESTED),
        (told(AWS_REGION="set", **{ENDPOINT: "elsewhere"}), UNTESTED),
        (told(**{ENDPOINT: "instance"}), []),
        (told(**{ENDPOINT: "elsewhere"}, **KEYS), []),
    ],
)
def test_how_a_server_that_a_program_names_asks_is_not_known(settings, expected):
    assert found(using(settings)) == expected
    assert found(inside(settings)) == expected


def test_what_does_not_heed_the_variable_asks_the_service_itself():
    assert found(using(told(**{ENDPOINT: "elsewhere"}), "botocore", "1.18.0")) == []


def test_a_container_without_a_recognised_sdk_that_seems_to_need_metadata():
    (finding,) = RULE.judge(inside(PROXIED), CATALOG)
    assert (finding.id, finding.subject) == ("metadata-through-http-proxy", "shop")
    assert finding.forgeable_by == ("container shop",)
    assert found(inside(told(HTTP_PROXY="elsewhere", AWS_PROFILE="set"))) == []  # not known to need any
    assert found(inside(told(AWS_REGION="set"))) == []


IMDS_GO = ("aws-sdk-go-v2-imds", "1.16.0")
ALONE = told(HTTP_PROXY="elsewhere")


def linked(settings, *sdks, path="/usr/local/bin/server", pid=800, others=()):
    """SDKs in a program of Go."""
    user = SdkUser(pid, path.rpartition("/")[2], "server.service")
    return changed(
        FACTS,
        software=(
            *others,
            *(
                library(
                    name, version, manager="go", pids=(pid,), users=(user,), sdk_settings=(settings,), paths=(path,)
                )
                for name, version in sdks
            ),
        ),
    )


@pytest.mark.parametrize(
    ("settings", "implies"),
    [
        (ALONE, None),
        (PROXIED, "unknown"),
        (told(HTTP_PROXY="elsewhere", AWS_PROFILE="set"), "unknown"),
        (told(HTTP_PROXY="elsewhere", AWS_METADATA_SERVICE_TIMEOUT="set"), "unknown"),
    ],
)
def test_a_program_of_go_that_is_told_nothing_of_aws_may_never_ask(settings, implies):
    (finding,) = RULE.judge(linked(settings, IMDS_GO), CATALOG)
    assert (finding.id, finding.severity, finding.implies) == ("metadata-through-http-proxy", "warning", implies)
    assert bool(finding.settled_by) == (implies is not None)
    assert finding.fix.text.startswith("Nothing shows") == (implies is None)
    assert "in the environment of server (server.service), and restart it." in finding.fix.text


DOCKER = Software("dockerd-awslogs", "dpkg", "docker-ce", "5:27.1.1-1~ubuntu.24.04~noble", "dpkg database")
AWSLOGS = SettingSeen("only_if", "/etc/docker/daemon.json", "log-driver", "awslogs")


@pytest.mark.parametrize(
    ("docker", "path", "expected"),
    [
        (DOCKER, "/usr/bin/dockerd", []),
        (replace(DOCKER, pids=(800,)), "/usr/libexec/engine", []),
        (replace(DOCKER, pids=(801,)), "/usr/libexec/engine", THROUGH_PROXY),
        (replace(DOCKER, settings=(AWSLOGS,)), "/usr/bin/dockerd", THROUGH_PROXY),
        (replace(DOCKER, container="shop", container_ids=("f" * 64,)), "/usr/bin/dockerd", THROUGH_PROXY),
        (DOCKER, "/usr/bin/other", THROUGH_PROXY),
        (replace(DOCKER, component="consul"), "/usr/bin/dockerd", THROUGH_PROXY),
    ],
)
def test_nothing_follows_from_the_sdk_in_a_program_that_asks_only_if_it_is_set_to(docker, path, expected):
    assert found(linked(PROXIED, IMDS_GO, path=path, others=(docker,))) == expected


def test_one_environment_is_one_finding():
    (finding,) = RULE.judge(linked(PROXIED, ("aws-sdk-go-v1", "1.54.0"), IMDS_GO), CATALOG)
    assert finding.subject == "aws-sdk-go-v1"
    assert "AWS SDK for Go v1" in finding.summary and "(feature/ec2/imds, config) 1.16.0 are told" in finding.summary
    assert finding.evidence == (
        "server (server.service): HTTP_PROXY is set in its environment, and NO_PROXY does not have 169.254.169.254",
    )


def test_programs_of_one_sdk_are_named_in_one_finding():
    alone, told_more = (linked(settings, IMDS_GO, pid=pid) for settings, pid in ((ALONE, 7), (PROXIED, 8)))
    (one,), (other,) = alone[Installed].software, told_more[Installed].software
    (finding,) = RULE.judge(changed(FACTS, software=(one, replace(other, package="other"))), CATALOG)
    assert (finding.implies, finding.subject) == ("unknown", "aws-sdk-go-v2-imds")
    assert finding.summary.count("1.16.0") == 1


@pytest.mark.parametrize("settings", [PROXIED, told(**{ENDPOINT: "elsewhere"})])
def test_what_settles_it(settings):
    facts = using(settings)
    assert found(changed(facts, callers=WATCHED)) == []
    assert found(changed(facts, callers=replace(WATCHED, coverage=0.5)))
    assert found(changed(facts, imds=replace(IMDS, endpoint="disabled"))) == []
    assert found(changed(facts, imds=replace(IMDS, tokens="required"))) == []  # the switch was made


def test_nothing_was_asked():
    assert isinstance(RULE.judge(changed(FACTS, imds=None), CATALOG), NothingToJudge)
