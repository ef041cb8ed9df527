"""What its own code says of software against what its version says."""

from dataclasses import replace

import pytest
from code_seen import AGENT, PACKED, with_code
from observed import CATALOG, FACTS, HOST, OLD_CLOUD_INIT, SSM_AGENT, changed, container

from imds_probe.facts.code import CodeRead, InChangelog, NotRead, PackageRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import SdkSoftware, SdkUse, SettingSeen, Software
from imds_probe.inventory.code import unread
from imds_probe.rules.requirement import is_unused, requirement, software_of

AMAZON_LINUX_2 = replace(HOST, os=OsRelease("amzn", "2", "Amazon Linux 2"))
CLOUD_INIT = Software("cloud-init", "rpm", "cloud-init", "19.3-46.amzn2", "rpm database")
DATASOURCE = replace(
    AGENT,
    path="/usr/lib/python2.7/site-packages/cloudinit/sources/DataSourceEc2.py",
    line=12,
    component="cloud-init",
    form="python",
    runs="boot",
    pids=(),
)
USE = SdkUse(None, None, ("/srv/app/botocore",), 1)
BOTOCORE = SdkSoftware("botocore", "pypi", "botocore", None, "dist-info", "/srv/app", pids=(41,), sdk=USE)


def judged(software, *code, host=AMAZON_LINUX_2, **given):
    facts = with_code(*code, facts=changed(FACTS, software=(software,), host=host), **given)
    return requirement(software, facts, CATALOG)


READ = PackageRead("cloud-init", "cloud-init 19.3-46.amzn2 (rpm)", files=4)
SAYS = replace(READ, changelog=InChangelog("the rpm database", "19.3-2.amzn2", "imdsv2"))


def after_reading(software, *code, packages, **read):
    """The same where these packages' own files were read."""
    facts = with_code(*code, facts=changed(FACTS, software=(software,), host=AMAZON_LINUX_2))
    return requirement(software, facts.with_(CodeRead(packages=packages, **read)), CATALOG)


def test_without_code_the_version_decides():
    assert judged(SSM_AGENT).by == "version"
    assert judged(CLOUD_INIT).status == "unknown"


VAULT = Software("vault", "image", "vault", "1.17.1", "name of the image", pids=(5, 6))
SEARCHED = CollectorRun("sdks", "ok", 1.0)
OTHER_SDK = replace(BOTOCORE, version="1.34.0", pids=(6, 41))


@pytest.mark.parametrize(
    ("software", "others", "more", "expected"),
    [
        (VAULT, (), {}, "ok"),
        (replace(VAULT, component="opentelemetry-collector"), (), {}, "ok"),
        (VAULT, (replace(OTHER_SDK, pids=(41,)),), {}, "ok"),
        (VAULT, (), {"collectors": (replace(SEARCHED, status="nothing"),)}, "ok"),
        (VAULT, (OTHER_SDK,), {}, "unknown"),  # whichever it is, it may make its calls
        (replace(VAULT, pids=()), (), {}, "unknown"),
        (VAULT, (), {"sdks_unseen": ("process 7 could not be read",)}, "unknown"),
        (VAULT, (), {"collectors": (replace(SEARCHED, status="partial"),)}, "unknown"),
        (VAULT, (), {"collectors": ()}, "unknown"),
        (
            replace(VAULT, component="terraform", version=None),
            (),
            {},
            "unknown",
        ),  # its providers are programs of their own
        (replace(CLOUD_INIT, pids=(5,)), (), {}, "unknown"),  # it asks by itself
    ],
)
def test_what_has_sdks_make_its_calls_makes_none_without_one(software, others, more, expected):
    facts = changed(FACTS, software=(software, *others), host=AMAZON_LINUX_2, **{"collectors": (SEARCHED,)} | more)
    assert requirement(software, facts, CATALOG).status == expected


def test_programs_that_name_the_service_or_were_not_read_may_ask_by_themselves():
    facts = changed(FACTS, software=(VAULT,), collectors=(SEARCHED,))
    own = replace(DATASOURCE, component="vault", runs="runs", pids=(5,), path="/bin/vault", line=None)
    assert requirement(VAULT, with_code(facts=facts), CATALOG).status == "ok"
    assert requirement(VAULT, with_code(replace(own, speaks="mentions"), facts=facts), CATALOG).status == "unknown"
    assert requirement(VAULT, with_code(own, facts=facts), CATALOG).status == "too-old"
    left = NotRead("/bin/vault", "it is too large", component="vault", pids=(5,))
    assert requirement(VAULT, with_code(not_read=(left,), facts=facts), CATALOG).status == "unknown"
    # There was no time to find out what this process of it runs.
    unnamed = NotRead("process 6", unread.NO_TIME, pids=(6,))
    assert requirement(VAULT, with_code(not_read=(unnamed,), facts=facts), CATALOG).status == "unknown"
    another = replace(unnamed, program="process 7", pids=(7,))
    assert requirement(VAULT, with_code(not_read=(another,), facts=facts), CATALOG).status == "ok"


