"""The software whose settings name commands: its files, the names that it reads, and when it runs what they name.

Also directories of scripts that are all run. Source: the manuals of each.
"""

from __future__ import annotations

import re

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules import settings_commands as by_line
from imds_probe.inventory.schedules import settings_texts as by_text
from imds_probe.inventory.schedules.scheduled import AT_BOOT, AT_LOGIN
from imds_probe.inventory.schedules.settings_commands import Language

_PLAIN_NAME = re.compile(r"[\w-]{1,250}")
_APT_NAME = re.compile(r"[\w-]{1,250}|[\w.-]{1,250}\.conf")
ANY_NAME = re.compile(r"[^.].{0,254}", re.DOTALL)
_CONF, _CFG, _RULES, _JSON, _HCL = (
    re.compile(rf"[^.].{{0,240}}\.{ending}", re.DOTALL) for ending in ("conf", "cfg", "rules", "json", "(?:json|hcl)")
)
_SUPERVISED = re.compile(r"[^.].{0,240}\.(?:ini|conf)", re.DOTALL)


@dataclass(frozen=True)
class Settings:
    """Files, or those of directories that are called so. `software` are programs of which one reads them; none: always read.
    `include` is the key by which a file names more of them. `of_others`: other packages put files there for the case that it is
    installed.
    """

    what: str
    when: str
    commands: Language
    software: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    names: re.Pattern[str] = ANY_NAME
    include: tuple[str, ...] = ()
    of_others: bool = False


@dataclass(frozen=True)
class Scripts:
    """Directories all whose scripts are run. `plain`: by a shell, executable or not."""

    when: str
    directories: tuple[str, ...]
    plain: bool = False


_ZABBIX, _NRPE = "/etc/zabbix", "/etc/nagios"
SETTINGS = (
    Settings(
        "NRPE",
        "whenever NRPE is asked",
        by_line.nrpe,
        ("nrpe",),
        (f"{_NRPE}/nrpe.cfg", "/etc/nrpe.cfg", "/usr/local/nagios/etc/nrpe.cfg"),
        (f"{_NRPE}/nrpe.d", "/etc/nrpe.d"),
        _CFG,
        ("include", "include_file", "include_dir"),
    ),
    Settings(
        "Zabbix",
        "whenever Zabbix asks",
        by_line.zabbix,
        ("zabbix_agentd", "zabbix_agent2", "zabbix_agent"),
        (f"{_ZABBIX}/zabbix_agentd.conf", f"{_ZABBIX}/zabbix_agent2.conf"),
        (f"{_ZABBIX}/zabbix_agentd.d", f"{_ZABBIX}/zabbix_agentd.conf.d", f"{_ZABBIX}/zabbix_agent2.d"),
        _CONF,
        ("Include",),
    ),
    Settings(
        "collectd",
        "whenever collectd collects",
        by_line.collectd,
        ("collectd", "collectdmon"),
        ("/etc/collectd.conf", "/etc/collectd/collectd.conf"),
        ("/etc/collectd.d", "/etc/collectd/collectd.conf.d"),
        _CONF,
    ),
    Settings(
        "Telegraf",
        "whenever Telegraf collects",
        by_text.listed,
        ("telegraf",),
        ("/etc/telegraf/telegraf.conf",),
        ("/etc/telegraf/telegraf.d",),
        _CONF,
    ),
    Settings(
        "Sensu", "whenever Sensu checks", by_text.listed, ("sensu-client", "sensu-agent"), (), ("/etc/sensu/conf.d",), _JSON
    ),
    Settings("Consul", "whenever Consul checks", by_text.listed, ("consul",), (), ("/etc/consul.d", "/etc/consul"), _HCL),
    Settings(
        "snmpd",
        "whenever snmpd is asked",
        by_line.snmpd,
        ("snmpd",),
        ("/etc/snmp/snmpd.conf",),
        ("/etc/snmp/snmpd.conf.d",),
        _CONF,
    ),
    Settings(
        "keepalived",
        "when keepalived changes its state",
        by_line.keepalived,
        ("keepalived",),
        ("/etc/keepalived/keepalived.conf",),
        ("/etc/keepalived/conf.d",),
        include=("include",),
    ),
    Settings("sshd", AT_LOGIN, by_line.sshd, ("sshd",), ("/etc/ssh/sshd_config",), ("/etc/ssh/sshd_config.d",), _CONF),
    Settings("PAM", AT_LOGIN, by_line.pam, (), (), ("/etc/pam.d",)),
    Settings(
        "logrotate",
        "when logs are rotated",
        by_line.logrotate,
        ("logrotate",),
        ("/etc/logrotate.conf",),
        ("/etc/logrotate.d",),
        of_others=True,
    ),
    Settings(
        "udev",
        "when a device comes or goes",
        by_line.udev,
        ("udevadm", "udevd"),
        (),
        ("/etc/udev/rules.d",),
        _RULES,
        of_others=True,
    ),
    Settings(
        "supervisor",
        "when supervisor starts it",
        by_line.supervisor,
        ("supervisord",),
        ("/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"),
        ("/etc/supervisor/conf.d", "/etc/supervisord.d"),
        _SUPERVISED,
        ("files",),
    ),
    Settings(
        "monit",
        "whenever monit checks",
        by_text.monit,
        ("monit",),
        ("/etc/monitrc", "/etc/monit/monitrc"),
        ("/etc/monit/conf.d", "/etc/monit/conf-enabled", "/etc/monit.d"),
        include=("include",),
    ),
    Settings("incron", "when a file changes", by_line.incron, ("incrond",), (), ("/var/spool/incron", "/etc/incron.d")),
    Settings(
        "apt", "when packages are installed", by_text.apt, ("apt-get",), (), ("/etc/apt/apt.conf.d",), _APT_NAME, of_others=True
    ),
    Settings(
        "acpid",
        "when the power changes",
        by_line.acpi,
        ("acpid",),
        (),
        ("/etc/acpi/events",),
        _PLAIN_NAME,
        of_others=True,
    ),
    Settings("inetd", "at each connection", by_line.inetd, ("inetd", "inetutils-inetd"), ("/etc/inetd.conf",)),
    Settings(
        "xinetd", "at each connection", by_line.xinetd, ("xinetd",), (), ("/etc/xinetd.d",), _PLAIN_NAME, of_others=True
    ),
    Settings(
        "rsyslog",
        "when a log line comes",
        by_line.rsyslog,
        ("rsyslogd",),
        ("/etc/rsyslog.conf",),
        ("/etc/rsyslog.d",),
        _CONF,
        of_others=True,
    ),
    Settings("a mail server", "when mail comes", by_line.aliases, (), ("/etc/aliases", "/etc/mail/aliases")),
    Settings(
        "dhclient",
        "when an address comes",
        by_line.dhclient,
        ("dhclient",),
        ("/etc/dhcp/dhclient.conf", "/etc/dhclient.conf"),
    ),
)  # fmt: skip
INITTAB = Settings("init", AT_BOOT, by_line.inittab, (), ("/etc/inittab",))
UPSTART = Settings("upstart", AT_BOOT, by_line.upstart, (), (), ("/etc/init",), _CONF)
FAIL2BAN = Settings("fail2ban", "when fail2ban acts", by_line.fail2ban, ("fail2ban-server",), of_others=True)
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
