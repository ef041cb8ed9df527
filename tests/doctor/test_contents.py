"""What there is on a host to look at."""

from __future__ import annotations

import pytest
from doctors import ON_EC2, here, host, results

from imds_probe.collect.needs import Need
from imds_probe.doctor import contents


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
    files = {"var/lib/dpkg/status": "", "var/lib/snapd/state.json": "{}"}
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


@pytest.mark.parametrize(
    ("there", "kernel_has", "state"),
    [(("nft", "iptables-save"), True, "ok"), ((), False, "ok"), (("iptables-save",), True, "missing")],
)
def test_tools_that_list_packet_rules(monkeypatch, there, kernel_has, state):
    monkeypatch.setattr(contents.shutil, "which", lambda tool, path: tool if tool in there else None)
    monkeypatch.setattr(contents, "_rules_may_be_there", lambda _: kernel_has)
    (found,) = results(contents.tools(here()))
    assert found.state == state
