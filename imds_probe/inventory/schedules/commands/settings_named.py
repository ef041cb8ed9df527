"""Files of settings that a command line names: what they start is started as by those in the usual places."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

from imds_probe.dataclass import dataclass

WORDS_LOOKED_AT = 60
CRONTAB, CRONTABS = "a crontab", "crontabs"  # of cron for containers, and of BusyBox's
ANACRONTAB = "a table of anacron"

PROVIDERS = "whenever kubelet pulls an image"  # programs of a directory, all of which kubelet may start


@dataclass(frozen=True)
class NamedSettings:
    """`what` as of Settings, or one of those above; `path` as it was written, and `within` where the directory's files count."""

    what: str
    path: str
    within: bool = False


@dataclass(frozen=True)
class _Options:
    """`files` and `directories` are options whose value is one, `valued` others that have a value in the next word. `named`: each
    other word is a file. `variables` are of the environment, with the paths of files. `beside` are files in the directory where it
    runs, or in that of the option -C, if it is told one of the words `to`. `more` are other settings, which it has as well.
    """

    what: str
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    valued: tuple[str, ...] = ()
    named: bool = False
    variables: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    more: tuple[_Options, ...] = ()


_NGINX = _Options("nginx", ("-c",), valued=("-p", "-g", "-e", "-s"))
_APACHE = _Options("Apache", ("-f",), valued=("-D", "-d", "-k", "-c", "-C", "-E"))
_ZABBIX = _Options("Zabbix", ("-c", "--config"))
_FLUENTD = _Options("Fluentd", ("-c", "--config"))
_KUBERNETES = _Options("Kubernetes", ("--kubeconfig", "--bootstrap-kubeconfig"), variables=("KUBECONFIG",))
_IMAGES = _Options(PROVIDERS, (), ("--image-credential-provider-bin-dir",))
_DOCKER = _Options("a registry", (), ("--config",), variables=("DOCKER_CONFIG",))
_PODMAN = _Options("a registry", ("--authfile",), variables=("REGISTRY_AUTH_FILE",))
_REMOTE = ("pull", "fetch", "clone", "push", "remote", "submodule", "ls-remote", "archive", "lfs")
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
    "vector": _Options(
        "Vector", ("-c", "--config", "--config-toml", "--config-yaml", "--config-json"), ("-C", "--config-dir")
    ),
    **dict.fromkeys(("fluent-bit", "td-agent-bit"), _Options("Fluent Bit", ("-c", "--config"))),
    "gitlab-runner": _Options("GitLab Runner", ("-c", "--config")),
    "consul-template": _Options("consul-template", ("-config", "--config")),
    "vault": _Options("Vault", ("-config", "--config")),
    "orchestrator": _Options("Orchestrator", ("-config", "--config")),
    "logstash": _Options("Logstash", ("-f", "--path.config")),
    "maxscale": _Options("MaxScale", ("-f", "--config")),
    "openvpn": _Options("OpenVPN", ("--config",)),
    "dhclient": _Options("dhclient", ("-cf",)),
    "certbot": _Options("certbot", ("-c", "--config")),
    **dict.fromkeys(("kubectl", "helm", "kubeadm"), _KUBERNETES),
    "kubelet": replace(_KUBERNETES, more=(_IMAGES,)),
    **dict.fromkeys(("docker", "nerdctl"), _DOCKER),
    **dict.fromkeys(("podman", "buildah", "skopeo"), _PODMAN),
    "git": _Options("git", variables=("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"), beside=(".git/config",), to=_REMOTE),
    "supercronic": _Options(CRONTAB, valued=("-prometheus-listen-address", "-sentry-dsn", "-sentryDsn"), named=True),
    "anacron": _Options(ANACRONTAB, ("-t",), valued=("-S",)),
    "crond": _Options(CRONTABS, (), ("-c",), ("-l", "-d", "-L", "-m", "-x")),
}


def settings_named(
    program: str, arguments: Sequence[str | None], environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[NamedSettings]:
    """Those that a program of this name is given. A script may stand behind its interpreter."""
    options = KNOWN.get(program)
    if options is None:
        first = posixpath.basename(arguments[0] or "") if arguments else ""
        starts = program.startswith(("python", "ruby")) or program == "busybox"
        options, arguments = (KNOWN.get(first) if starts else None), arguments[1:]
    for each in (options, *options.more) if options is not None else ():
        yield from _given(each, arguments)
        for name in each.variables:
            paths = environment.get(name, "").split(":")
            yield from (NamedSettings(each.what, path, bool(each.directories)) for path in paths if path)
        some = arguments[:WORDS_LOOKED_AT]
        for name in each.beside if any(word in each.to for word in some) else ():
            where = next((value for option, value in pairwise(some) if option == "-C"), "")
            yield NamedSettings(each.what, posixpath.join(where or "", name))


def _given(options: _Options, arguments: Sequence[str | None]) -> Iterator[NamedSettings]:
    at = 0
    while at < min(len(arguments), WORDS_LOOKED_AT):
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
