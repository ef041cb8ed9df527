from dataclasses import replace

from observed import FACTS, HOST, OLD_CLOUD_INIT, changed

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement, requirement_of
from imds_probe.catalog.rows import RequiredSetting
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, SdkUse, SettingSeen, Software

CATALOG = Catalog.load()
USE = SdkUse(None, None, ("/srv/a",), 1)
BOTOCORE = SdkSoftware("botocore", "pypi", "botocore", "1.12.0", "dist-info", "/srv/a", sdk=USE)
BOTO3 = replace(BOTOCORE, component="boto3", package="boto3", version="1.9.0")


def needed(software, *others):
    return requirement(software, changed(FACTS, software=(software, *others)), CATALOG)


def test_the_containers_own_distribution_decides_over_the_hosts():
    debian = OsRelease("debian", "12", None)
    hosts = replace(HOST, os=OsRelease("amzn", "2", None))
    on_host = requirement(OLD_CLOUD_INIT, changed(FACTS, host=replace(HOST, os=debian)), CATALOG)
    inside = requirement(replace(OLD_CLOUD_INIT, os=debian), changed(FACTS, host=hosts), CATALOG)
    assert on_host == inside
    assert on_host.status == "too-old"


def test_another_version_can_be_asked_about():
    assert requirement_of(BOTOCORE, "1.34.0", FACTS, CATALOG).status == "ok"
    assert requirement_of(BOTOCORE, None, FACTS, CATALOG).status == "unknown"


def test_a_range_is_judged_as_one():
    ranged = replace(BOTOCORE, version=None, sdk=replace(USE, at_least="1.23.19"))
    assert needed(ranged).status == "ok"


def test_what_makes_the_calls_is_judged_in_its_place():
    judged = needed(BOTO3, BOTOCORE)
    assert (judged.status, judged.why) == ("ok", "its calls are made by botocore 1.12.0, judged in its place")
    assert needed(BOTO3).status == "too-old"
    inside = replace(BOTOCORE, container="web", container_ids=("idw",))
    assert needed(BOTO3, inside).status == "too-old"
    both = replace(BOTO3, container="api", also_in=("web",), container_ids=("ida", "idw"))
    assert needed(both, inside).status == "ok"
    namesake = replace(both, also_in=("web",), container_ids=("ida", "another web"))
    assert needed(namesake, inside).status == "too-old"


def test_a_package_of_the_distribution_is_judged_by_itself():
    package = Software("boto3", "dpkg", "python3-boto3", "1.9.0-1", "dpkg database")
    assert needed(package, BOTOCORE).status == "too-old"


def test_a_program_whose_calls_a_library_in_its_process_makes_is_judged_by_that():
    consul = Software(
        "consul", "image", "hashicorp/consul", "1.18.0", "name of the image", pids=(7,), container_ids=("a",)
    )
    go = SdkSoftware(
        "aws-sdk-go-v1", "go", "aws-sdk-go", "1.44.0", "Go build info", sdk=USE, pids=(7,), container_ids=("a",)
    )
    assert needed(consul, go).status == "ok"
    assert needed(consul, replace(go, pids=(8,))).status == "unknown"
    assert needed(consul, replace(go, container="b", container_ids=("b",))).status == "unknown"
    assert needed(replace(consul, pids=()), go).status == "unknown"


def test_a_setting_of_the_programs_own_counts_beside_the_library():
    agent = Software("fluentd-td-agent", "dpkg", "td-agent", "4.0.0-1", "dpkg database", pids=(7,))
    ruby = SdkSoftware("aws-sdk-ruby-v3", "gem", "aws-sdk-core", "3.180.0", "gemspec", sdk=USE, pids=(7,))
    assert needed(agent, ruby).status == "ok"
    seen = SettingSeen("prevented_by[0]", "/etc/td-agent/td-agent.conf", "ec2_metadata.!imdsv2", "true")
    by_default = needed(replace(agent, settings=(seen,)), ruby)
    assert (by_default.status, by_default.grade) == ("needs-setting", "source")
    assert by_default.why.endswith("/etc/td-agent/td-agent.conf does not set ec2_metadata.imdsv2")
    assert by_default.setting == RequiredSetting("/etc/td-agent/td-agent.conf", "ec2_metadata.imdsv2", "true")
    assert needed(replace(agent, settings=(replace(seen, value=None),)), ruby).status == "ok"
    assert needed(replace(agent, settings=(replace(seen, value=None, problem="x"),)), ruby).status == "ok"
