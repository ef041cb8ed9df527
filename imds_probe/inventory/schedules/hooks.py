"""Scripts that run whenever the network starts or changes: ifupdown, dhclient, dhcpcd, networkd-dispatcher, NetworkManager."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules import cron_names
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

HOW_OFTEN = "at each boot and whenever the network changes"
GOING_DOWN = "whenever the network goes down"
SHELL = "/bin/sh"
INTERFACES, MORE_INTERFACES = "/etc/network/interfaces", "/etc/network/interfaces.d"
_COMMANDS = ("pre-up", "up", "post-up", "down", "pre-down", "post-down")
COMMAND_MAX = 16 * 1024


@dataclass(frozen=True)
class Hooks:
    """A directory of scripts. `sourced` by a shell: then they need not be executable. `plain`: of plain names alone."""

    directory: str
    sourced: bool = False
    plain: bool = False
    down: bool = False


DIRECTORIES = (
    *(Hooks(f"/etc/network/if-{when}.d", plain=True) for when in ("pre-up", "up")),
    *(Hooks(f"/etc/network/if-{when}.d", plain=True, down=True) for when in ("down", "post-down")),
    *(Hooks(f"/etc/dhcp/dhclient-{when}-hooks.d", sourced=True) for when in ("enter", "exit")),
    Hooks("/etc/dhcp/dhclient.d", sourced=True),
    Hooks("/lib/dhcpcd/dhcpcd-hooks", sourced=True),
    Hooks("/usr/lib/dhcpcd/dhcpcd-hooks", sourced=True),
    *(
        Hooks(f"{top}/networkd-dispatcher/{state}.d")
        for top in ("/etc", "/usr/lib")
        for state in ("routable", "dormant", "carrier", "degraded", "configuring", "configured")
    ),
    *(
        Hooks(f"{top}/networkd-dispatcher/{state}.d", down=True)
        for top in ("/etc", "/usr/lib")
        for state in ("no-carrier", "off")
    ),
    *(
        Hooks(f"{top}/NetworkManager/dispatcher.d{below}")
        for top in ("/etc", "/usr/lib")
        for below in ("", "/pre-up.d", "/no-wait.d")
    ),
    *(Hooks(f"{top}/NetworkManager/dispatcher.d/pre-down.d", down=True) for top in ("/etc", "/usr/lib")),
    *(Hooks(f"/etc/ppp/{when}.d", plain=True) for when in ("ip-up", "ipv6-up")),
    *(Hooks(f"/etc/ppp/{when}.d", plain=True, down=True) for when in ("ip-down", "ipv6-down")),
    Hooks("/etc/udhcpc/default.d"),
)
FILES = (
    Hooks("/etc/dhcp/dhclient-enter-hooks", sourced=True),
    Hooks("/etc/dhcp/dhclient-exit-hooks", sourced=True),
    Hooks("/etc/dhclient-enter-hooks", sourced=True),
    Hooks("/etc/dhclient-exit-hooks", sourced=True),
    Hooks("/etc/dhclient-up-hooks", sourced=True),
    Hooks("/etc/dhcpcd.enter-hook", sourced=True),
    Hooks("/etc/dhcpcd.exit-hook", sourced=True),
    Hooks("/sbin/ifup-local"),
    Hooks("/sbin/ifup-pre-local"),
    *(Hooks(f"/sbin/{name}", down=True) for name in ("ifdown-local", "ifdown-pre-local")),
    Hooks("/etc/ppp/ip-up.local"),
    Hooks("/etc/ppp/ip-down.local", down=True),
)


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every hook once, though /lib may be /usr/lib by another name; and the commands that interfaces are set up with."""
    done: set[str | None] = set()
    for hooks in DIRECTORIES:
        names = files.names(hooks.directory)
        named = [f"{hooks.directory}/{name}" for name in names if not hooks.plain or cron_names.plain(name)]
        yield from _scripts(files, named, hooks, done)
    for hooks in FILES:
        yield from _scripts(files, [hooks.directory], hooks, done)
    more = [f"{MORE_INTERFACES}/{name}" for name in files.names(MORE_INTERFACES)]
    for path in (INTERFACES, *files.files(more)):
        yield from _of_interfaces(files, path)


def _scripts(files: SystemFiles, paths: list[str], hooks: Hooks, done: set[str | None]) -> Iterator[Scheduled]:
    for path in files.files(paths, executable=not hooks.sourced):
        real = files.real_path(path)
        if real not in done:
            done.add(real)
            yield _hook((SHELL, path) if hooks.sourced else (path,), Place(path), hooks.down)


def _of_interfaces(files: SystemFiles, path: str) -> Iterator[Scheduled]:
    for number, line in enumerate(files.lines(path), 1):
        key, _, command = line.strip().replace("\t", " ").partition(" ")
        if key in _COMMANDS and command.strip():
            yield _hook(command.strip()[:COMMAND_MAX], Place(path, number), "down" in key)


def _hook(command: tuple[str, ...] | str, place: Place, down: bool) -> Scheduled:
    """A boot that was watched need not have had the network go down in it."""
    if down:
        return Scheduled(command, place, "scheduled", GOING_DOWN, environment={"PATH": PATH})
    return Scheduled(command, place, "boot", HOW_OFTEN, environment={"PATH": PATH})
