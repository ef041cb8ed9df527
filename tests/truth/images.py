"""Hosts as they stand in the field, to count of how many the probe has to say that it does not know.

Each is a stock cloud image's packages with what makes it a web server, a database, a node of a cluster, and the daemons of
these really running. Nobody there asks the metadata service, so all have to be ready. They are clients like others: rows,
whose program is a shell that starts the daemons and says whether all of them run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from truth.client import Client, sh
from truth.layer_list import Layer


@dataclass(frozen=True)
class Daemon:
    """`name` is the one that the kernel knows its process by, at most 15 characters of it. Where two have the same, as what
    Python runs may have, one that runs is taken for both.
    """

    name: str
    packages: str
    command: str
    files: Mapping[str, str] = field(default_factory=dict)


_FLASK = 'import flask\n\napp = flask.Flask("app")\n'
_CELERY = 'import celery\n\napp = celery.Celery("tasks", broker="memory://")\n'
_EXPRESS = 'require("express")().listen(3000, "127.0.0.1")\n'
_RACK = 'run ->(env) { [200, {}, ["hello"]] }\n'
_PROXY = "defaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\n"
_FRONT = (
    "frontend front\n    bind 127.0.0.1:8443\n    default_backend back\nbackend back\n    server one 127.0.0.1:8080\n"
)
_CATALINA = "CATALINA_HOME=/usr/share/tomcat10 CATALINA_BASE=/var/lib/tomcat10"

# What every host runs.
_STOCK = ("cron", "ssh", "dbus", "chrony", "upgrades")
DAEMONS: Mapping[str, Daemon] = {
    "cron": Daemon("cron", "", "cron"),
    "ssh": Daemon("sshd", "", "mkdir -p /run/sshd; /usr/sbin/sshd"),
    "dbus": Daemon("dbus-daemon", "", "mkdir -p /run/dbus; dbus-daemon --system --fork"),
    "chrony": Daemon("chronyd", "", "chronyd -x"),
    "upgrades": Daemon(
        "python3",
        "",
        "/usr/bin/python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown --wait-for-signal &",
    ),
    "nginx": Daemon("nginx", "nginx-light", "nginx"),
    "apache": Daemon("apache2", "apache2 libapache2-mod-php", "apachectl start"),
    "php": Daemon("php-fpm8.2", "php-fpm php-mysql php-curl", "mkdir -p /run/php; php-fpm8.2 -D"),
    "haproxy": Daemon(
        "haproxy",
        "haproxy",
        "haproxy -D -f /etc/haproxy/haproxy.cfg",
        {"/etc/haproxy/haproxy.cfg": _PROXY + _FRONT},
    ),
    "squid": Daemon("squid", "squid", "squid"),
    "mariadb": Daemon(
        "mariadbd",
        "mariadb-server",
        "mkdir -p /run/mysqld; chown mysql /run/mysqld; mariadbd --user=mysql &",
    ),
    "postgresql": Daemon("postgres", "postgresql", "pg_ctlcluster 15 main start"),
    "redis": Daemon("redis-server", "redis-server", "redis-server --daemonize yes"),
    "memcached": Daemon("memcached", "memcached", "memcached -u memcache -d"),
    "rabbitmq": Daemon("beam.smp", "rabbitmq-server", "rabbitmq-server -detached"),
    "tomcat": Daemon("java", "tomcat10", f"{_CATALINA} /usr/share/tomcat10/bin/catalina.sh start"),
    "express": Daemon("node", "node-express", "cd /srv/web; node server.js &", {"/srv/web/server.js": _EXPRESS}),
    "flask": Daemon(
        "gunicorn",
        "gunicorn python3-flask",
        "gunicorn --chdir /srv/web -D -b 127.0.0.1:8000 web:app",
        {"/srv/web/web.py": _FLASK},
    ),
    "celery": Daemon(
        "python3",
        "celery python3-celery",
        "celery --workdir /srv/web -A tasks worker --concurrency 1 &",
        {"/srv/web/tasks.py": _CELERY},
    ),
    "puma": Daemon("puma", "puma", "puma -b tcp://127.0.0.1:9292 /srv/web/config.ru &", {"/srv/web/config.ru": _RACK}),
    "containerd": Daemon("containerd", "containerd runc", "containerd &"),
    "etcd": Daemon("etcd", "etcd-server", "etcd --data-dir /var/lib/etcd/default &"),
    "prometheus": Daemon(
        "prometheus",
        "prometheus",
        "prometheus --config.file /etc/prometheus/prometheus.yml --storage.tsdb.path /var/lib/prometheus/metrics2 &",
    ),
    "exporter": Daemon("prometheus-node", "prometheus-node-exporter", "prometheus-node-exporter &"),
    "zabbix": Daemon(
        "zabbix_agentd",
        "zabbix-agent",
        "mkdir -p /run/zabbix; chown zabbix /run/zabbix; zabbix_agentd",
    ),
    "nrpe": Daemon("nrpe", "nagios-nrpe-server", "mkdir -p /run/nagios; nrpe -c /etc/nagios/nrpe.cfg -d"),
    "munin": Daemon("munin-node", "munin-node", "munin-node"),
    "puppet": Daemon("puppet", "puppet-agent", "puppet agent"),
    "postfix": Daemon("master", "postfix", "postfix start"),
    "dovecot": Daemon("dovecot", "dovecot-imapd", "dovecot"),
    "bind": Daemon("named", "bind9", "named -u bind"),
    "consul": Daemon("consul", "consul", "consul agent -dev -bind 127.0.0.1 &"),
}
# What runs on each, the base that is not the usual one before a colon, and packages behind a bar.
ROWS = {
    "stock": "",
    "stock-debian-11": "bullseye-cloud:",
    "consul-debian-11": "bullseye-cloud:consul exporter",
    "web": "nginx exporter",
    "web-apache": "apache exporter",
    "web-php": "nginx php zabbix",
    "balancer": "haproxy exporter",
    "proxy": "squid nrpe",
    "mariadb": "mariadb zabbix",
    "postgresql": "postgresql exporter",
    "cache": "redis memcached exporter",
    "queue": "rabbitmq exporter",
    "java": "tomcat exporter",
    "node": "nginx express exporter",
    "python": "nginx flask celery munin",
    "ruby": "nginx puma",
    "builder": "containerd | docker.io git build-essential default-jre-headless npm",
    "kubernetes": "containerd etcd exporter | kubernetes-client conntrack ipset ipvsadm socat ebtables",
    "monitoring": "prometheus exporter",
    "agents": "puppet zabbix nrpe munin exporter",
    "mail": "postfix dovecot bind",
}


def daemons_of(row: str) -> list[Daemon]:
    return [DAEMONS[name] for name in (*_STOCK, *row.partition("|")[0].rpartition(":")[2].split())]


def _layer(row: str) -> Layer:
    base = row.rpartition(":")[0] or "bookworm-cloud"
    packages = " ".join(each.packages for each in daemons_of(row))
    return Layer(base, apt=tuple(f"{packages} {row.partition('|')[2]}".split()))


def _image(name: str, row: str) -> Client:
    daemons = daemons_of(row)
    commands = "\n".join(f"( {each.command} ) >/dev/null 2>&1 </dev/null" for each in daemons)
    prologue = f"""
missing() {{
    for name in {" ".join(each.name for each in daemons)}; do
        grep -qsx "$name" /proc/[0-9]*/comm || echo "$name does not run"
    done
}}
if [ ! -e /tmp/started ]; then
touch /tmp/started
{commands}
for second in $(seq 15); do [ "$(missing)" ] || break; sleep 1; done
fi
"""
    files = {path: text for each in daemons for path, text in each.files.items()}
    said = "missing=$(missing)\necho ${missing:-all run}"
    return sh(said, f"image-{name}", "asked: all run", prologue, files=files)


LAYERS: dict[str, Layer] = {f"image-{name}": _layer(row) for name, row in ROWS.items()}
IMAGES: dict[str, Client] = {f"image-{name}": _image(name, row) for name, row in ROWS.items()}
