from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules import hooks
from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import SystemFiles


@pytest.mark.parametrize(
    ("path", "content", "command"),
    [
        ("/etc/network/if-up.d/x", SCRIPT, ("/etc/network/if-up.d/x",)),
        ("/etc/network/if-up.d/x.sh", SCRIPT, None),
        ("/etc/network/if-up.d/x", "not executable", None),
        ("/etc/dhcp/dhclient-exit-hooks.d/x", "read", ("/bin/sh", "/etc/dhcp/dhclient-exit-hooks.d/x")),
        ("/etc/dhcp/dhclient-exit-hooks", "read", ("/bin/sh", "/etc/dhcp/dhclient-exit-hooks")),
        ("/etc/networkd-dispatcher/routable.d/x.sh", SCRIPT, ("/etc/networkd-dispatcher/routable.d/x.sh",)),
        ("/etc/NetworkManager/dispatcher.d/11-x", SCRIPT, ("/etc/NetworkManager/dispatcher.d/11-x",)),
        (
            "/usr/lib/NetworkManager/dispatcher.d/no-wait.d/x",
            SCRIPT,
            ("/usr/lib/NetworkManager/dispatcher.d/no-wait.d/x",),
        ),
        ("/lib/dhcpcd/dhcpcd-hooks/20-x", "read", ("/bin/sh", "/lib/dhcpcd/dhcpcd-hooks/20-x")),
        ("/sbin/ifup-local", SCRIPT, ("/sbin/ifup-local",)),
    ],
)
def test_each_kind_of_hook(tmp_path: Path, path: str, content: str, command: tuple[str, ...] | None) -> None:
    found = list(hooks.look(SystemFiles(made(tmp_path, {path: content}))))
    assert [(each.command, each.place, each.kind) for each in found] == (
        [(command, Place(path), "boot")] if command else []
    )


@pytest.mark.parametrize(
    "path",
    [
        "/etc/network/if-down.d/x",
        "/etc/NetworkManager/dispatcher.d/pre-down.d/x",
        "/etc/ppp/ip-down.local",
        "/sbin/ifdown-local",
    ],
)
def test_what_runs_when_the_network_goes_down_is_no_part_of_a_boot(tmp_path: Path, path: str) -> None:
    (found,) = hooks.look(SystemFiles(made(tmp_path, {path: SCRIPT})))
    assert (found.kind, found.how_often, found.every_s) == ("scheduled", "whenever the network goes down", None)


def test_one_directory_by_two_names_is_read_once(tmp_path: Path) -> None:
    made(tmp_path, {"/usr/lib/dhcpcd/dhcpcd-hooks/20-x": "", "/lib": Path("usr/lib")})
    assert len(list(hooks.look(SystemFiles(tmp_path)))) == 1


def test_commands_of_interfaces(tmp_path: Path) -> None:
    text = "auto eth0\niface eth0 inet dhcp\n\tpost-up /opt/x --y\n  up\n  upper z\n  pre-down\tq; r\n"
    made(tmp_path, {"/etc/network/interfaces": text, "/etc/network/interfaces.d/more": "up s\n"})
    assert [(each.command, each.place, each.kind) for each in hooks.look(SystemFiles(tmp_path))] == [
        ("/opt/x --y", Place("/etc/network/interfaces", 3), "boot"),
        ("q; r", Place("/etc/network/interfaces", 6), "scheduled"),
        ("s", Place("/etc/network/interfaces.d/more", 1), "boot"),
    ]
