"""Files of settings that a command line names: what they start is started as by those in the usual places."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass

WORDS_LOOKED_AT = 60
CRONTAB, CRONTABS = "a crontab", "crontabs"  # of cron for containers, and of BusyBox's


@dataclass(frozen=True)
class NamedSettings:
    """`what` as of Settings, or one of the two above; `path` as it was written, and `within` where the directory's files count."""

    what: str
    path: str
    within: bool = False


@dataclass(frozen=True)
class _Options:
    """`files` and `directories` are options whose value is one, `valued` others that have a value in the next word. `named`: each
    other word is a file.
    """

    what: str
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    valued: tuple[str, ...] = ()
    named: bool = False


_NGINX = _Options("nginx", ("-c",), valued=("-p", "-g", "-e", "-s"))
_APACHE = _Options("Apache", ("-f",), valued=("-D", "-d", "-k", "-c", "-C", "-E"))
_ZABBIX = _Options("Zabbix", ("-c", "--config"))
_FLUENTD = _Options("Fluentd", ("-c", "--config"))
KNOWN: Mapping[str, _Options] = {
    "supervisord": _Options("supervisor", ("-c", "--configuration")),
    "telegraf": _Options("Telegraf", ("--config", "-config"), ("--config-directory", "-config-directory")),
    "logrotate": _Options("logrotate", valued=("-s", "--state", "-l", "--log", "-m", "--mail"), named=True),
    **dict.fromkeys(("nginx", "openresty", "angie"), _NGINX),
    **dict.fromkeys(("apache2", "httpd"), _APACHE),
    "haproxy": _Options("HAProxy", ("-f",)),
    "collectd": _Options("collectd", ("-C",)),
    **dict.fromkeys(("zabbix_agentd", "zabbix_agent2", "zabbix_agent"), _ZABBIX),
    "nrpe": _Options("NRPE", ("-c", "--config")),
    "monit": _Options("monit", ("-c",)),
    "keepalived": _Options("keepalived", ("-f", "--use-file")),
    "snmpd": _Options("snmpd", ("-c",)),
    "sshd": _Options("sshd", ("-f",)),
    "rsyslogd": _Options("rsyslog", ("-f",)),
    "squid": _Options("squid", ("-f",)),
    "lighttpd": _Options("lighttpd", ("-f",)),
    "dnsmasq": _Options("dnsmasq", ("-C", "--conf-file"), ("-7", "--conf-dir")),
    "consul": _Options("Consul", ("-config-file", "--config-file"), ("-config-dir", "--config-dir")),
    **dict.fromkeys(("sensu-client", "sensu-agent"), _Options("Sensu", ("-c", "--config"), ("-d", "--config_dir"))),
    **dict.fromkeys(("fluentd", "td-agent"), _FLUENTD),
    **dict.fromkeys(("postgres", "postmaster", "pg_ctl"), _Options("PostgreSQL", directories=("-D", "--pgdata"))),
    "openvpn": _Options("OpenVPN", ("--config",)),
    "dhclient": _Options("dhclient", ("-cf",)),
    "certbot": _Options("certbot", ("-c", "--config")),
    "supercronic": _Options(CRONTAB, valued=("-prometheus-listen-address", "-sentry-dsn", "-sentryDsn"), named=True),
    "crond": _Options(CRONTABS, (), ("-c",), ("-l", "-d", "-L", "-m", "-x")),
}


def settings_named(program: str, arguments: Sequence[str | None]) -> Iterator[NamedSettings]:
    """Those that a program of this name is given. A script may stand behind its interpreter."""
    options = KNOWN.get(program)
    if options is None:
        first = posixpath.basename(arguments[0] or "") if arguments else ""
        starts = program.startswith(("python", "ruby")) or program == "busybox"
        options, arguments = (KNOWN.get(first) if starts else None), arguments[1:]
    at = 0
    while options is not None and at < min(len(arguments), WORDS_LOOKED_AT):
        word = arguments[at] or ""
        option, sign, value = word.partition("=")
        known = (*options.files, *options.directories)
        short = next((each for each in known if len(each) == 2 and word.startswith(each) and word != each), "")
        if short and not word.startswith("--") and option not in known:
            option, sign, value = short, "=", word[2:].removeprefix("=")
        at += 1
        if option in known or option in options.valued:
            if not sign:
                value, at = (arguments[at] or "") if at < len(arguments) else "", at + 1
        elif options.named and word and not word.startswith("-"):
            value = word
        else:
            continue
        if value and "://" not in value and option not in options.valued:
            yield NamedSettings(options.what, value, option in options.directories)
