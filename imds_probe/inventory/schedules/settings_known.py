"""The software whose settings name commands: its files, the names that it reads, and when it runs what they name.

Also directories of scripts that are all run. Source: the manuals of each.
"""

from __future__ import annotations

import re

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules import settings_agents as by_agent
from imds_probe.inventory.schedules import settings_commands as by_line
from imds_probe.inventory.schedules import settings_credentials as by_credentials
from imds_probe.inventory.schedules import settings_expanded as by_expanded
from imds_probe.inventory.schedules import settings_jobs as by_job
from imds_probe.inventory.schedules import settings_servers as by_server
from imds_probe.inventory.schedules import settings_texts as by_text
from imds_probe.inventory.schedules.commands.settings_named import PROVIDERS
from imds_probe.inventory.schedules.scheduled import AT_BOOT, AT_LOGIN, AT_START
from imds_probe.inventory.schedules.settings_commands import Language

_PLAIN_NAME = re.compile(r"[\w-]{1,250}")
_APT_NAME = re.compile(r"[\w-]{1,250}|[\w.-]{1,250}\.conf")
ANY_NAME = re.compile(r"[^.].{0,254}", re.DOTALL)


def _of_ends(*ends: str) -> re.Pattern[str]:
    return re.compile(rf"[^.].{{0,240}}\.(?:{'|'.join(ends)})", re.DOTALL)


_CONF, _CFG, _RULES, _JSON, _HCL = map(_of_ends, ("conf", "cfg", "rules", "json", "(?:json|hcl)"))
_RUBY, _PYTHON, _FACT, _PLUGIN = map(_of_ends, ("rb", "py", "fact", "plugin"))
_HOOK = re.compile(r"[\w-]{1,250}(?:\.sh|\.bash)?")
_SUPERVISED = re.compile(r"[^.].{0,240}\.(?:ini|conf)", re.DOTALL)
_SOURCES = re.compile(r"[\w.-]{1,240}\.(?:list|sources)")
_REGISTRY = re.compile(r"config\.json|[^.].{0,240}\.conf", re.DOTALL)
_YAML = re.compile(r"[^.].{0,240}\.ya?ml", re.DOTALL)