def test_what_no_version_tells_its_code_does():
    needed = judged(CLOUD_INIT, replace(DATASOURCE, speaks="v2"))
    assert (needed.status, needed.by) == ("ok", "code")
    assert needed.why.startswith(f"its own code asks for a token: {DATASOURCE.path}:12; its version alone")
    without = judged(CLOUD_INIT, DATASOURCE)
    assert (without.status, without.by) == ("too-old", "code")
    assert "its own code asks without a token" in without.why


def test_one_part_that_asks_without_decides_for_all_of_it():
    assert judged(CLOUD_INIT, replace(DATASOURCE, speaks="v2"), DATASOURCE).status == "too-old"


def test_code_that_cannot_be_told_apart_decides_nothing():
    both = replace(DATASOURCE, speaks="both")
    needed = judged(CLOUD_INIT, both, replace(DATASOURCE, speaks="v2"))
    assert (needed.status, needed.by) == ("unknown", "version")
    assert "has both" in needed.why
    assert judged(SSM_AGENT, replace(both, component=SSM_AGENT.component)) == judged(SSM_AGENT)
    assert judged(CLOUD_INIT, replace(both, speaks="mentions")) == judged(CLOUD_INIT)


def test_where_code_and_version_disagree_code_wins_and_the_row_is_named():
    new = judged(SSM_AGENT, replace(AGENT, component=SSM_AGENT.component))
    assert (new.status, new.by, new.minimum) == ("too-old", "code", None)
    assert "the catalog's row amazon-ssm-agent says otherwise: " in new.why
    debian = replace(HOST, os=OsRelease("debian", "12", None))
    assert judged(OLD_CLOUD_INIT, host=debian).status == "too-old"
    patched = judged(OLD_CLOUD_INIT, replace(DATASOURCE, speaks="v2"), host=debian)
    assert (patched.status, patched.by) == ("ok", "code")
    assert "the catalog's row cloud-init says otherwise: " in patched.why


@pytest.mark.parametrize(
    "code",
    [
        replace(DATASOURCE, speaks="v2", owner_uid=1000),
        replace(DATASOURCE, speaks="v2", on_host=False, container_ids=("a" * 64,)),
        replace(DATASOURCE, speaks="v2", component="ec2-hibinit-agent"),
        replace(DATASOURCE, speaks="v2", runs="once"),
    ],
)
def test_what_is_not_surely_its_own_clears_nothing(code):
    assert judged(CLOUD_INIT, code).status == "unknown"


def test_a_package_is_not_cleared_by_the_file_that_a_user_chose_to_run():
    debian = replace(HOST, os=OsRelease("debian", "12", None))
    chosen = replace(DATASOURCE, speaks="v2", runs="running", pids=(41,), runner_uid=1000)
    old = judged(OLD_CLOUD_INIT, chosen, host=debian)
    assert (old.status, old.by) == ("too-old", "version")
    beside = replace(DATASOURCE, path="/usr/bin/ec2-query", runs="lies")
    assert judged(CLOUD_INIT, chosen, beside).status == "unknown"
    assert judged(CLOUD_INIT, chosen).status == "ok"  # as where nothing runs it
    assert judged(CLOUD_INIT, chosen, replace(beside, runs="boot")).status == "too-old"
    # What root or a service starts decides, whoever else runs it.
    assert judged(OLD_CLOUD_INIT, replace(chosen, runner_uid=None), host=debian).status == "ok"
    assert judged(OLD_CLOUD_INIT, chosen, replace(DATASOURCE, speaks="v2"), host=debian).status == "ok"
    # That it asks without a token is seen whoever runs it.
    assert judged(CLOUD_INIT, replace(chosen, speaks="v1")).status == "too-old"


def test_a_library_in_a_users_own_process_is_what_its_code_does():
    chosen = replace(DATASOURCE, component="botocore", speaks="v2", runs="running", pids=(41,), runner_uid=1000)
    assert judged(replace(BOTOCORE, version="1.12.0"), chosen).status == "ok"
    assert judged(replace(BOTOCORE, version="1.12.0"), replace(chosen, runs="lies")).status == "too-old"


def test_what_was_not_read_whole_clears_nothing():
    rest = replace(PACKED, component="cloud-init")
    assert judged(CLOUD_INIT, replace(DATASOURCE, speaks="v2"), not_read=(rest,)).status == "unknown"
    assert judged(CLOUD_INIT, DATASOURCE, not_read=(rest,)).status == "too-old"


