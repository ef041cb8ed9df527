from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.settings_named import (
    ANACRONTAB,
    CRONTAB,
    CRONTABS,
    KNOWN,
    PROVIDERS,
    NamedSettings,
    settings_named,
)
from imds_probe.inventory.schedules.settings_known import SETTINGS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("supervisord -n -c /a.conf", [NamedSettings("supervisor", "/a.conf")]),
        ("supervisord --configuration=a.conf", [NamedSettings("supervisor", "a.conf")]),
        ("supervisord -c/a.conf -n", [NamedSettings("supervisor", "/a.conf")]),
        ("python3.11 /usr/bin/supervisord -c /a.conf", [NamedSettings("supervisor", "/a.conf")]),
        (
            "telegraf --config /a --config-directory /d",
            [NamedSettings("Telegraf", "/a"), NamedSettings("Telegraf", "/d", within=True)],
        ),
        ("telegraf --config https://example.com/a", []),
        ("logrotate -f -s /state --mail=x /a /b", [NamedSettings("logrotate", "/a"), NamedSettings("logrotate", "/b")]),
        ("nginx -p /srv -c conf/nginx.conf -g x", [NamedSettings("nginx", "conf/nginx.conf")]),
        ("haproxy -W -f /a -f /b", [NamedSettings("HAProxy", "/a"), NamedSettings("HAProxy", "/b")]),
        ("zabbix_agentd -c /a", [NamedSettings("Zabbix", "/a")]),
        ("consul agent -config-dir=/d", [NamedSettings("Consul", "/d", within=True)]),
        ("postmaster -D /data/pg", [NamedSettings("PostgreSQL", "/data/pg", within=True)]),
        ("supercronic -passthrough-logs /app/crontab", [NamedSettings(CRONTAB, "/app/crontab")]),
        ("crond -f -l 8 -c /app/crontabs", [NamedSettings(CRONTABS, "/app/crontabs", within=True)]),
        ("busybox crond -c /app/crontabs", [NamedSettings(CRONTABS, "/app/crontabs", within=True)]),
        (
            "kubelet --kubeconfig=/k --image-credential-provider-bin-dir /d",
            [NamedSettings("Kubernetes", "/k"), NamedSettings(PROVIDERS, "/d", within=True)],
        ),
        ("kubectl get nodes --kubeconfig k", [NamedSettings("Kubernetes", "k")]),
        ("docker --config /d pull x", [NamedSettings("a registry", "/d", within=True)]),
        ("podman pull --authfile /a x", [NamedSettings("a registry", "/a")]),
        ("git pull -q", [NamedSettings("git", ".git/config")]),
        ("git -C /srv/a fetch", [NamedSettings("git", "/srv/a/.git/config")]),
        ("git log", []),
        ("crond -n", []),
        ("anacron -s -t /home/u/table -S /home/u/spool", [NamedSettings(ANACRONTAB, "/home/u/table")]),
        ("anacron -s", []),
        ("supervisord -n", []),
        ("supervisord -c", []),
        ("supervisord", []),
        ("python3 /opt/x.py -c /a", []),
        ("python3", []),
        ("tar -c /a -f /b", []),
    ],
)
def test_what_a_command_line_names(line: str, expected: list[NamedSettings]) -> None:
    program, *arguments = line.split()
    assert list(settings_named(program, arguments)) == expected


def test_a_word_that_only_running_tells_is_none() -> None:
    assert list(settings_named("supervisord", ["-c", None])) == []
    assert list(settings_named("logrotate", [None, "/a"])) == [NamedSettings("logrotate", "/a")]


def test_variables_name_some() -> None:
    environment = {"KUBECONFIG": "/a:/b", "DOCKER_CONFIG": "/d", "HOME": "/c"}
    named = [NamedSettings("Kubernetes", "/a"), NamedSettings("Kubernetes", "/b")]
    assert list(settings_named("kubectl", ["get", "nodes"], environment)) == named
    assert list(settings_named("docker", ["pull"], environment)) == [NamedSettings("a registry", "/d", within=True)]


def test_all_of_them_are_known() -> None:
    known = {each.what for each in SETTINGS} | {ANACRONTAB, CRONTAB, CRONTABS, PROVIDERS}
    assert {each.what for options in KNOWN.values() for each in (options, *options.more)} - known == set()