@dataclass(frozen=True)
class Settings:
    """Files, or those of directories that are called so. `software` are programs of which one reads them; none: always read.
    `include` is the key by which a file names more of them. `of_others`: other packages put files there for the case that it is
    installed. `at_home` are files of each account, by their paths in its home directory.
    `loaded_by`: programs of which one loads each file as its own settings. `run_by`: other programs that read them, of which one
    runs in a container where they count.
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
    at_home: tuple[str, ...] = ()
    loaded_by: tuple[str, ...] = ()
    run_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scripts:
    """Directories all whose scripts are run. `plain`: by a shell, executable or not. `reads`: the software itself loads and runs
    them. `names` and `software` as of Settings; a program with a path is looked for there. `switches` are directories with a file
    for each that may turn it off. `imports`: those that use an AWS SDK run by the first of these interpreters.
    """

    when: str
    directories: tuple[str, ...]
    plain: bool = False
    software: tuple[str, ...] = ()
    reads: bool = False
    names: re.Pattern[str] = ANY_NAME
    switches: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


BY_SUPERVISOR = "when supervisor starts it"
_S6 = ("s6-svscan", "/command/s6-svscan")
_OPENRESTY, _NGINX, _APACHE = "/usr/local/openresty/nginx/conf", "/usr/local/nginx/conf", ("apache2", "httpd")
_CLUSTER = ("admin", "bootstrap-kubelet", "controller-manager", "kubelet", "scheduler")
_SPLUNK = {
    "../../..": tuple(
        f"{apps}/*/{each}" for apps in ("apps", "peer-apps", "slave-apps") for each in ("local", "default")
    ),
    "../..": ("system/local",),
}  # where the application's directory is, below Splunk's own
_OSSEC = "/var/ossec"
_ZABBIX, _NRPE = "/etc/zabbix", "/etc/nagios"
_POSTGRESQL = ("postgresql.conf", "postgresql.auto.conf")  # the second is what ALTER SYSTEM writes
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
        by_agent.collectd,
        ("collectd", "collectdmon"),
        ("/etc/collectd.conf", "/etc/collectd/collectd.conf"),
        ("/etc/collectd.d", "/etc/collectd/collectd.conf.d"),
        _CONF,
    ),
    Settings(
        "Telegraf",
        "whenever Telegraf collects",
        by_text.telegraf,
        ("telegraf",),
        ("/etc/telegraf/telegraf.conf",),
        ("/etc/telegraf/telegraf.d",),
        _CONF,
    ),
    Settings(
        "Sensu",
        "whenever Sensu checks",
        by_text.listed,
        ("sensu-client", "sensu-agent"),
        (),
        ("/etc/sensu/conf.d", "/etc/sensu/conf.d/*"),
        _JSON,
    ),
    Settings("Consul", "whenever Consul checks", by_text.consul, ("consul",), (), ("/etc/consul.d", "/etc/consul"), _HCL),
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
        by_expanded.keepalived,
        ("keepalived",),
        ("/etc/keepalived/keepalived.conf", "/usr/local/etc/keepalived/keepalived.conf"),
        ("/etc/keepalived/conf.d",),
        include=("include", "includer", "includem", "includew", "includeb"),
    ),
    Settings(
        "APT",
        "whenever APT loads packages",
        by_line.apt_sources,
        ("apt-get",),
        ("/etc/apt/sources.list",),
        ("/etc/apt/sources.list.d",),
        _SOURCES,
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
        BY_SUPERVISOR,
        by_expanded.supervisor,
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
        ("/etc/monitrc", "/etc/monit/monitrc", "/etc/monit.conf"),
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
    Settings(
        "nginx",
        "at each request",
        by_server.nginx,
        ("nginx", "openresty", "angie"),
        ("/etc/nginx/nginx.conf", f"{_OPENRESTY}/nginx.conf", f"{_NGINX}/nginx.conf"),
        ("/etc/nginx/conf.d", "/etc/nginx/sites-enabled", "/etc/nginx/default.d", f"{_OPENRESTY}/conf.d", f"{_NGINX}/conf.d"),
    ),
    Settings(
        "Apache",
        "at each request",
        by_server.apache,
        _APACHE,
        ("/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf"),
        ("/etc/apache2/sites-enabled", "/etc/apache2/conf-enabled", "/etc/apache2/vhosts.d", "/etc/httpd/conf.d"),
        _CONF,
    ),
    Settings(
        "HAProxy",
        "while HAProxy runs",
        by_server.haproxy,
        ("haproxy",),
        ("/etc/haproxy/haproxy.cfg",),
        ("/etc/haproxy/conf.d",),
        _CFG,
    ),
    Settings(
        "lighttpd",
        "at each request",
        by_server.lighttpd,
        ("lighttpd",),
        ("/etc/lighttpd/lighttpd.conf",),
        ("/etc/lighttpd/conf-enabled", "/etc/lighttpd/conf.d"),
        _CONF,
    ),
    Settings("WireGuard", "when the tunnel goes up or down", by_line.wireguard, ("wg-quick", "wg"), (), ("/etc/wireguard",), _CONF),
    Settings(
        "OpenVPN",
        "when the tunnel goes up or down",
        by_line.openvpn,
        ("openvpn",),
        (),
        ("/etc/openvpn", "/etc/openvpn/client", "/etc/openvpn/server"),
        _CONF,
    ),
    Settings("strongSwan", "when the tunnel goes up or down", by_line.strongswan, ("ipsec", "swanctl"), ("/etc/ipsec.conf",),
             ("/etc/ipsec.d", "/etc/swanctl/conf.d"), _CONF),
    Settings("squid", "while squid runs", by_line.squid, ("squid",), ("/etc/squid/squid.conf",), ("/etc/squid/conf.d",), _CONF),
    Settings("dnsmasq", "when an address is leased", by_line.dnsmasq, ("dnsmasq",), ("/etc/dnsmasq.conf",), ("/etc/dnsmasq.d",)),
    Settings("PostgreSQL", "when a log is archived", by_line.postgresql, (),
             tuple(f"/var/lib/{each}/data/{name}" for each in ("pgsql", "postgresql") for name in _POSTGRESQL),
             ("/etc/postgresql/*/main", "/etc/postgresql/*/main/conf.d", "/var/lib/postgresql/*/main", "/var/lib/pgsql/*/data"),
             _CONF, run_by=("postgres", "postmaster")),
    Settings("certbot", "when a certificate is renewed", by_line.certbot, ("certbot",), ("/etc/letsencrypt/cli.ini",),
             ("/etc/letsencrypt/renewal",), _CONF),
    Settings("uWSGI", "when uWSGI starts", by_line.uwsgi, (), (), ("/etc/uwsgi/apps-enabled", "/etc/uwsgi.d", "/etc/uwsgi/vassals"),
             _SUPERVISED, loaded_by=("uwsgi", "uwsgi-core")),
    Settings("s6", AT_BOOT, by_line.execline, _S6, (), ("/etc/s6-overlay/s6-rc.d/*",), re.compile(r"up|down")),
    Settings("NUT", "when the power changes", by_line.nut, ("upsmon",), ("/etc/nut/upsmon.conf",)),
    Settings("Nagios", "whenever Nagios checks", by_line.nagios, ("nagios", "nagios4", "icinga"), (),
             ("/etc/nagios/objects", "/etc/nagios4/objects", "/etc/nagios/conf.d", "/etc/nagios4/conf.d",
              "/usr/local/nagios/etc/objects"), _CFG),
    Settings("Fluentd", "whenever Fluentd collects", by_line.fluentd, ("td-agent", "fluentd", "fluent-package"),
             ("/etc/td-agent/td-agent.conf", "/etc/fluent/fluentd.conf"), ("/etc/td-agent/conf.d",), _CONF),
    Settings("cfn-hup", "when the CloudFormation stack changes", by_line.cfn_hup, ("cfn-hup",), ("/etc/cfn/hooks.conf",),
             ("/etc/cfn/hooks.d",), _CONF),
    Settings("Redis Sentinel", "when Redis fails over", by_job.sentinel,
             ("redis-sentinel", "redis-server", "valkey-sentinel", "valkey-server"),
             ("/etc/redis-sentinel.conf", "/etc/sentinel.conf"), ("/etc/redis", "/etc/redis/sentinel", "/etc/valkey"), _CONF),
    Settings("Patroni", "when Patroni changes its state", by_job.patroni, ("patroni",), ("/etc/patroni.yml", "/etc/patroni.yaml"),
             ("/etc/patroni", "/etc/patroni/conf.d"), _YAML),
    Settings("repmgr", "when PostgreSQL fails over", by_job.repmgr, (), ("/etc/repmgr.conf",),
             ("/etc/repmgr", "/etc/repmgr/*"), _CONF),
    Settings("Pgpool-II", "when PostgreSQL fails over", by_job.pgpool, ("pgpool",), ("/etc/pgpool2/pgpool.conf",),
             ("/etc/pgpool-II", "/etc/pgpool"), _CONF),
    Settings("New Relic", "whenever New Relic collects", by_job.newrelic, ("newrelic-infra", "newrelic-infra-service"), (),
             ("/etc/newrelic-infra/integrations.d", "/var/db/newrelic-infra/custom-integrations",
              "/var/db/newrelic-infra/newrelic-integrations"), _YAML),
    Settings("Icinga", "whenever Icinga checks", by_job.icinga, ("icinga2",), ("/etc/icinga2/icinga2.conf",),
             ("/etc/icinga2/conf.d", "/etc/icinga2/zones.d/*", "/var/lib/icinga2/api/zones/*/_etc"), _CONF),
    Settings("borgmatic", "at each backup", by_job.borgmatic, ("borgmatic",), ("/etc/borgmatic/config.yaml",),
             ("/etc/borgmatic.d",), _YAML),
    Settings("rsnapshot", "at each backup", by_job.rsnapshot, ("rsnapshot",), ("/etc/rsnapshot.conf",)),
    Settings("Pacemaker", "whenever the cluster checks", by_job.pacemaker, ("pacemakerd",), ("/var/lib/pacemaker/cib/cib.xml",)),
    *(
        Settings("Splunk", "whenever Splunk collects", by_agent.splunk(home), (f"{at}/bin/splunkd",), (),
                 tuple(f"{at}/etc/{each}" for each in places), re.compile(r"inputs\.conf"))
        for at in ("/opt/splunkforwarder", "/opt/splunk")
        for home, places in _SPLUNK.items()
    ),
    Settings("Vector", "whenever Vector collects", by_agent.vector, ("vector",), (), ("/etc/vector", "/etc/vector/sources"),
             _of_ends("toml", "yaml", "yml", "json")),
    Settings("Fluent Bit", "whenever Fluent Bit collects", by_agent.fluent_bit, ("fluent-bit", "td-agent-bit"), (),
             ("/etc/fluent-bit", "/etc/td-agent-bit", "/etc/fluent-bit/conf.d"), _of_ends("conf", "yaml", "yml"),
             ("@INCLUDE", "@include")),
    Settings("Wazuh", "whenever Wazuh collects", by_agent.ossec,
             tuple(f"{_OSSEC}/bin/{each}" for each in ("wazuh-modulesd", "wazuh-logcollector", "ossec-logcollector")),
             (f"{_OSSEC}/etc/ossec.conf", f"{_OSSEC}/etc/shared/agent.conf"), (f"{_OSSEC}/etc/shared/*",),
             re.compile(r"agent\.conf")),
    Settings("GitLab Runner", "at each job of GitLab", by_agent.gitlab_runner, ("gitlab-runner",),
             ("/etc/gitlab-runner/config.toml",), at_home=(".gitlab-runner/config.toml",)),
    Settings("Elastic Beanstalk", "at each deployment", by_agent.beanstalk, (), (), ("/var/app/current/.ebextensions",),
             _of_ends("config")),
    Settings("Checkmk", "whenever Checkmk collects", by_agent.mrpe, ("check_mk_agent", "check-mk-agent"),
             ("/etc/check_mk/mrpe.cfg",)),
    Settings("consul-template", "when a template changes", by_text.listed, ("consul-template",), ("/etc/consul-template.hcl",),
             ("/etc/consul-template.d", "/etc/consul-template", "/etc/consul-template/config.d"), _HCL),
    Settings("Vault", "when a template changes", by_text.listed, ("vault",), (),
             ("/etc/vault.d", "/etc/vault", "/etc/vault-agent.d"), _HCL),
    Settings("confd", "when a template changes", by_agent.confd, ("confd",), (), ("/etc/confd/conf.d",), _of_ends("toml")),
    Settings("Logstash", "whenever Logstash collects", by_agent.logstash, ("/usr/share/logstash/bin/logstash",), (),
             ("/etc/logstash/conf.d",), _CONF),
    Settings("Orchestrator", "when MySQL fails over", by_agent.orchestrator,
             ("orchestrator", "/usr/local/orchestrator/orchestrator"),
             tuple(f"{at}/orchestrator.conf.json" for at in ("/etc", "/etc/orchestrator", "/usr/local/orchestrator"))),
    Settings("Galera", "when the cluster changes", by_agent.galera, ("mysqld", "mariadbd"), ("/etc/my.cnf", "/etc/mysql/my.cnf"),
             ("/etc/my.cnf.d", *(f"/etc/mysql/{each}" for each in ("conf.d", "mysql.conf.d", "mariadb.conf.d"))), _of_ends("cnf")),
    Settings("MaxScale", "when a database fails over", by_agent.maxscale, ("maxscale",), ("/etc/maxscale.cnf",),
             ("/etc/maxscale.cnf.d", "/var/lib/maxscale/maxscale.cnf.d"), _of_ends("cnf")),
    Settings("MHA", "when MySQL fails over", by_agent.mha, ("masterha_manager",), ("/etc/masterha_default.cnf", "/etc/mha.cnf"),
             ("/etc/mha", "/etc/masterha"), _of_ends("cnf", "conf")),
    Settings("the mounts of fstab", AT_BOOT, by_agent.fstab, (), ("/etc/fstab",)),
    Settings("an AWS SDK", "whenever an AWS SDK asks for credentials", by_line.credentials,
             at_home=(".aws/config", ".aws/credentials")),
    Settings("Kubernetes", "whenever Kubernetes asks for credentials", by_credentials.kubeconfig,
             ("kubelet", "kubectl", "helm", "kubeadm", "k3s"),
             (*(f"/etc/kubernetes/{name}.conf" for name in _CLUSTER), "/var/lib/kubelet/kubeconfig",
              "/var/lib/kubelet/bootstrap-kubeconfig"), at_home=(".kube/config",)),
    Settings("git", "whenever git asks for credentials", by_credentials.git, ("git",), ("/etc/gitconfig",),
             at_home=(".gitconfig", ".config/git/config")),
    Settings("a registry", "whenever a registry asks for credentials", by_credentials.registries,
             ("docker", "podman", "buildah", "skopeo", "nerdctl"), ("/etc/containers/registries.conf",),
             ("/etc/containers/registries.conf.d",), _REGISTRY,
             at_home=(".docker/config.json", ".config/containers/auth.json", ".config/containers/registries.conf")),
)  # fmt: skip
INITTAB = Settings("init", AT_BOOT, by_line.inittab, (), ("/etc/inittab",))
UPSTART = Settings("upstart", AT_BOOT, by_line.upstart, (), (), ("/etc/init",), _CONF)
FAIL2BAN = Settings("fail2ban", "when fail2ban acts", by_line.fail2ban, ("fail2ban-server",), of_others=True)
_EB, _PLATFORM = "/opt/elasticbeanstalk/hooks", "/var/app/current/.platform"
_EB_STAGES = ("preinit", "appdeploy", "configdeploy", "restartappserver", "postinit")
_PUPPET, _PUPPET_LIB = (
    ("facter", "puppet", "/opt/puppetlabs/puppet/bin/facter", "/opt/puppetlabs/puppet/bin/puppet"),
    "lib/facter",
)
_FACTS, _AIRFLOW = "whenever Puppet collects facts", ("/opt", "/usr/local", "/srv", "/var/lib", "/root", "/home/*")
_SALT = "/var/cache/salt/minion/extmods"
_PLATFORM_STAGES = ("prebuild", "predeploy", "postdeploy")
# Those in /usr/lib are of packages: they put settings together, of which only running tells much, and ask nobody.
_SYSTEMD = ("/etc", "/usr/local/lib")
_RUN = re.compile(r"run|finish")
_SH = re.compile(r"[^.].{0,240}\.sh", re.DOTALL)
_ENVSH = re.compile(r"[^.].{0,240}\.envsh", re.DOTALL)
_ENTRIES = ("/docker-entrypoint.d", "/entrypoint.d", "/etc/entrypoint.d", "/opt/docker/provision/entrypoint.d")
# What entry points of images go through; on a host nobody does.
OF_CONTAINERS = (
    Scripts(AT_START, _ENTRIES, names=_SH),
    Scripts(AT_START, _ENTRIES, plain=True, names=_ENVSH),
)
SCRIPTS = (
    Scripts("once, by at", ("/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"), plain=True),
    Scripts(AT_BOOT, tuple(f"{top}/systemd/system-generators" for top in _SYSTEMD)),
    *(
        Scripts(when, tuple(f"{top}/systemd/{who}-environment-generators" for top in _SYSTEMD))
        for who, when in (("system", AT_BOOT), ("user", AT_LOGIN))
    ),
    Scripts(AT_BOOT, ("/etc/services.d/*", "/etc/s6-overlay/s6-rc.d/*", "/run/service/*"), software=_S6, names=_RUN),
    Scripts(AT_BOOT, ("/etc/cont-init.d", "/custom-cont-init.d"), software=_S6),
    Scripts(AT_BOOT, ("/etc/my_init.d",), software=("my_init",)),
    Scripts(
        "at each request",
        ("/usr/lib/cgi-bin", "/var/www/cgi-bin", "/srv/www/cgi-bin"),
        software=(*_APACHE, "lighttpd", "fcgiwrap", "boa", "thttpd"),
    ),
    Scripts("whenever munin collects", ("/etc/munin/plugins",), software=("munin-node",)),
    Scripts(
        "whenever Checkmk collects",
        tuple(f"/usr/lib/check_mk_agent/{each}{below}" for each in ("plugins", "local") for below in ("", "/*")),
        software=("check_mk_agent", "check-mk-agent"),
    ),
    Scripts(
        "when a certificate is renewed",
        tuple(f"/etc/letsencrypt/renewal-hooks/{when}" for when in ("pre", "deploy", "post")),
        software=("certbot",),
    ),
    Scripts(
        _FACTS,
        (
            *(f"/etc/{each}/facts.d" for each in ("facter", "puppetlabs/facter", "puppet/facter")),
            *("/opt/puppetlabs/facter/facts.d", "/opt/puppetlabs/puppet/cache/facts.d", "/var/lib/puppet/facts.d"),
        ),
        software=_PUPPET,
    ),
    Scripts(
        _FACTS,
        (
            *(f"/opt/puppetlabs/puppet/cache/{_PUPPET_LIB}", f"/var/lib/puppet/{_PUPPET_LIB}", f"/var/cache/puppet/{_PUPPET_LIB}"),
            *(f"/etc/puppetlabs/code/modules/*/{_PUPPET_LIB}", f"/etc/puppet/modules/*/{_PUPPET_LIB}"),
            f"/etc/puppetlabs/code/environments/production/modules/*/{_PUPPET_LIB}",
        ),
        software=_PUPPET,
        reads=True,
        names=_RUBY,
    ),
    Scripts(
        "whenever Chef runs",
        ("/etc/chef/ohai/plugins", "/etc/cinc/ohai/plugins", "/etc/ohai/plugins"),
        software=("chef-client", "cinc-client", "chef-solo", "ohai"),
        reads=True,
        names=_RUBY,
    ),
    Scripts(
        "whenever Salt collects grains or runs states",
        tuple(f"{_SALT}/{each}" for each in ("grains", "modules", "states", "beacons", "engines")),
        software=("salt-minion", "salt-call"),
        reads=True,
        names=_PYTHON,
    ),
    Scripts("whenever Ansible collects facts", ("/etc/ansible/facts.d",), names=_FACT),
    Scripts(
        "whenever Datadog checks",
        ("/etc/datadog-agent/checks.d", "/etc/dd-agent/checks.d"),
        software=("datadog-agent", "dd-agent", "/opt/datadog-agent/bin/agent/agent", "/opt/datadog-agent/agent/agent.py"),
        reads=True,
        names=_PYTHON,
    ),
    Scripts(
        "whenever Netdata collects",
        ("/etc/netdata/custom-plugins.d", "/usr/local/lib/netdata/plugins.d"),
        software=("netdata", "/opt/netdata/usr/sbin/netdata"),
        names=_PLUGIN,
    ),
    Scripts(
        "whenever Fluentd collects",
        ("/etc/td-agent/plugin", "/etc/fluent/plugin"),
        software=("td-agent", "fluentd", "fluent-package"),
        reads=True,
        names=_RUBY,
    ),
    Scripts(
        "at each job of Buildkite",
        ("/etc/buildkite-agent/hooks", "/usr/local/etc/buildkite-agent/hooks", "/var/lib/buildkite-agent/.buildkite-agent/hooks"),
        plain=True,
        software=("buildkite-agent",),
        names=_HOOK,
    ),
    Scripts(
        "whenever Airflow runs",
        tuple(f"{top}/airflow/{each}" for top in _AIRFLOW for each in ("dags", "plugins")),
        software=("airflow",),
        reads=True,
        names=_PYTHON,
    ),
    Scripts(
        "whenever yum runs",
        ("/usr/lib/yum-plugins", "/usr/share/yum-plugins"),
        software=("yum", "yum-cron"),
        reads=True,
        names=_PYTHON,
        switches=("/etc/yum/pluginconf.d",),
        imports=("/usr/bin/python2.7", "/usr/bin/python2", "/usr/bin/python"),
    ),
    *(
        Scripts(
            "whenever dnf runs",
            (f"/usr/lib/python{version}/site-packages/dnf-plugins",),
            software=("dnf", "dnf-3", "dnf-automatic", "yum"),
            reads=True,
            names=_PYTHON,
            switches=("/etc/dnf/plugins",),
            imports=("/usr/libexec/platform-python", f"/usr/bin/python{version}"),
        )
        for version in ("2.7", *(f"3.{minor}" for minor in range(6, 16)))
    ),
    Scripts(PROVIDERS, ("/etc/eks/image-credential-provider",), software=("kubelet",)),
    Scripts("when packages are installed", ("/etc/needrestart/hook.d", "/etc/needrestart/notify.d"), software=("needrestart",)),
    Scripts("when name servers change", ("/etc/resolvconf/update.d", "/etc/resolvconf/update-libc.d"), software=("resolvconf",)),
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
