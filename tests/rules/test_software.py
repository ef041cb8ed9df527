from dataclasses import replace

import pytest
from code_seen import AGENT, DAY_S, PACKED, watched, with_code
from observed import FACTS, HOST, IMDS, OLD_CLOUD_INIT, changed, container

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import BootWatched
from imds_probe.facts.code import CodeRead, InChangelog, NotRead, PackageRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.facts import NotInReport
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import InRepository, SdkSoftware, SdkUse, SettingSeen, Software
from imds_probe.rules.settling import CATALOG as CATALOG_ROW
from imds_probe.rules.settling import OWNER, REHEARSAL, UPGRADE, WHOLE_BOOT, WINDOW
from imds_probe.rules.software import RULE
from imds_probe.rules.software_kinds import SILENT_IMAGE

CATALOG = Catalog.load()
DEBIAN = replace(HOST, os=OsRelease("debian", "12", "Debian GNU/Linux 12 (bookworm)"))


def test_new_enough_is_nothing_to_report():
    assert RULE.judge(FACTS, CATALOG) == []


def test_too_old_blocks_with_version_minimum_and_command():
    (finding,) = RULE.judge(changed(FACTS, host=DEBIAN, software=(OLD_CLOUD_INIT,)), CATALOG)
    assert (finding.id, finding.severity, finding.implies) == ("software-too-old", "blocker", "not-ready")
    assert "18.3-6" in finding.summary
    assert "19.4" in finding.summary
    assert finding.fix.commands == ("apt-get update && apt-get install --only-upgrade cloud-init",)


def test_what_the_catalog_cannot_judge_is_unknown():
    strange = Software("cloud-init", "dpkg", "cloud-init", "not a version", "dpkg database")
    (finding,) = RULE.judge(changed(FACTS, host=DEBIAN, software=(strange,)), CATALOG)
    assert (finding.id, finding.implies) == ("software-unknown", "unknown")


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_an_unread_database_is_not_an_empty_one(status):
    runs = (CollectorRun("dpkg", status, 1.0, "status file is damaged"), CollectorRun("rpm", "nothing", 0.1))
    (finding,) = RULE.judge(changed(FACTS, software=(), collectors=runs), CATALOG)
    assert (finding.id, finding.subject, finding.implies) == ("package-manager-failed", "dpkg", "unknown")
    assert finding.evidence == ("status file is damaged",)


def test_no_database_at_all_is_not_a_clean_bill():
    runs = (CollectorRun("dpkg", "nothing", 0.1), CollectorRun("rpm", "nothing", 0.1))
    (finding,) = RULE.judge(changed(FACTS, software=(), collectors=runs), CATALOG)
    assert (finding.id, finding.implies) == ("no-package-manager", "unknown")


BOTTLEROCKET = OsRelease("bottlerocket", "1.26.1", "Bottlerocket OS 1.26.1 (aws-k8s-1.30)")
FLATCAR = OsRelease("flatcar", "3815.2.0", "Flatcar Container Linux by Kinvolk 3815.2.0 (Oklo)", ("coreos",))
BOOT = BootWatched("boot", "2026-11-13T00:00:00Z", 10 * DAY_S, 2.0, True, watched_s=3600.0)


@pytest.mark.parametrize("system", [BOTTLEROCKET, FLATCAR], ids=["bottlerocket", "flatcar"])
def test_a_system_without_packages_is_known_by_what_it_does(system):
    runs = tuple(CollectorRun(each, "nothing", 0.1) for each in ("dpkg", "rpm", "apk", "snap"))
    facts = changed(FACTS, host=replace(HOST, os=system), software=(), collectors=runs)
    (finding,) = RULE.judge(facts, CATALOG)
    assert (finding.id, finding.implies) == ("no-package-manager", "unknown")
    assert finding.summary.startswith(f"{system.pretty_name} has no package database: ")
    assert "--root" not in " ".join((finding.fix.text, *finding.fix.commands))  # nobody forgot to name it
    assert finding.settled_by[0] == SILENT_IMAGE
    # A window alone does not tell what a boot starts.
    assert RULE.judge(changed(facts, callers=watched()), CATALOG)[0].implies == "unknown"
    (settled,) = RULE.judge(changed(facts, callers=watched(boots=(BOOT,))), CATALOG)
    assert (settled.id, settled.implies) == ("software-settled", None)
    assert system.pretty_name in settled.summary


