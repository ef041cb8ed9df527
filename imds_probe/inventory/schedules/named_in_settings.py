"""Programs that settings of other software name, and directories of scripts of such: monitoring, logins, deployments, at.

Settings are of many languages. What they have in common is that a program stands there by its full path: the files that there are,
and that are no part of the system, will be run. Of a command in the text itself, the line is read. Source: the manuals of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.accounts import accounts
from imds_probe.inventory.schedules.scheduled import AT_BOOT, AT_LOGIN, Kind, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

FILES_MAX, HOMES_MAX, LINE_MAX, NAMED_MAX = 100, 50, 2000, 200
SHELL = "/bin/sh"
_OF_THE_SYSTEM = re.compile(r"/(?:(?:usr/)?(?:s?bin|lib(?:exec|32|64|x32)?)|dev|proc|sys|run|tmp|boot)/")
_PATH = re.compile(r"(?<![\w./~$}-])/[\w.+@-]{1,100}(?:/[\w.+@-]{1,100}){1,20}")
_COMMAND = re.compile(r"(?:/[\w./-]{1,200}/)?(?:(?:ba|da)?sh|curl|wget|python[\d.]{0,5}|perl)\s[^\n]{0,2000}")
_SERVICE = re.compile(r"169\.254\.169\.254|fd00:ec2::254|\binstance-data\b")


@dataclass(frozen=True)
class Settings:
    """Files, or those of directories whose names end so. Where `words` are given, only lines that have one of them count."""

    when: str
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    ending: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scripts:
    """Directories all whose scripts are run. `plain`: by a shell, executable or not."""

    when: str
    directories: tuple[str, ...]
    plain: bool = False


_ZABBIX, _NRPE = "/etc/zabbix", "/etc/nagios"
SETTINGS = (
    Settings(
        "whenever NRPE is asked",
        (f"{_NRPE}/nrpe.cfg", "/etc/nrpe.cfg"),
        (f"{_NRPE}/nrpe.d", "/etc/nrpe.d"),
        ".cfg",
        ("command",),
    ),
    Settings(
        "whenever Zabbix asks",
        (f"{_ZABBIX}/zabbix_agentd.conf", f"{_ZABBIX}/zabbix_agent2.conf"),
        (f"{_ZABBIX}/zabbix_agentd.d", f"{_ZABBIX}/zabbix_agentd.conf.d", f"{_ZABBIX}/zabbix_agent2.d"),
        ".conf",
        ("UserParameter",),
    ),
    Settings(
        "whenever collectd collects",
        ("/etc/collectd.conf", "/etc/collectd/collectd.conf"),
        ("/etc/collectd.d", "/etc/collectd/collectd.conf.d"),
        ".conf",
        ("Exec",),
    ),
    Settings("whenever Telegraf collects", ("/etc/telegraf/telegraf.conf",), ("/etc/telegraf/telegraf.d",), ".conf"),
    Settings("whenever Sensu checks", (), ("/etc/sensu/conf.d",), ".json", ("command",)),
    Settings("whenever Consul checks", (), ("/etc/consul.d", "/etc/consul"), "", ("args", "script", "command")),
    Settings("whenever snmpd is asked", ("/etc/snmp/snmpd.conf",), ("/etc/snmp/snmpd.conf.d",), "", ("extend", "exec", "pass")),
    Settings("when keepalived changes its state", ("/etc/keepalived/keepalived.conf",), ("/etc/keepalived/conf.d",)),
    Settings(AT_LOGIN, ("/etc/ssh/sshd_config",), ("/etc/ssh/sshd_config.d",), "", ("Command",)),
    Settings(AT_LOGIN, (), ("/etc/pam.d",), "", ("pam_exec",)),
    Settings("when logs are rotated", ("/etc/logrotate.conf",), ("/etc/logrotate.d",)),
    Settings("when a device comes or goes", (), ("/etc/udev/rules.d",), ".rules", ("RUN", "PROGRAM", "IMPORT")),
    Settings(
        "when supervisor starts it",
        ("/etc/supervisord.conf",),
        ("/etc/supervisor/conf.d", "/etc/supervisord.d"),
        words=("command",),
    ),
    Settings("whenever monit checks", ("/etc/monitrc",), ("/etc/monit/conf.d", "/etc/monit/conf-enabled", "/etc/monit.d")),
    Settings("when a file changes", (), ("/var/spool/incron", "/etc/incron.d")),
    Settings("when packages are installed", (), ("/etc/apt/apt.conf.d",), "", ("Invoke", "Pkgs")),
    Settings("when the power changes", (), ("/etc/acpi/events",), "", ("action",)),
    Settings("at each connection", ("/etc/inetd.conf",), ("/etc/xinetd.d",)),
    Settings("when a log line comes", ("/etc/rsyslog.conf",), ("/etc/rsyslog.d",), ".conf", ("binary", "omprog", "^")),
    Settings("when mail comes", ("/etc/aliases", "/etc/mail/aliases")),
    Settings("when fail2ban acts", (), ("/etc/fail2ban/action.d",), "", ("action",)),
    Settings(AT_BOOT, ("/etc/inittab",), ("/etc/init",), ".conf"),
    Settings("when an address comes", ("/etc/dhcp/dhclient.conf", "/etc/dhclient.conf"), (), "", ("script",)),
    Settings("when a user's systemd starts it", (), ("/etc/systemd/user", "~/.config/systemd/user"), ".service", ("Exec",)),
)  # fmt: skip
_EB, _PLATFORM = "/opt/elasticbeanstalk/hooks", "/var/app/current/.platform"
_EB_STAGES = ("preinit", "appdeploy", "configdeploy", "restartappserver", "postinit")
_PLATFORM_STAGES = ("prebuild", "predeploy", "postdeploy")
SCRIPTS = (
    Scripts("once, by at", ("/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"), plain=True),
    Scripts(AT_BOOT, ("/etc/systemd/system-generators", "/usr/local/lib/systemd/system-generators", "/etc/cont-init.d")),
    Scripts("when the system sleeps", ("/etc/systemd/system-sleep", "/usr/lib/systemd/system-sleep")),
    Scripts("at each shutdown", ("/etc/systemd/system-shutdown", "/usr/lib/systemd/system-shutdown")),
    Scripts("when a kernel is installed", ("/etc/kernel/postinst.d", "/etc/kernel/postrm.d")),
    Scripts(
        "at each deployment",
        (
            *(f"{_EB}/{stage}/{part}" for stage in _EB_STAGES for part in ("pre", "enact", "post")),
            *(f"{_PLATFORM}/{hooks}/{part}" for hooks in ("hooks", "confighooks") for part in _PLATFORM_STAGES),
        ),
    ),
)  # fmt: skip


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each program once for each line that names it."""
    for scripts in SCRIPTS:
        for directory in scripts.directories:
            named = [f"{directory}/{name}" for name in files.names(directory) if not name.startswith(".")]
            for path in files.files(named[:FILES_MAX], executable=not scripts.plain):
                yield _started((SHELL, path) if scripts.plain else (path,), Place(path), scripts.when)
    homes = [account.home for account in list(accounts(files).values())[:HOMES_MAX]]
    for settings in SETTINGS:
        for path in files.files(_paths(settings, files, homes)):
            yield from _named(settings, path, files)