def test_code_that_nothing_starts_decides_only_where_the_version_does_not():
    lies = replace(DATASOURCE, runs="lies")
    assert judged(CLOUD_INIT, lies).status == "too-old"
    assert judged(CLOUD_INIT, replace(lies, speaks="v2")).status == "ok"
    assert judged(SSM_AGENT, replace(AGENT, component=SSM_AGENT.component, runs="lies")) == judged(SSM_AGENT)
    debian = replace(HOST, os=OsRelease("debian", "12", None))
    old = judged(OLD_CLOUD_INIT, replace(lies, speaks="v2"), host=debian)
    assert (old.status, old.by) == ("too-old", "version")


def test_each_container_counts():
    one, other = container("a").identity, container("b").identity
    inside = replace(CLOUD_INIT, container="a", also_in=("b",), container_ids=(one, other))
    code = replace(DATASOURCE, speaks="v2", on_host=False, container_ids=(one,))
    assert judged(inside, code).status == "unknown"
    assert judged(inside, replace(code, container_ids=(one, other))).status == "ok"
    assert judged(inside, replace(code, speaks="v1")).status == "too-old"


def test_a_fault_or_a_setting_of_this_version_is_nothing_that_code_tells():
    row = next(row for row in CATALOG.rows if any(fault.effect == "fails" and fault.since for fault in row.known_bad))
    fault = next(fault for fault in row.known_bad if fault.effect == "fails" and fault.since)
    manager, (package, *_) = next(iter(row.packages.items()))
    broken = Software(row.id, manager, package, fault.since, "database")
    needed = judged(broken, replace(AGENT, speaks="v2", component=row.id))
    assert (needed.status, needed.by) == (judged(broken).status, "version")
    assert needed.status != "ok"


def test_an_entry_of_its_changelog_decides_where_neither_version_nor_code_does():
    needed = after_reading(CLOUD_INIT, packages=(SAYS,))
    assert (needed.status, needed.by, needed.grade) == ("ok", "changelog", "documented")
    assert needed.why.startswith(
        "its changelog has an entry of version 19.3-2.amzn2 that adds imdsv2: the rpm database; its version alone does not"
    )
    assert after_reading(CLOUD_INIT, replace(DATASOURCE, speaks="mentions"), packages=(SAYS,)).by == "changelog"
    assert after_reading(CLOUD_INIT, packages=(READ,)).status == "unknown"
    of_none = replace(SAYS, changelog=replace(SAYS.changelog, version=""))
    assert "has an entry that adds imdsv2" in after_reading(CLOUD_INIT, packages=(of_none,)).why


def test_a_changelog_outweighs_no_code_and_no_version():
    for speaks, status in (("v1", "too-old"), ("both", "unknown")):
        code = replace(DATASOURCE, speaks=speaks)
        assert after_reading(CLOUD_INIT, code, packages=(SAYS,)).status == status
    old = replace(OLD_CLOUD_INIT, manager="dpkg")
    said = replace(SAYS, package="cloud-init 18.3-6 (dpkg)")
    assert after_reading(old, packages=(said,)).status == "too-old"


@pytest.mark.parametrize(
    "read",
    [
        replace(SAYS, component="ec2-hibinit-agent"),
        replace(SAYS, package="cloud-init-doc 19.3 (rpm)"),
        replace(SAYS, on_host=False, container_ids=("a" * 64,)),
    ],
)
def test_a_changelog_is_that_of_the_package_where_it_is(read):
    assert after_reading(CLOUD_INIT, packages=(read,)).status == "unknown"


def test_a_changelog_in_one_of_several_containers_decides_nothing():
    inside = replace(CLOUD_INIT, container="a", also_in=("b",), container_ids=("a", "b"), os=AMAZON_LINUX_2.os)
    in_one = replace(SAYS, on_host=False, container_ids=("a",))
    assert after_reading(inside, packages=(in_one,)).status == "unknown"
    assert after_reading(inside, packages=(in_one, replace(in_one, container_ids=("b",)))).status == "ok"


def test_of_a_package_that_only_lies_there_all_parts_count_that_were_read():
    lies, token = replace(DATASOURCE, runs="lies"), replace(DATASOURCE, runs="lies", speaks="v2", path="/usr/bin/new")
    assert after_reading(CLOUD_INIT, lies, packages=(READ,)).status == "too-old"
    # One of its programs asks with a token, another without, and nothing starts either.
    needed = after_reading(CLOUD_INIT, lies, token, packages=(READ,))
    assert (needed.status, needed.by) == ("unknown", "version")
    assert f"its own code has both, with and without a token: {lies.path}" in needed.why
    # What was not read may have the part that asks for the token.
    part = replace(READ, why="it is packed")
    for code in (lies, token):
        assert after_reading(CLOUD_INIT, code, packages=(part,)).status == "unknown"
    assert after_reading(CLOUD_INIT, DATASOURCE, packages=(part,)).status == "too-old"