TALOS = OsRelease("talos", "1.7.0", "Talos (v1.7.0)")
NIXOS = OsRelease("nixos", "24.05", "NixOS 24.05 (Uakari)")
MANJARO = OsRelease("manjaro", None, "Manjaro Linux", ("arch",))


@pytest.mark.parametrize("system", [TALOS, NIXOS, MANJARO], ids=["talos", "nixos", "like-arch"])
def test_a_system_whose_packages_nobody_reads_is_settled_by_a_watched_boot(system):
    runs = tuple(CollectorRun(each, "nothing", 0.1) for each in ("dpkg", "rpm", "apk", "snap"))
    facts = changed(FACTS, host=replace(HOST, os=system), software=(), collectors=runs)
    (finding,) = RULE.judge(facts, CATALOG)
    assert (finding.id, finding.implies, system.pretty_name in finding.summary) == (
        "no-package-manager",
        "unknown",
        True,
    )
    assert (finding.settled_by[0], "--root" in finding.fix.text) == (SILENT_IMAGE, False)
    (settled,) = RULE.judge(changed(facts, callers=watched(boots=(BOOT,))), CATALOG)
    assert (settled.id, settled.implies) == ("software-settled", None)
    # Of a distribution whose package manager is read, somebody forgot to name the root.
    debian = changed(facts, host=replace(HOST, os=OsRelease("debian", "12", "Debian")), callers=watched(boots=(BOOT,)))
    assert RULE.judge(debian, CATALOG)[0].fix.commands == ("imds-probe run --root /host",)


def test_software_that_was_not_looked_at_is_not_judged():
    with pytest.raises(NotInReport, match="no record of a package manager"):
        RULE.judge(changed(FACTS, collectors=()), CATALOG)


@pytest.mark.parametrize(
    ("tag", "implies"), [("7", "unknown"), ("7-jmx", "unknown"), ("latest", "unknown"), ("7.1", "not-ready")]
)
def test_a_tag_that_several_releases_have_leaves_an_agent_open(tag, implies):
    agent = container("agent")
    image = Software("datadog-agent", "image", "datadog/agent", tag, "name of the image", container="agent")
    image = replace(image, container_ids=(agent.identity,))
    (finding,) = RULE.judge(changed(FACTS, software=(image,), containers=(agent,)), CATALOG)
    assert finding.implies == implies
    said = "by a tag that names one release, 7.18.0 or later"
    assert finding.fix.text.startswith(f"Run datadog/agent {said}") is (implies == "unknown")


def test_what_no_upgrade_helps_is_said_with_what_does():
    boto = Software("boto2", "dpkg", "python-boto", "2.44.0-1.1", "dpkg database")
    (finding,) = RULE.judge(changed(FACTS, software=(boto,)), CATALOG)
    assert (finding.id, finding.implies) == ("software-too-old", "not-ready")
    assert finding.summary == "boto (legacy v2) 2.44.0-1.1 speaks only IMDSv1, in every version"
    assert finding.fix.text.startswith("Port to boto3")
    assert finding.fix.commands == ()


DATADOG = Software("datadog-agent", "dpkg", "datadog-agent", "1:7.40.0-1", "dpkg database")
YAML, KEY = "/etc/datadog-agent/datadog.yaml", "ec2_prefer_imdsv2"


def judged(*software, host=DEBIAN):
    return RULE.judge(changed(FACTS, host=host, software=software), CATALOG)


def test_a_setting_is_named_with_file_key_and_value():
    (finding,) = judged(replace(DATADOG, settings=(SettingSeen("setting", YAML, KEY, None),)))
    assert (finding.id, finding.severity, finding.implies) == ("software-needs-setting", "blocker", "not-ready")
    assert finding.fix.text == f"Set {KEY} to true in {YAML}, restart the program, and run imds-probe again."
    assert f"{YAML} does not set {KEY}" in finding.evidence[1]