def _paths(settings: Settings, files: SystemFiles, homes: list[str]) -> list[str]:
    found = list(settings.files)
    for named in settings.directories:
        for directory in [f"{home}{named[1:]}" for home in homes] if named.startswith("~") else [named]:
            there = (
                name for name in files.names(directory) if name.endswith(settings.ending) and not name.startswith(".")
            )
            found += [f"{directory}/{name}" for name in there][:FILES_MAX]
    return found


def _named(settings: Settings, path: str, files: SystemFiles) -> Iterator[Scheduled]:
    lines = [(number, line[:LINE_MAX]) for number, line in enumerate(files.lines(path), 1) if _counts(line, settings)]
    named = [(number, each) for number, line in lines for each in _PATH.findall(line) if not _OF_THE_SYSTEM.match(each)]
    there = set(files.files(list(dict.fromkeys(each for _, each in named))[:NAMED_MAX], executable=True))
    for number, each in named:
        if each in there:
            yield _started((each,), Place(path, number), settings.when)
    for number, line in lines:
        if _SERVICE.search(line) and (command := _COMMAND.search(line)):
            yield _started(command[0], Place(path, number), settings.when)


def _counts(line: str, settings: Settings) -> bool:
    bare = line.strip()
    if not bare or bare.startswith(("#", ";", "//")):
        return False
    return not settings.words or any(word in bare for word in settings.words)


def _started(command: tuple[str, ...] | str, place: Place, when: str) -> Scheduled:
    kind: Kind = "boot" if when == AT_BOOT else "login" if when == AT_LOGIN else "scheduled"
    return Scheduled(command, place, kind, when, environment={"PATH": PATH})