def test_what_something_starts_outweighs_what_lies_beside_it():
    lies = replace(DATASOURCE, runs="lies", path="/usr/lib/other.py")
    assert judged(CLOUD_INIT, replace(DATASOURCE, speaks="v2"), lies).status == "ok"
    assert judged(CLOUD_INIT, DATASOURCE, replace(lies, speaks="v2")).status == "too-old"
    # What is started and only names the service shows nothing.
    assert judged(CLOUD_INIT, replace(DATASOURCE, speaks="mentions"), lies).status == "too-old"


def test_where_it_depends_whether_it_asks_only_what_runs_shows_that():
    row = next(row for row in CATALOG.rows if row.only_if and not row.only_if_switch and row.minimum is None)
    manager, (package, *_) = next(iter(row.packages.items()))
    unknown = Software(row.id, manager, package, "1.0", "database")
    code = replace(AGENT, component=row.id)
    assert judged(unknown, replace(code, runs="lies")).status == "unknown"
    assert judged(unknown, code).status == "too-old"


def test_where_it_depends_and_all_that_starts_something_was_read_it_is_too_old_and_not_in_use():
    utils = Software("cloud-utils", "dpkg", "cloud-guest-utils", "0.30-0ubuntu5", "dpkg database")
    lies = replace(AGENT, component="cloud-utils", runs="lies", pids=(), path="/usr/bin/ec2metadata")
    facts = with_code(lies, facts=changed(FACTS, software=(utils,), host=AMAZON_LINUX_2))
    assert requirement(utils, facts, CATALOG).status == "unknown"
    read = facts.with_(CodeRead(scheduled=0, scheduled_read=0))
    assert requirement(utils, read, CATALOG).status == "too-old"
    assert is_unused(utils, read, CATALOG)
    by_cron = with_code(replace(lies, runs="scheduled"), facts=read)
    assert not is_unused(utils, by_cron, CATALOG)
    assert not is_unused(CLOUD_INIT, read, CATALOG)


def test_what_runs_is_not_taken_for_unused_as_nobody_knows_all_that_it_starts():
    patroni = Software("patroni-aws", "dpkg", "patroni", "1.5.5-1", "dpkg database")
    lies = replace(
        AGENT,
        component="patroni-aws",
        runs="lies",
        pids=(),
        path="/usr/lib/python3/dist-packages/patroni/scripts/aws.py",
    )
    facts = with_code(lies, facts=changed(FACTS, software=(patroni,))).with_(CodeRead(scheduled=0, scheduled_read=0))
    assert requirement(patroni, facts, CATALOG).status == "too-old" and is_unused(patroni, facts, CATALOG)
    assert requirement(replace(patroni, pids=(7,)), facts, CATALOG).status == "unknown"


def test_where_a_setting_shows_that_it_asks_nothing_is_unused():
    row, switch = next((row, row.only_if_switch) for row in CATALOG.rows if row.only_if_switch)
    manager, (package, *_) = next(iter(row.packages.items()))
    lies = replace(AGENT, component=row.id, runs="lies", pids=())
    software = Software(row.id, manager, package, "1.0", "database")
    facts = with_code(lies, facts=changed(FACTS, software=(software,))).with_(CodeRead(scheduled=0, scheduled_read=0))
    assert is_unused(software, facts, CATALOG)
    on = replace(software, settings=(SettingSeen("only_if", "/etc/x", "x", switch.values[0], ""),))
    assert not is_unused(on, facts, CATALOG)
    assert requirement(on, facts, CATALOG).status == "too-old"


def test_of_a_library_the_copy_counts_that_the_same_processes_use():
    own = replace(AGENT, speaks="v2", component="botocore", pids=(41, 42))
    assert judged(BOTOCORE, own).status == "ok"
    assert judged(BOTOCORE, replace(own, pids=(42,))).status == "unknown"
    assert judged(replace(BOTOCORE, pids=()), own).status == "unknown"


def test_code_is_that_of_the_software_beside_it():
    facts = changed(FACTS, software=(CLOUD_INIT,))
    assert software_of(DATASOURCE, facts) == CLOUD_INIT
    assert software_of(replace(DATASOURCE, component=None), facts) is None
    assert software_of(replace(DATASOURCE, on_host=False), facts) is None
    assert software_of(replace(PACKED, component="cloud-init"), facts) == CLOUD_INIT


def test_software_whose_calls_another_library_makes_is_as_fit_as_its_version():
    cli = Software("aws-cli-v1", "dpkg", "awscli", "2.9.19-1", "dpkg database")
    code = replace(DATASOURCE, component="aws-cli-v1")
    assert judged(replace(cli, version="1.19.1-1"), code).status == "ok"
    assert judged(replace(cli, version="1.14.44-1"), code).status == "too-old"
