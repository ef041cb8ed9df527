"""What starts a program some time: the files of each kind, as they lie on a host.

Where a kind is a script, a shell's program is itself that script, and another is started by one. In paths and texts stand
{name}, {command}, {script}, and {instance} for where cloud-init keeps what is an instance's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

JAIL = "srv/jail"
_INSTANCE_ID = "i-0123456789abcdef0"
INSTANCE = f"var/lib/cloud/instances/{_INSTANCE_ID}"
_THIS_INSTANCE = {"var/lib/cloud/instance": f"instances/{_INSTANCE_ID}"}
_UNITS = "etc/systemd/system"
_UNIT = "[Unit]\nDescription=Example\n\n[Service]\nType=oneshot\nExecStart={command}\n"
_ENABLED = "\n[Install]\nWantedBy=multi-user.target\n"
_AT_BOOT = {f"{_UNITS}/multi-user.target.wants/{{name}}.service": f"/{_UNITS}/{{name}}.service"}
# What cloud-init leaves once it has run what is run once for an instance.
_HAS_RUN = "1042: 1764390000.0\n"


@dataclass(frozen=True)
class Start:
    """`script` is where a script of it lies, `files` are texts by path, `links` where links by path lead. `once`: it has been
    started, and is not started again on this host.
    """

    script: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    once: bool = False

    def laid(self, name: str, command: str, script: str) -> tuple[dict[str, str], dict[str, str]]:
        """Texts and links by path for a program of this name; `script` is the text of a script that is it or starts it."""
        words = {"name": name, "command": command, "script": script, "instance": INSTANCE}
        files = {path.format(**words): text.format(**words) for path, text in self.files.items()}
        if self.script:
            files[self.script_of(name)] = script
        return files, {path.format(**words): target.format(**words) for path, target in self.links.items()}

    def script_of(self, name: str) -> str:
        """Where the script lies, empty where the kind has none."""
        return self.script.format(name=name, instance=INSTANCE)


STARTS: Mapping[str, Start] = {
    "cron": Start(files={"etc/cron.d/{name}": "17 3 * * * root {command} >/dev/null\n"}),
    "cron-chroot": Start(
        files={"etc/cron.d/{name}": f"17 3 * * * root /usr/sbin/chroot /{JAIL} {{command}} >/dev/null\n"}
    ),
    "crontab": Start(files={"etc/crontab": "SHELL=/bin/sh\n17 3 * * * root {command} >/dev/null\n"}),
    "crontab-user": Start(files={"var/spool/cron/crontabs/root": "@daily {command} >/dev/null\n"}),
    "cron.daily": Start("etc/cron.daily/{name}"),
    "cron.monthly": Start("etc/cron.monthly/{name}"),
    "anacron": Start(files={"etc/anacrontab": "SHELL=/bin/sh\n7 10 {name} {command}\n"}),
    "timer": Start(
        files={
            f"{_UNITS}/{{name}}.service": _UNIT,
            f"{_UNITS}/{{name}}.timer": "[Timer]\nOnCalendar=monthly\n\n[Install]\nWantedBy=timers.target\n",
        },
        links={f"{_UNITS}/timers.target.wants/{{name}}.timer": f"/{_UNITS}/{{name}}.timer"},
    ),
    "unit": Start(files={f"{_UNITS}/{{name}}.service": _UNIT + _ENABLED}, links=_AT_BOOT),
    "unit-drop-in": Start(
        files={
            f"{_UNITS}/{{name}}.service": _UNIT.replace("{command}", "/bin/true") + _ENABLED,
            f"{_UNITS}/{{name}}.service.d/10-first.conf": "[Service]\nExecStartPre={command}\n",
        },
        links=_AT_BOOT,
    ),
    "rc.local": Start("etc/rc.local"),
    "init.d": Start("etc/init.d/{name}", links={"etc/rc3.d/S01{name}": "../init.d/{name}"}),
    "per-boot": Start("var/lib/cloud/scripts/per-boot/{name}"),
    "bootcmd": Start(files={"etc/cloud/cloud.cfg.d/99-{name}.cfg": "bootcmd:\n  - {command}\n"}),
    "boothook": Start(
        "{instance}/boothooks/part-001",
        {"{instance}/user-data.txt": "#cloud-boothook\n{script}"},
        _THIS_INSTANCE,
    ),
    "profile.d": Start("etc/profile.d/{name}.sh"),
    "dispatcher": Start("etc/NetworkManager/dispatcher.d/50-{name}"),
    "dhclient": Start("etc/dhcp/dhclient-exit-hooks.d/{name}"),
    "per-instance": Start(
        "var/lib/cloud/scripts/per-instance/{name}",
        {"{instance}/sem/config_scripts_per_instance": _HAS_RUN},
        _THIS_INSTANCE,
        once=True,
    ),
    "user-data": Start(
        "{instance}/scripts/part-001",
        {"{instance}/user-data.txt": "{script}", "{instance}/sem/config_scripts_user": _HAS_RUN},
        _THIS_INSTANCE,
        once=True,
    ),
}
