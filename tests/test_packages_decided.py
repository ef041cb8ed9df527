"""Whole runs on roots of the distributions on EC2: packages that no version decides about are, by their own code or changelog."""

from __future__ import annotations

from pathlib import Path

import pytest
from agents_code import cfn_bootstrap
from contexts import CATALOG
from distribution_roots import AMAZON_LINUX_2, UBUNTU, amazon_linux_2, on_dpkg, on_rpm, ubuntu
from distribution_roots import Installed as InstalledPackage
from soon import SOON_S

from imds_probe.assessment import assess, reader_of
from imds_probe.catalog.rows import Requirement
from imds_probe.collect.code import CodeOptions
from imds_probe.collect.context import RunRequest
from imds_probe.facts.code import CodeRead, PackageRead
from imds_probe.facts.software import Installed
from imds_probe.report import Report
from imds_probe.rules.requirement import requirement
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

RELEASES = ("18.04", "20.04")


def run(root: Path, state: InstanceState | None = None) -> Report:
    """A run on this root, where nothing runs, against a service on loopback."""
    place = root / "sys/class/dmi/id"
    place.mkdir(parents=True)
    (place / "sys_vendor").write_text("Amazon EC2\n")
    (place / "board_asset_tag").write_text("i-0123456789abcdef0\n")
    (root / "proc").mkdir()
    with Simulator(state or InstanceState()) as simulator:
        environment = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url}
        request = RunRequest(environ=environment, root=root, timeout_s=SOON_S, options=(CodeOptions(read=True),))
        return assess(request, reader_of(SOON_S))


def judged(report: Report) -> dict[str, Requirement]:
    """What is required of each package."""
    software = report.facts[Installed].software
    return {entry.package: requirement(entry, report.facts, CATALOG) for entry in software}


def statuses(report: Report) -> dict[str, str]:
    return {package: needed.status for package, needed in judged(report).items()}


def found(report: Report, subject: str) -> set[str]:
    return {finding.id for finding in report.findings if finding.subject == subject}


def read(report: Report) -> dict[str, PackageRead]:
    by_component = {each.component: each for each in report.facts[CodeRead].packages}
    assert len(by_component) == len(report.facts[CodeRead].packages)
    return by_component


@pytest.mark.parametrize("enabled", [True, False])
def test_amazon_linux_2_that_asks_for_tokens_is_decided(tmp_path: Path, enabled: bool) -> None:
    report = run(on_rpm(tmp_path, AMAZON_LINUX_2, amazon_linux_2(token=True), enabled=enabled))
    needed = judged(report)
    assert {package: (each.status, each.by) for package, each in needed.items()} == {
        "cloud-init": ("ok", "code"),
        "aws-cfn-bootstrap": ("ok", "code"),
    }
    place = "/usr/lib/python2.7/site-packages/cloudinit/sources/DataSourceEc2.py"
    assert needed["cloud-init"].why.startswith(f"its own code asks for a token: {place}")
    assert found(report, "cloud-init") == {"software-settled"}
    assert not any(finding.implies == "unknown" and finding.rule == "software" for finding in report.findings)


@pytest.mark.parametrize("enabled", [True, False])
def test_amazon_linux_2_that_does_not_is_too_old(tmp_path: Path, enabled: bool) -> None:
    report = run(on_rpm(tmp_path, AMAZON_LINUX_2, amazon_linux_2(token=False), enabled=enabled))
    assert statuses(report) == {"cloud-init": "too-old", "aws-cfn-bootstrap": "too-old"}
    assert found(report, "cloud-init") == {"software-too-old"}
    # It is in every image, and only templates that call it need it: here nothing does.
    assert found(report, "aws-cfn-bootstrap") == {"software-unused-imdsv1"}
    assert report.verdict.state == "not-ready"


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("enabled", [True, False])
def test_ubuntu_that_asks_for_tokens_is_decided(tmp_path: Path, release: str, enabled: bool) -> None:
    report = run(on_dpkg(tmp_path, UBUNTU.format(release), ubuntu(release, token=True), enabled=enabled))
    # The catalog knows by its version that 18.04's first cloud-init had none: only code that something starts tells more.
    old = release == "18.04" and not enabled
    assert statuses(report) == {
        "cloud-init": "too-old" if old else "ok",
        "cloud-guest-utils": "ok",
        "ec2-hibinit-agent": "ok",
    }
    assert found(report, "ec2-hibinit-agent") == found(report, "cloud-utils") == {"software-settled"}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("enabled", [True, False])
def test_ubuntu_that_does_not_is_too_old(tmp_path: Path, release: str, enabled: bool) -> None:
    report = run(on_dpkg(tmp_path, UBUNTU.format(release), ubuntu(release, token=False), enabled=enabled))
    # Of the version that 20.04 has, the catalog knows better, unless something starts what lies there in its place.
    newer = release == "20.04" and not enabled
    assert statuses(report) == {
        "cloud-init": "ok" if newer else "too-old",
        "cloud-guest-utils": "too-old",
        "ec2-hibinit-agent": "too-old",
    }
    assert found(report, "cloud-utils") == {"software-unused-imdsv1"}
    assert found(report, "ec2-hibinit-agent") == {"software-too-old"}
    assert report.verdict.state == "not-ready"