def test_a_setting_that_is_made_is_nothing_to_report():
    assert judged(replace(DATADOG, settings=(SettingSeen("setting", YAML, KEY, "true"),))) == []


def test_a_setting_that_could_not_be_read_says_what_to_mend():
    broken = SettingSeen("setting", YAML, KEY, None, f"{YAML} is not yaml: line 3")
    (finding,) = judged(replace(DATADOG, settings=(broken,)))
    assert (finding.id, finding.implies) == ("software-unknown", "unknown")
    assert f"If {KEY} is not true in {YAML}, set it" in finding.fix.text
    assert "line 3" in finding.evidence[1]


def test_the_same_in_many_places_is_one_finding():
    inside = [replace(OLD_CLOUD_INIT, container=f"c{n}", os=DEBIAN.os) for n in range(5)]
    (finding,) = judged(*inside)
    assert finding.summary.startswith("cloud-init 18.3-6 in c0, c1, c2 and 2 more containers speaks only IMDSv1")
    assert finding.fix.text.startswith("Rebuild the image with cloud-init upgraded to 19.4 or later")
    assert finding.fix.commands == ()
    (finding,) = judged(OLD_CLOUD_INIT, *inside)
    assert finding.evidence == (
        "cloud-init 18.3-6, reported by the dpkg database, on the host and in c0, c1, c2 and 2 more containers",
    )


def test_a_container_is_judged_as_its_own_distribution():
    ubuntu = OsRelease("ubuntu", "18.04", None, ("debian",))
    backported = replace(OLD_CLOUD_INIT, version="19.3-41-gc4735dd3-0ubuntu1~18.04.1", container="web", os=ubuntu)
    assert judged(backported) == []
    (finding,) = judged(replace(backported, os=None, container=None))
    assert finding.implies != "ready"


@pytest.mark.parametrize(
    ("version", "said", "commands"),
    [
        ("22.4-1", "offer 22.4-1, which is new enough", 1),
        ("18.4-1", "offer 18.4-1, which is too old as well", 0),
        ("odd", "offer odd, whose IMDSv2 support is not known either", 1),
        (None, "offer no newer version (by apt-cache policy)", 0),
    ],
)
def test_whether_the_repositories_help_is_said(version, said, commands):
    (finding,) = judged(replace(OLD_CLOUD_INIT, available=InRepository(version, "apt-cache policy")))
    assert said in finding.fix.text
    assert len(finding.fix.commands) == commands


def test_unread_containers_are_not_empty_ones():
    runs = (*FACTS.collectors, CollectorRun("container-software", "partial", 1.0, "web: rpm: damaged"))
    (finding,) = RULE.judge(changed(FACTS, collectors=runs), CATALOG)
    assert (finding.summary, finding.implies) == ("the packages in some containers could not be read", "unknown")


@pytest.mark.parametrize(
    ("status", "found"), [("failed", 1), ("skipped", 1), ("partial", 0), ("ok", 0), ("nothing", 0)]
)
def test_settings_that_were_not_looked_at_are_not_good_ones(status, found):
    runs = (*FACTS.collectors, CollectorRun("settings", status, 1.0, "the run's time limit came first"))
    findings = RULE.judge(changed(FACTS, collectors=runs), CATALOG)
    assert [finding.summary for finding in findings] == ["the settings of installed software could not be read"] * found


def test_a_figure_that_was_inferred_is_said_whichever_way_it_decides():
    row = replace(CATALOG.row("cloud-init"), grade="inferred", backports=())
    line = "the minimum version 19.4 is inferred, not verified"

    def found(*software):
        return RULE.judge(changed(FACTS, host=DEBIAN, software=software), Catalog((row,)))

    (old,), (new,) = found(OLD_CLOUD_INIT), found(replace(OLD_CLOUD_INIT, version="22.4-1"))
    assert (old.id, old.evidence[-1]) == ("software-too-old", line)
    assert (new.id, new.severity, new.implies) == ("software-figure-inferred", "info", None)
    assert new.summary == f"cloud-init 22.4-1 counts as new enough for IMDSv2, but {line}"
    assert new.evidence == ("cloud-init 22.4-1, reported by the dpkg database",)


