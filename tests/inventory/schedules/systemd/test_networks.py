from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import services
from imds_probe.inventory.schedules.systemd.networks import UNIFIED, Networks
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

ETC = "/etc/systemd/system"
FILTERED = {UNIFIED[0]: ""}


def networks(at: Path, service: str, unit: str = "", name: str = "x.service", **more: str) -> list[str]:
    """Those of the commands of one enabled unit."""
    files = {
        f"{ETC}/{name}": f"[Unit]\nDescription=x\n{unit}\n[Service]\nType=oneshot\n{service}\nExecStart=/opt/x\n",
        f"{ETC}/multi-user.target.wants/{name}": Path(f"{ETC}/{name}"),
        **more,
    }
    return [each.network for each in services.look(SystemFiles(made(at, files)))]


@pytest.mark.parametrize(
    ("said", "network"),
    [
        ("", "host"),
        ("PrivateNetwork=yes", "none"),
        ("PrivateNetwork=no", "host"),
        ("NetworkNamespacePath=/run/netns/blue", "own"),
        ("IPAddressDeny=any", "none"),
        ("IPAddressDeny=link-local", "none"),
        ("IPAddressDeny=10.0.0.0/8 169.254.0.0/16", "none"),
        ("IPAddressDeny=10.0.0.0/8", "host"),
        ("IPAddressDeny=nonsense", "host"),
        ("IPAddressDeny=any\nIPAddressAllow=localhost", "none"),
        ("IPAddressDeny=any\nIPAddressAllow=169.254.169.254", "host"),
        ("IPAddressDeny=any\nIPAddressDeny=", "host"),
        ("RestrictAddressFamilies=AF_UNIX AF_NETLINK", "none"),
        ("RestrictAddressFamilies=none", "none"),
        ("RestrictAddressFamilies=AF_UNIX\nRestrictAddressFamilies=AF_INET", "host"),
        ("RestrictAddressFamilies=AF_INET6 AF_UNIX", "host"),
        ("RestrictAddressFamilies=~AF_INET AF_INET6", "none"),
        ("RestrictAddressFamilies=~AF_PACKET", "host"),
    ],
)
def test_what_a_unit_says_of_its_network(tmp_path: Path, said: str, network: str) -> None:
    assert networks(tmp_path, said, **FILTERED) == [network]


def test_a_network_that_others_are_led_to_is_no_end(tmp_path: Path) -> None:
    private = "PrivateNetwork=yes"
    assert networks(tmp_path / "joins", private, "JoinsNamespaceOf=y.service") == ["own"]
    joining = "[Unit]\nJoinsNamespaceOf=x.service\n[Service]\nPrivateNetwork=yes\n"
    drawn_in = {f"{ETC}/y.service": joining, f"{ETC}/multi-user.target.wants/y.service": Path(f"{ETC}/y.service")}
    assert networks(tmp_path / "joined", private, **drawn_in) == ["own"]
    made_here = networks(tmp_path / "made", f"{private}\nExecStartPre=+/usr/sbin/ip link add veth0")
    assert made_here == ["own", "own"]


def test_a_filter_of_a_slice_counts_with_those_that_it_is_in(tmp_path: Path) -> None:
    deny, allow = "[Slice]\nIPAddressDeny=any\n", "[Slice]\nIPAddressAllow=169.254.169.254\n"
    own = {**FILTERED, f"{ETC}/jobs-night.slice": "[Slice]\n", f"{ETC}/jobs.slice": deny}
    assert networks(tmp_path / "own", "Slice=jobs-night.slice", **own) == ["none"]
    of_all = {**FILTERED, f"{ETC}/system.slice.d/x.conf": deny}
    assert networks(tmp_path / "all", "", **of_all) == ["none"]
    assert networks(tmp_path / "allowed", "", **of_all, **{f"{ETC}/-.slice": allow}) == ["host"]
    of_instances = {**FILTERED, rf"{ETC}/system-a\x2db.slice.d/x.conf": deny}
    files = {f"{ETC}/a-b@.service": "[Service]\nExecStart=/opt/x\n", **of_instances}
    units = UnitFiles(SystemFiles(made(tmp_path / "instance", files)))
    unit = units.unit("a-b@one.service")
    assert unit is not None
    assert Networks.of(units, ()).of_command(unit, "Service", privileged=False) == "none"


def test_without_control_groups_of_version_2_there_are_no_filters(tmp_path: Path) -> None:
    assert networks(tmp_path / "old", "IPAddressDeny=any") == ["host"]
    assert networks(tmp_path / "both", "IPAddressDeny=any", **{f"{UNIFIED[1]}/cgroup.procs": ""}) == ["none"]


@pytest.mark.parametrize(
    ("said", "network"),
    [("RestrictAddressFamilies=AF_UNIX", "host"), ("PrivateNetwork=yes", "host"), ("IPAddressDeny=any", "none")],
)
def test_a_command_with_privileges_is_let_off_all_but_filters(tmp_path: Path, said: str, network: str) -> None:
    assert networks(tmp_path, f"{said}\nExecStartPre=+/opt/y", **FILTERED)[0] == network
