"""What there is on a host to look at."""

from __future__ import annotations

import pytest
from doctors import ON_EC2, here, host, results

from imds_probe.collect.needs import Need
from imds_probe.doctor import contents
from imds_probe.system.process import Completed


def test_an_ec2_instance_and_what_is_none(tmp_path):
    found = contents.firmware(host(tmp_path / "ec2", ON_EC2))
    assert (found.state, found.found) == ("ok", "DMI: sys_vendor is Amazon EC2; instance i-0123456789abcdef0")
    found = contents.firmware(host(tmp_path / "other", {"sys/class/dmi/id/sys_vendor": "QEMU\n"}))
    assert (found.state, found.need) == ("missing", Need.FIRMWARE)
    assert "--assume-ec2" in found.remedy


def test_databases_of_packages(tmp_path):
    (found,) = results(
        contents.packages(host(tmp_path / "debian", {"var/lib/dpkg/status": "", "lib/apk/db/installed": ""}))
    )
    assert (found.state, found.found) == ("ok", "databases of packages: dpkg, apk")
    (found,) = results(contents.packages(host(tmp_path / "none")))
    assert (found.state, found.need) == ("missing", Need.PACKAGES)


def test_those_of_this_machine_are_read_to_see_that_they_can_be():
    assert [each.state for each in results(contents.packages(here()))] == ["ok"]


def test_a_database_that_cannot_be_looked_at_is_named(tmp_path):
    files = {"var/lib/dpkg/status": "", "lib/apk/db/installed": ""}
    of_this = host(tmp_path, files)
    (tmp_path / "var/lib/dpkg/status").unlink()
    (tmp_path / "var/lib/dpkg/status").symlink_to("status")
    found = results(contents.packages(of_this))
    assert found[-1].state == "ok"
    assert [(each.state, each.need) for each in found[:-1]] in ([], [("missing", Need.PACKAGES)])


def test_engines_are_known_by_their_records(tmp_path):
    files = {
        "var/lib/docker/containers/x/config.v2.json": "{}",
        "var/lib/containers/storage/overlay-containers/containers.json": "[]",
        "run/containerd/x": "",
    }
    (found,) = results(contents.containers(host(tmp_path / "engines", files)))
    assert found.state == "ok"
    assert all(name in found.found for name in ("Docker (/var/lib/docker)", "Podman", "containerd (/run/containerd)"))
    (found,) = results(contents.containers(host(tmp_path / "none")))
    assert found.found == "no container engine keeps records here"


def test_records_that_are_closed_to_us(tmp_path):
    place = tmp_path / "var/lib"
    place.mkdir(parents=True)
    (place / "docker").symlink_to("docker")  # as unreadable to root as to anybody
    found = results(contents.containers(host(tmp_path)))
    assert {(each.state, each.need) for each in found[:-1]} == {("missing", Need.FILES)}
    assert "Docker" in found[0].found


def test_databases_below_another_root_are_read_as_well(tmp_path):
    of_this = host(tmp_path, {"var/lib/dpkg/status/x": ""})  # a directory
    (found,) = results(contents.packages(of_this))
    assert (found.state, found.need) == ("missing", Need.PACKAGES)
    assert found.found.startswith("dpkg: ")


def test_docker_is_looked_for_where_its_configuration_says(tmp_path):
    files = {"etc/docker/daemon.json": '{"data-root": "/data/docker"}', "data/docker/containers/x/config.v2.json": "{}"}
    (found,) = results(contents.containers(host(tmp_path / "moved", files)))
    assert "Docker (/data/docker)" in found.found
    trouble, _ = results(contents.containers(host(tmp_path / "damaged", {"etc/docker/daemon.json": "{"})))
    assert (trouble.state, "daemon.json is not JSON" in trouble.found) == ("limited", True)


@pytest.mark.parametrize(
    ("there", "tables", "states"),
    [
        (("nft", "iptables-save"), "", ["ok"]),
        (("iptables-save",), "", ["missing"]),
        (("nft",), "filter\n", ["missing"]),
        (("nft", "iptables-legacy-save"), "filter\n", ["ok"]),
        ((), "filter\n", ["missing", "missing"]),
    ],
)
def test_tools_that_list_packet_rules(monkeypatch, there, tables, states):
    monkeypatch.setattr(contents.shutil, "which", lambda tool, path: tool if tool in there else None)
    monkeypatch.setattr(contents, "_legacy_tables", lambda prefix: tables.split() if prefix == "ip" else [])
    monkeypatch.setattr(contents.process, "SEARCH_PATH", "/nonesuch")
    assert [each.state for each in results(contents.tools(here()))] == states


@pytest.mark.parametrize(
    ("said", "lists"),
    [
        ("iptables-save v1.8.9 (legacy)", True),
        ("iptables-save v1.4.21", True),
        ("iptables-save v1.8.9 (nf_tables)", False),
    ],
)
def test_a_tool_of_the_other_kind_lists_no_legacy_tables(monkeypatch, said, lists):
    monkeypatch.setattr(contents, "_is_there", lambda _: False)
    monkeypatch.setattr(contents.process, "run", lambda argv, **_: Completed(tuple(argv), 0, said.encode(), b""))
    assert contents._lists_legacy("ip") == lists


def test_the_packet_rules_of_what_does_not_run_are_nobodys_concern(tmp_path):
    assert [each.state for each in results(contents.tools(host(tmp_path)))] == ["ok"]
