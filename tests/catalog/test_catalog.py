"""The catalog's data: its shape, its sources, and the verdicts it gives on versions that distributions really ship."""

from __future__ import annotations

import importlib.resources
import json
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from imds_probe.catalog import catalog as module
from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.entry import CatalogError

PACKAGE = importlib.resources.files("imds_probe")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.mark.parametrize("name", module.FILES)
def test_data_fits_the_schema(name: str) -> None:
    schema = json.loads(PACKAGE.joinpath("schema/catalog-v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(PACKAGE.joinpath("catalog", name).read_text()), schema)


def test_every_data_file_is_listed() -> None:
    assert {path.name for path in Path(module.__file__).parent.glob("*.json")} == set(module.FILES)


def test_every_figure_has_a_source(catalog: Catalog) -> None:
    assert catalog.rows
    for row in catalog.rows:
        assert (row.minimum is None and not row.never) or row.sources, row.id
        assert all(
            source.startswith(("https://", "PyPI package", "npm package", "Debian package")) for source in row.sources
        ), row.id


@pytest.mark.parametrize(
    ("manager", "package", "version", "os", "component", "status"),
    [
        ("dpkg", "cloud-init", "20.4.1-2+deb11u1", "debian 11", "cloud-init", "ok"),
        ("dpkg", "cloud-init", "22.4.2-1+deb12u3", "debian 12", "cloud-init", "ok"),
        ("dpkg", "cloud-init", "25.1.4-1", "debian 13", "cloud-init", "ok"),
        ("dpkg", "cloud-init", "18.3-6", "debian 10", "cloud-init", "too-old"),
        ("dpkg", "cloud-init", "19.3-41-gc4735dd3-0ubuntu1~16.04.1", "ubuntu 16.04", "cloud-init", "ok"),
        ("dpkg", "cloud-init", "19.3-41-gc4735dd3-0ubuntu1~18.04.1", "ubuntu 18.04", "cloud-init", "ok"),
        ("dpkg", "cloud-init", "19.2-36-g059d049c-0ubuntu2~18.04.1", "ubuntu 18.04", "cloud-init", "too-old"),
        ("dpkg", "cloud-init", "23.1.2-0ubuntu0~18.04.1", "ubuntu 18.04", "cloud-init", "ok"),
        ("dpkg", "cloud-init", "19.3-41-gc4735dd3-0ubuntu1", "debian 10", "cloud-init", "unknown"),
        ("rpm", "cloud-init", "19.3-46.amzn2.0.1", "amzn 2", "cloud-init", "unknown"),
        ("rpm", "cloud-init", "22.2.2-1.amzn2023.1.13", "amzn 2023", "cloud-init", "ok"),
        ("rpm", "cloud-init", "18.5-6.el7_8.4", "rhel 7.8", "cloud-init", "ok"),
        ("rpm", "cloud-init", "18.5-6.el7_8.3", "rhel 7.8", "cloud-init", "unknown"),
        ("rpm", "cloud-init", "19.4-7.el7_9.6", "rhel 7.9", "cloud-init", "ok"),
        ("rpm", "cloud-init", "18.5-12.el8_2.2", "rhel 8.2", "cloud-init", "unknown"),
        ("rpm", "cloud-init", "23.4-7.el8_10.8", "rhel 8.10", "cloud-init", "ok"),
        ("rpm", "cloud-init", "19.1-8.1", "sles 15.1", "cloud-init", "unknown"),
        ("rpm", "cloud-init", "0.7.9-24.0.1.el7", "ol 7.9", "cloud-init", "unknown"),
        ("dpkg", "amazon-ssm-agent", "3.2.582.0-1", "debian 12", "amazon-ssm-agent", "ok"),
        ("rpm", "amazon-ssm-agent", "3.1.1188.0-1.amzn2", "amzn 2", "amazon-ssm-agent", "ok"),
        ("rpm", "amazon-ssm-agent", "2.3.714.0-1.amzn2", "amzn 2", "amazon-ssm-agent", "too-old"),
        ("rpm", "amazon-ssm-agent", "2.3.786.0-1", "rhel 7.9", "amazon-ssm-agent", "ok"),
        ("dpkg", "awscli", "1.19.1-1", "debian 11", "aws-cli-v1", "ok"),
        ("dpkg", "awscli", "2.9.19-1", "debian 12", "aws-cli-v2", "ok"),
        ("dpkg", "awscli", "2.23.6-1", "debian 13", "aws-cli-v2", "ok"),
        ("dpkg", "awscli", "1.16.113-1", "debian 10", "aws-cli-v1", "too-old"),
        ("dpkg", "awscli", "1.14.44-1ubuntu1", "ubuntu 18.04", "aws-cli-v1", "too-old"),
        ("rpm", "awscli", "1.18.147-1.amzn2.0.2", "amzn 2", "aws-cli-v1", "ok"),
        ("rpm", "awscli-2", "2.15.30-1.amzn2023.0.1", "amzn 2023", "aws-cli-v2", "ok"),
        ("rpm", "awscli2", "2.0.14-1.fc32", "fedora 32", "aws-cli-v2", "too-old"),
        ("dpkg", "awscli", "odd", "debian 12", "aws-cli-v1", "unknown"),
    ],
)
def test_versions_that_are_really_shipped(catalog, manager, package, version, os, component, status) -> None:
    row = catalog.recognise(manager, package, version)
    assert row is not None and row.id == component
    os_id, os_version_id = os.split()
    judged = catalog.judge(row, manager=manager, version=version, os_id=os_id, os_version_id=os_version_id)
    assert judged.status == status, judged
    assert judged == catalog.judge(
        component, manager=manager, version=version, os_id=os_id, os_version_id=os_version_id
    )
    assert judged.why and judged.minimum and judged.source


def test_names_to_ask_for(catalog: Catalog) -> None:
    for manager, some in {"dpkg": {"awscli", "datadog-agent", "s3fs"}, "rpm": {"awscli-2", "cloud-init"}}.items():
        names = catalog.package_names(manager)
        assert some <= set(names)
        assert list(names) == sorted(set(names))
    assert catalog.package_names("pacman") == ()


def test_there_are_as_many_as_promised(catalog: Catalog) -> None:
    assert len(catalog.rows) >= 80
    files = {path.name for path in (Path(module.__file__).parent).glob("*.json")}
    assert files == set(module.FILES)


def test_no_two_rows_are_about_the_same_version_of_one_package(catalog: Catalog) -> None:
    for manager in ("dpkg", "rpm", "snap", "pypi", "gem", "npm", "maven", "go"):
        for name in catalog.package_names(manager):
            sides = [(row.since, row.before) for row in catalog.rows if name in row.packages.get(manager, ())]
            assert len(sides) == 1 or all(since or before for since, before in sides), (manager, name)
            assert len(set(sides)) == len(sides), (manager, name)


@pytest.mark.parametrize(
    ("manager", "package", "version", "os", "component", "status"),
    [
        ("dpkg", "python-boto", "2.44.0-1.1", "debian 10", "boto2", "too-old"),
        ("rpm", "awslogs", "1.1.4-3.amzn2", "amzn 2", "awslogs", "too-old"),
        ("dpkg", "datadog-agent", "1:7.17.0-1", "ubuntu 22.04", "datadog-agent", "too-old"),
        ("dpkg", "datadog-agent", "1:7.50.0-1", "ubuntu 22.04", "datadog-agent", "needs-setting"),
        ("dpkg", "datadog-agent", "1:7.64.1-1", "ubuntu 22.04", "datadog-agent", "ok"),
        ("rpm", "ec2-instance-connect", "1.1-11.amzn2", "amzn 2", "ec2-instance-connect", "too-old"),
        ("rpm", "ec2-instance-connect", "1.1-19.amzn2", "amzn 2", "ec2-instance-connect", "ok"),
        ("dpkg", "ec2-instance-connect", "1.1.11-0ubuntu3", "ubuntu 18.04", "ec2-instance-connect", "too-old"),
        ("rpm", "aws-cfn-bootstrap", "2.0-29.amzn2023", "amzn 2023", "aws-cfn-bootstrap", "ok"),
        ("rpm", "aws-cfn-bootstrap", "2.0-16.amzn2", "amzn 2", "aws-cfn-bootstrap", "unknown"),
        ("rpm", "NetworkManager-cloud-setup", "1:1.40.16-1.el8", "rhel 8.8", "networkmanager-cloud-setup", "unknown"),
        ("rpm", "amazon-efs-utils", "1.27.1-1.amzn2", "amzn 2", "efs-utils", "unknown"),
        ("rpm", "amazon-efs-utils", "1.36.0-1.amzn2023", "amzn 2023", "efs-utils", "ok"),
        ("dpkg", "s3fs", "1.90-1", "debian 12", "s3fs-fuse", "unknown"),
        ("dpkg", "cloud-guest-utils", "0.31-7-gd99b2d76-0ubuntu1", "ubuntu 20.04", "cloud-utils", "unknown"),
        ("dpkg", "cloud-guest-utils", "0.33-1", "debian 12", "cloud-utils", "ok"),
        ("dpkg", "consul", "1.15.2-1", "debian 12", "consul", "unknown"),
        ("dpkg", "elasticsearch", "7.17.0", "debian 12", "elasticsearch-discovery-ec2", "unknown"),
        ("gem", "aws-sdk-core", "3.78.0", "debian 12", "aws-sdk-ruby-v3", "too-old"),
        ("gem", "aws-sdk-core", "2.11.500", "debian 12", "aws-sdk-ruby-v2", "ok"),
        ("pypi", "botocore", "1.13.22", "debian 12", "botocore", "too-old"),
        ("image", "amazon-k8s-cni", "1.10.0", "amzn 2", "amazon-vpc-cni", "too-old"),
        ("image", "jtblin/kube2iam", "0.11.2", "amzn 2", "kube2iam", "too-old"),
    ],
)
def test_judged_by_hand(
    catalog: Catalog, manager: str, package: str, version: str, os: str, component: str, status: str
) -> None:
    os_id, os_version_id = os.split()
    row = catalog.recognise(manager, package, version)
    assert row is not None and row.id == component
    like = ("debian",) if os_id == "ubuntu" else ()
    judged = catalog.judge(
        row, manager=manager, version=version, os_id=os_id, os_version_id=os_version_id, os_id_like=like
    )
    assert judged.status == status, judged
    assert judged.why


def test_what_the_catalog_does_not_know(catalog: Catalog) -> None:
    assert catalog.row("nothing") is None
    assert catalog.recognise("dpkg", "nothing", "1") is None
    assert catalog.judge("nothing", manager="dpkg", version="1").status == "unknown"


def extra(path: Path, **row: object) -> Path:
    base = {
        "name": "Extra",
        "packages": {"dpkg": ["extra"]},
        "on_lost_token": "unknown",
        "fix": "f",
        "confidence": "inferred",
    }
    path.write_text(json.dumps({"schema": "imds-probe.catalog/v1", "components": [base | row]}))
    return path


def test_a_file_of_the_users_adds_rows_and_replaces_them(tmp_path: Path) -> None:
    added = extra(tmp_path / "a.json", id="extra", minimum="7", sources=["https://example.org"])
    replaced = extra(tmp_path / "b.json", id="cloud-init")
    loaded = Catalog.load([added, replaced])
    assert loaded.judge("extra", manager="dpkg", version="7-1").status == "ok"
    assert loaded.judge("cloud-init", manager="dpkg", version="25.1-1").status == "unknown"  # no minimum any more
    assert len(loaded.rows) == len(Catalog.load().rows) + 1


def test_a_row_of_the_users_comes_before_a_shipped_one_that_knows_the_package(tmp_path: Path) -> None:
    """The user's row has an id of its own, as nobody looks up which of the shipped ones knows the package."""
    own = extra(tmp_path / "a.json", id="acme-init", packages={"dpkg": ["cloud-init"]}, before="25")
    loaded = Catalog.load([own])
    assert loaded.recognise("dpkg", "cloud-init", "24.1-1").id == "acme-init"
    assert loaded.recognise("dpkg", "cloud-init", "25.1-1").id == "cloud-init"  # which the user's row does not cover
    assert loaded.recognise("rpm", "cloud-init", "24.1-1").id == "cloud-init"


def test_a_broken_file_of_the_users_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="plain dotted number"):
        Catalog.load([extra(tmp_path / "a.json", id="extra", minimum="seven")])


def test_reading_and_judging_a_hundred_rows_is_quick(tmp_path: Path) -> None:
    rows = json.loads(PACKAGE.joinpath("catalog", "os_software.json").read_text())["components"]
    many = [dict(row, id=f"{row['id']}-{n}") for n in range(25) for row in rows]
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"schema": "imds-probe.catalog/v1", "components": many}))
    took_s = []
    for _ in range(3):
        started = time.process_time()
        loaded = Catalog.load([path])
        for row in loaded.rows:
            loaded.judge(row, manager="rpm", version="19.3-46.amzn2", os_id="amzn", os_version_id="2")
        took_s.append(time.process_time() - started)
    assert len(loaded.rows) >= 100
    assert min(took_s) < 0.5


def test_no_network_library_is_imported() -> None:
    program = "import sys, imds_probe.catalog.catalog; print([m for m in ('requests', 'urllib3', 'socket') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