def test_a_figure_of_the_catalog_that_was_seen_needs_no_word():
    (finding,) = judged(OLD_CLOUD_INIT)
    assert not any("inferred" in line for line in finding.evidence)


AMAZON_LINUX_2 = replace(HOST, os=OsRelease("amzn", "2", "Amazon Linux 2"))
UNKNOWN = Software("cloud-init", "rpm", "cloud-init", "19.3-46.amzn2", "rpm database")
DATASOURCE = replace(AGENT, path="/usr/lib/cloudinit/DataSourceEc2.py", line=12, component="cloud-init")
FOUND = changed(FACTS, host=AMAZON_LINUX_2, software=(UNKNOWN,))


def test_what_no_figure_tells_its_own_code_settles_and_the_finding_says_so():
    (before,) = RULE.judge(FOUND, CATALOG)
    assert before.id == "software-unknown"
    (finding,) = RULE.judge(with_code(replace(DATASOURCE, speaks="v2"), facts=FOUND), CATALOG)
    assert (finding.id, finding.severity, finding.implies) == ("software-settled", "info", None)
    assert finding.summary == (
        "cloud-init 19.3-46.amzn2 asks for a token by its own code, /usr/lib/cloudinit/DataSourceEc2.py:12"
    )
    assert finding.evidence[1].startswith("its own code asks for a token: ")
    assert finding.evidence[2] == "/usr/lib/cloudinit/DataSourceEc2.py:12 has 169.254.169.254, latest/meta-data"


def test_code_that_asks_without_a_token_blocks_and_it_is_said_who_could_have_put_it_there():
    (his,) = RULE.judge(with_code(replace(DATASOURCE, owner_uid=1000), facts=FOUND), CATALOG)
    assert (his.id, his.forgeable_by) == ("software-too-old", ("user 1000",))
    (finding,) = RULE.judge(with_code(DATASOURCE, facts=FOUND), CATALOG)
    assert (finding.id, finding.implies, finding.forgeable_by) == ("software-too-old", "not-ready", ())
    assert "speaks only IMDSv1 by its own code" in finding.summary
    assert finding.summary.endswith(": /usr/lib/cloudinit/DataSourceEc2.py:12")
    assert finding.fix.text.startswith("Upgrade cloud-init")


def test_code_that_says_otherwise_than_the_version_names_the_row():
    new = replace(UNKNOWN, manager="dpkg", version="23.1-1")
    facts = changed(FACTS, host=DEBIAN, software=(new,))
    assert RULE.judge(facts, CATALOG) == []
    (finding,) = RULE.judge(with_code(DATASOURCE, facts=facts), CATALOG)
    assert finding.id == "software-too-old"
    assert "the catalog's row cloud-init says otherwise" in finding.evidence[1]


def test_a_watched_window_settles_a_program_that_could_not_be_read():
    packed = replace(PACKED, component="cloud-init", oldest_s=3 * DAY_S)
    facts = changed(FOUND, callers=watched())
    (finding,) = RULE.judge(with_code(not_read=(packed,), facts=facts), CATALOG)
    assert (finding.id, finding.implies) == ("software-settled", None)
    assert finding.evidence[-1].startswith("started 3 d ago")
    (unsettled,) = RULE.judge(with_code(not_read=(packed,), facts=FOUND), CATALOG)
    assert unsettled.id == "software-unknown"


AMAZON_LINUX_2 = replace(HOST, os=OsRelease("amzn", "2", "Amazon Linux 2"))
UNTOLD = Software("cloud-init", "rpm", "cloud-init", "19.3-46.amzn2", "rpm database")
READ = PackageRead("cloud-init", "cloud-init 19.3-46.amzn2 (rpm)", files=4, started=False)


def after_reading(software, *code, packages=(), **facts):
    """What is found on Amazon Linux 2 where these packages' own files were read."""
    given = with_code(*code, facts=changed(FACTS, host=AMAZON_LINUX_2, software=(software,), **facts))
    (finding,) = RULE.judge(given.with_(CodeRead(scheduled=0, packages=packages)), CATALOG)
    return finding


