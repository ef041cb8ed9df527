"""What tells one schedule from another one, and the files that its command names."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.keys import NAMED_MAX, key_of, named_files
from imds_probe.inventory.schedules.scheduled import Place, Scheduled

BACKUP = Scheduled("/usr/bin/backup.sh /etc/backup.conf", Place("/etc/cron.d/backup", 3), "scheduled", "daily")


def test_whatever_changes_how_it_is_started_changes_the_key():
    others = (
        replace(BACKUP, command=("/usr/bin/backup.sh /etc/backup.conf",)),
        replace(BACKUP, command="/usr/bin/backup.sh"),
        replace(BACKUP, place=Place("/etc/cron.d/backup", 4)),
        replace(BACKUP, environment={"A": "b"}),
        replace(BACKUP, user="www-data"),
        replace(BACKUP, directory="/srv"),
        replace(BACKUP, image="example/app"),
        replace(BACKUP, root="/srv"),
        replace(BACKUP, whole=True),
        replace(BACKUP, own_network=False),
        replace(BACKUP, mounts=(("/srv/app", "/app"),)),
        replace(BACKUP, check=None),
        replace(BACKUP, check=("x",)),
        replace(BACKUP, asked=InContainer("pod", "a", ("x",))),
        replace(BACKUP, asked=InContainer("pod", "b", ("x",))),
        replace(BACKUP, asked=InContainer("pod", "a", ("y",))),
    )
    assert len({key_of(each) for each in (BACKUP, *others)}) == len(others) + 1
    assert key_of(replace(BACKUP, command="\udcff")) != key_of(BACKUP)


def test_files_are_named_by_absolute_paths():
    assert named_files(BACKUP) == ("/usr/bin/backup.sh", "/etc/backup.conf")
    assert named_files(replace(BACKUP, command=("sh", "-c", 'cd /srv && "/opt/a/run.py" >>/var/log/x'))) == (
        *("/srv", "/opt/a/run.py", "/var/log/x"),
    )
    assert named_files(replace(BACKUP, image="example/app")) == named_files(replace(BACKUP, root="/srv")) == ()
    assert len(named_files(replace(BACKUP, command=" ".join(f"/a{number}" for number in range(99))))) == NAMED_MAX
