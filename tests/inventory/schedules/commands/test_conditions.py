from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.conditions import of_calendar, passes_over


@pytest.mark.parametrize(
    "command",
    [
        '[ "$(date +%d)" = 01 ] && /opt/x.sh',
        "[ $(date +%u) -eq 7 ] || exit 0; /opt/x.sh",
        "test `date +%d` -le 7 && /opt/x.sh",
        "if [ -x /usr/share/mdadm/checkarray ] && [ $(date +%d) -le 7 ]; then /usr/share/mdadm/checkarray; fi",
        'if [ "$(date +%u)" = 1 ]\nthen /opt/x.sh; fi',
        "/bin/sh -c '[ $(date +%d) = 01 ] && /opt/x.sh'",
        "bash -c 'if [[ $(date +%H) == 03 ]]; then /opt/x.sh; fi'",
        "[ $((RANDOM % 30)) = 0 ] && /opt/x.sh",
        "D=$(date +%d); [ $D = 01 ] && /opt/x.sh",
        "date +%d | grep -q 01 && /opt/x.sh",
        "case $(date +%a) in Mon) /opt/x.sh;; esac",
        "[ -f /var/run/flag ] && /opt/x.sh",
        "test -e /tmp/now && /opt/x.sh",
        "[ /opt/a -nt /opt/b ] && /opt/x.sh",
        "pgrep -x app || /opt/x.sh",
        "systemctl is-active -q app && /opt/x.sh",
        "(( $(date +%d) == 1 )) && /opt/x.sh",
        '[ "$(tomorrow)" = 01 ] && /opt/x.sh',
        "expr $(date +%W) % 2 >/dev/null && /opt/x.sh",
    ],
)
def test_some_starts_come_to_nothing(command: str) -> None:
    assert passes_over(command)


@pytest.mark.parametrize(
    "command",
    [
        "/opt/x.sh",
        "cd / && run-parts --report /etc/cron.hourly",
        "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )",
        "command -v debian-sa1 > /dev/null && debian-sa1 1 1",
        "[ -x /usr/lib/php/sessionclean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/sessionclean; fi",
        "test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep int(rand(43200))' && certbot -q renew",
        "sleep $((RANDOM % 60)) && /opt/x.sh",
        "sleep $RANDOM; /opt/x.sh >/var/log/x.$(date +%d).log",
        "flock -n /run/x.lock /opt/x.sh",
        '[ "$(id -u)" = 0 ] && /opt/x.sh',
        '[ -n "$HOME" ] && /opt/x.sh',
        "[ -f /etc/default/x ] && . /etc/default/x; /opt/x.sh",
        "tar cf /b.$(date +%d).tar /x && /opt/x.sh",
        "curl -s x | grep y",
    ],
)
def test_each_start_counts(command: str) -> None:
    assert not passes_over(command)


@pytest.mark.parametrize(
    "script",
    [
        '#!/bin/sh\n[ "$(date +%d)" = 01 ] || exit 0\ncurl x\n',
        "#!/bin/bash\nDAY=$(date +%d)\nif [ $DAY = 01 ]; then\n curl x\nfi\n",
        "case `date +%a` in\nMon) curl x;;\nesac\n",
        "if [[ $(( RANDOM % 10 )) == 0 ]]; then curl x; fi\n",
        'if [ -n "$(find /var/lib/x/stamp -mtime -30)" ]; then exit 0; fi\ntouch /var/lib/x/stamp\n',
        '[ -z "$(find /var/lib/x -name stamp -newermt yesterday 2>/dev/null)" ] || exit 0\n',
        "printf -v d '%(%d)T' -1\n[ \"$d\" = 01 ] || exit 0\n",
        'case "$(date +%F)" in *-01) ;; *) exit 0;; esac\n',
        '[ "$(date +%m%d)" = 0101 ] || exit 0\n',
        'today=$(date -I)\n[ "${today##*-}" = 01 ] || exit 0\n',
        'is_first() { [ "$(date +%-d)" -le 7 ]; }\nis_first || exit 0\n',
        "is_first() {\n  [ $(date +%d) = 01 ]\n}\nis_first || exit 0\n",
        "[ $(( $(date +%s) / 604800 % 4 )) -eq 0 ] || exit 0\n",
        '[ "$(date -d tomorrow +%d)" = 01 ] || exit 0\n',
        "day=$(date +%Y-%m-%d)\n[[ $day == *-01 ]] || exit 0\n",
    ],
)
def test_scripts_of_some_days(script: str) -> None:
    assert of_calendar(script)


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\nNOW=$(date +%s)\n[ -f /run/x ] && exit\ncurl x\n",
        "LOG=/var/log/x.$(date +%d)\n[ -d /var/log ] || exit\ncurl x >$LOG\n",
        "T=$(date +%Y-%m-%d)\nif [ -e /var/x.$T ]; then exit; fi\n",
        "sleep $RANDOM\ncurl x\n",
        'TODAY=$(date +%F)\n[ -d "/backup/$TODAY" ] || mkdir "/backup/$TODAY"\ncurl x\n',
        'TODAY=$(date +%F)\n[ -z "$TODAY" ] && exit 1\ncurl x\n',
        "S=$(date +%s)\ncurl x\nif [ $(( $(date +%s) - S )) -gt 300 ]; then echo slow; fi\n",
        "while [ $(date +%s) -lt $END ]; do curl x; sleep 5; done\n",
        "for f in $(find /var/log/x -mtime +30); do rm $f; done\ncurl x\n",
        'find /var/log/x -mtime +30 -delete\n[ -n "$1" ] || exit\ncurl x\n',
    ],
)
def test_scripts_of_every_day(script: str) -> None:
    assert not of_calendar(script)