def test_what_was_read_of_each_package_is_in_the_report(tmp_path: Path) -> None:
    report = run(on_dpkg(tmp_path, UBUNTU.format("20.04"), ubuntu("20.04", token=True), enabled=False))
    utils = read(report)["cloud-utils"]
    assert (utils.package, utils.files, utils.why, utils.changelog) == (
        *("cloud-guest-utils 0.31-7-gd99b2d76-0ubuntu1 (dpkg)", 1, ""),
        None,
    )


RPM_CHANGES = (
    "* Mon Jun 15 2020 A <a@example.org> - 19.3-4.amzn2\n- Fix a crash\n\n"
    "* Mon Apr 20 2020 A <a@example.org> - 19.3-3.amzn2\n- ec2: Add support for AWS IMDS v2 (session-oriented)\n"
)
DEBIAN_CHANGES = (
    "ec2-hibinit-agent (1.0.0-0ubuntu4) bionic; urgency=medium\n\n  * Add support for IMDSv2 (LP: #1)\n\n"
    " -- A <a@example.org>  Thu, 23 Jan 2020 10:00:00 +0000\n"
)


def test_where_no_code_is_left_to_read_the_changelog_decides(tmp_path: Path) -> None:
    """Files can be gone, as image builders remove them; the header in rpm's database has the changelog."""
    packages = amazon_linux_2(token=True)
    changes = {"cloud-init": RPM_CHANGES}
    bare = on_rpm(tmp_path / "2", AMAZON_LINUX_2, packages, enabled=False, without_files=packages, changelogs=changes)
    report = run(bare)
    needed = judged(report)
    assert {package: (each.status, each.by) for package, each in needed.items()} == {
        "cloud-init": ("ok", "changelog"),
        "aws-cfn-bootstrap": ("unknown", "version"),
    }
    assert "an entry of version 19.3-3.amzn2 that adds imds v2: the rpm database" in needed["cloud-init"].why
    assert found(report, "cloud-init") == {"software-settled"}
    (unknown,) = [finding for finding in report.findings if finding.subject == "aws-cfn-bootstrap"]
    assert "not all of its own files were read: its file is no longer there" in unknown.evidence


@pytest.mark.parametrize(("gone", "status", "by"), [(True, "ok", "changelog"), (False, "too-old", "code")])
def test_code_outweighs_a_changelog(tmp_path: Path, gone: bool, status: str, by: str) -> None:
    root = on_dpkg(
        tmp_path,
        UBUNTU.format("18.04"),
        ubuntu("18.04", token=False),
        enabled=False,
        without_files=["ec2-hibinit-agent"] if gone else (),
        changelogs={"ec2-hibinit-agent": DEBIAN_CHANGES},
    )
    needed = judged(run(root))["ec2-hibinit-agent"]
    assert (needed.status, needed.by) == (status, by)


@pytest.mark.parametrize(("token", "status"), [(True, "ok"), (False, "too-old")])
def test_a_package_that_was_rebuilt_with_what_it_needs_within_is_decided(
    tmp_path: Path, token: bool, status: str
) -> None:
    """As vendors build theirs: a directory of their own below /opt, with a Python's libraries in it."""
    site = "/opt/insights/lib/python3.8/site-packages"
    own = {
        **cfn_bootstrap(site, token=token),
        "/opt/insights/bin/insights-client": "#!/usr/bin/python3\nimport cfnbootstrap.cfn_client\n",
        f"{site}/cfnbootstrap/tests/test_util.py": "URL = 'http://169.254.169.254/latest/meta-data/'\n",
        "/usr/share/doc/insights-client/README": "curl http://169.254.169.254/latest/meta-data/\n",
    }
    packages = {"insights-client": InstalledPackage("3.2.2-1.rebuilt", own, {})}
    report = run(on_rpm(tmp_path, AMAZON_LINUX_2, packages))
    needed = judged(report)["insights-client"]
    assert (needed.status, needed.by) == (status, "code")
    assert f"{site}/cfnbootstrap/util.py" in needed.why


def test_where_the_service_is_turned_off_what_is_too_old_breaks_nothing(tmp_path: Path) -> None:
    root = on_rpm(tmp_path, AMAZON_LINUX_2, amazon_linux_2(token=False))
    report = run(root, InstanceState(http_endpoint="disabled"))
    assert statuses(report) == {"cloud-init": "too-old", "aws-cfn-bootstrap": "too-old"}
    assert found(report, "cloud-init") == {"software-unserved"}
    assert report.verdict.state == "ready"
    assert {finding.severity for finding in report.findings if finding.rule == "software"} == {"warning"}