def test_an_entry_of_its_changelog_settles_a_package():
    says = replace(READ, changelog=InChangelog("the rpm database", "19.3-2.amzn2", "imdsv2"))
    finding = after_reading(UNTOLD, packages=(says,))
    assert (finding.id, finding.severity) == ("software-settled", "info")
    assert "the changelog of cloud-init 19.3-46.amzn2 says that it speaks IMDSv2" in finding.summary


def test_what_is_unknown_says_what_its_files_told_and_what_would_settle_it():
    finding = after_reading(UNTOLD, packages=(replace(READ, why="it is packed"),))
    assert finding.id == "software-unknown"
    assert "not all of its own files were read: it is packed" in finding.evidence
    # None of its programs is known, so no watched window settles it, and none is named.
    assert "watch" not in finding.fix.text
    assert finding.settled_by == (UPGRADE, CATALOG_ROW, OWNER)
    running = after_reading(UNTOLD, replace(AGENT, component="cloud-init", speaks="both"), packages=(READ,))
    assert "watch the host" in running.fix.text
    assert running.settled_by == (UPGRADE, CATALOG_ROW, WINDOW, REHEARSAL, OWNER)
    silent = after_reading(UNTOLD, packages=(READ,))
    assert silent.settled_by == (UPGRADE, CATALOG_ROW, WHOLE_BOOT, OWNER)
    assert "once a boot was watched" in silent.fix.text
    assert "its own files were read (4 files) and do not name the metadata service; a library may" in silent.evidence


def test_what_nothing_starts_is_settled_by_a_watched_boot_without_a_call():
    insights = Software("insights-client", "rpm", "insights-client", "3.2.8-1.el8", "rpm database")
    assert after_reading(insights).settled_by == (CATALOG_ROW, WHOLE_BOOT, OWNER)
    read = PackageRead("insights-client", "insights-client 3.2.8-1.el8 (rpm)", files=4, started=False)
    assert after_reading(insights, packages=(replace(read, why="it is packed"),)).id == "software-unknown"
    for started in (True, None):  # its timer is enabled, and what it has downloaded since is what asks; an older report
        assert after_reading(insights, packages=(replace(read, started=started),)).id == "software-unknown"
    lies = after_reading(insights, packages=(read,))
    assert (lies.id, lies.severity, lies.implies) == ("software-unused-unknown", "warning", None)
    finding = after_reading(insights, callers=watched(boots=(BOOT,)))
    assert (finding.id, finding.severity) == ("software-settled", "info")
    assert "nothing that was read starts it" in finding.evidence[-1]


def test_what_nothing_starts_of_a_package_that_is_there_for_other_reasons_only_warns():
    utils = Software("cloud-utils", "rpm", "cloud-utils", "0.30-1", "rpm database")
    lies = replace(AGENT, component="cloud-utils", runs="lies", pids=(), path="/usr/bin/ec2metadata", line=3)
    finding = after_reading(utils, lies)
    assert (finding.id, finding.severity, finding.implies) == ("software-unused-imdsv1", "warning", None)
    assert finding.summary.endswith("/usr/bin/ec2metadata:3; nothing that was read starts it")
    assert after_reading(utils, replace(lies, runs="scheduled")).id == "software-too-old"


BOTO = Software("boto2", "dpkg", "python3-boto", "2.49.0-3", "dpkg database")
BOTOCORE = Software("botocore", "dpkg", "python3-botocore", "1.12.253-1", "dpkg database")
SDKS = CollectorRun("sdks", "ok", 1.0)


UNREAD = NotRead("/opt/job", "it is packed", component="boto2")


def of_library(software, *code, sdks=SDKS, read=None):
    """What is found of an installed library where processes were looked at."""
    facts = changed(FACTS, host=DEBIAN, software=(software,), collectors=(*FACTS.collectors, sdks))
    given = with_code(*code, facts=facts).with_(read or CodeRead(scheduled=0))
    (finding,) = RULE.judge(given, CATALOG)
    return finding.id


@pytest.mark.parametrize("software", [BOTO, BOTOCORE])
def test_a_library_that_nothing_uses_only_warns(software):
    lies = replace(AGENT, component=software.component, runs="lies", pids=(), path="/usr/lib/python3/dist-packages/x")
    assert of_library(software) == "software-library-unused"
    assert of_library(software, lies) == "software-library-unused"


@pytest.mark.parametrize("runs", ["running", "scheduled", "boot"])
def test_a_library_that_something_loads_or_starts_blocks(runs):
    assert of_library(replace(BOTO, pids=(5,))) == "software-too-old"
    assert of_library(BOTO, replace(AGENT, component="boto2", runs=runs)) == "software-too-old"


@pytest.mark.parametrize(
    ("sdks", "read"),
    [
        (CollectorRun("sdks", "failed", 1.0), CodeRead(scheduled=0)),
        (CollectorRun("other", "ok", 1.0), CodeRead(scheduled=0)),
        (SDKS, CodeRead(scheduled=None)),
        (SDKS, CodeRead(scheduled=1, not_read=(UNREAD,))),
    ],
)
def test_a_library_of_which_nobody_knows_whether_it_is_used_blocks(sdks, read):
    assert of_library(BOTO, sdks=sdks, read=read) == "software-too-old"


def test_a_program_that_nothing_starts_is_no_library():
    assert of_library(OLD_CLOUD_INIT) == "software-too-old"
    assert of_library(Software("aws-cli-v1", "dpkg", "awscli", "1.16.1-1", "dpkg database")) == "software-too-old"


OFF = replace(IMDS, endpoint="disabled")


@pytest.mark.parametrize(
    ("software", "code", "said"),
    [
        (OLD_CLOUD_INIT, (), "software-unserved"),
        (UNTOLD, (replace(AGENT, component="cloud-init"),), "software-unserved"),
        (replace(DATADOG, settings=(SettingSeen("setting", YAML, KEY, None),)), (), "software-unserved"),
        (UNTOLD, (), "software-settled"),
    ],
)
def test_where_the_service_is_turned_off_nothing_breaks(software, code, said):
    finding = after_reading(software, *code, imds=OFF)
    assert (finding.id, finding.implies) == (said, None)
    assert "the metadata service is turned off" in finding.summary
    assert after_reading(software, *code).implies in ("not-ready", "unknown")


def test_where_a_container_is_cut_off_nothing_breaks_there():
    off, web = container("off", 1, "unreachable"), container("web", 1, "ok")
    inside = replace(OLD_CLOUD_INIT, container="off", container_ids=(off.identity,), os=DEBIAN.os)
    finding = after_reading(inside, containers=(off, web))
    assert (finding.id, finding.severity) == ("software-unserved", "warning")
    assert "the metadata service cannot be reached from there" in finding.summary
    both = replace(inside, also_in=("web",), container_ids=(off.identity, web.identity))
    assert after_reading(both, containers=(off, web)).id == "software-too-old"


def test_a_library_that_is_installed_loaded_and_was_not_seen_to_ask_is_a_warning():
    package = Software("botocore", "dpkg", "python3-botocore", "1.12.103+repack-1", "dpkg database")
    use = SdkUse(None, None, ("/usr/lib/python3/dist-packages",), 1, oldest_s=3 * DAY_S)
    loaded = SdkSoftware("botocore", "pypi", "botocore", "1.12.103", "dist-info", use.paths[0], pids=(7,), sdk=use)

    def judged(*software, **facts):
        return RULE.judge(changed(FACTS, host=DEBIAN, software=software, **facts), CATALOG)[0]

    finding = judged(package, loaded, callers=watched())
    assert (finding.id, finding.severity, finding.implies) == ("software-too-old-silent", "warning", None)
    assert finding.summary.endswith("but no program that uses it called IMDSv1 while the host was watched")
    assert finding.evidence[-1].startswith("started 3 d ago")
    assert judged(package, loaded).id == "software-too-old"
    assert judged(package, callers=watched()).id == "software-too-old"
