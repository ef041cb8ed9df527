"""What a later run needs to tell whether a verdict still holds, collected from a made-up root."""

from __future__ import annotations

import os

from contexts import collected, context

from imds_probe.collect.standing import COLLECTOR, StandingOptions
from imds_probe.facts.standing import Standing

BOOT = "3a2c6e1e-5f0d-4c55-9d3e-9a56ad6f1f6c"


def host(root, boot_id=f"{BOOT}\n"):
    (root / "proc/sys/kernel/random").mkdir(parents=True)
    (root / "proc/sys/kernel/random/boot_id").write_text(boot_id)
    (root / "etc/cron.d").mkdir(parents=True)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/backup.sh").write_text("#!/bin/sh\n")
    (root / "etc/cron.d/backup").write_text("0 3 * * * root /usr/bin/backup.sh >>/var/log/backup.log\n")
    (root / "var/log").mkdir(parents=True)
    (root / "var/log/backup.log").write_text("")
    return root


def seen(root, **options):
    given = context(root, options=(StandingOptions(**options),))
    given._proc = root / "proc"  # which only counts where the kernel's own is mounted
    runs = collected(given, [COLLECTOR])
    assert runs["standing"].status == "ok", runs
    return given.get(Standing)


def digests(root):
    return {each.what: (each.count, each.digest) for each in seen(root).schedules}


def changed_kinds(before, after):
    return {what for what in before if before[what] != after[what]}


def test_boot_and_time_and_each_kind_of_schedule(tmp_path):
    found = seen(host(tmp_path), valid_s=60.0, valid_unwatched_s=30.0)
    assert (found.boot_id, found.valid_s, found.valid_unwatched_s) == (BOOT, 60.0, 30.0)
    counts = {each.what: each.count for each in found.schedules}
    assert (counts["crontabs"], counts["units of systemd"]) == (1, 0)


def test_a_boot_without_a_name_has_none(tmp_path):
    assert seen(host(tmp_path, "not one\n")).boot_id is None


def test_what_is_started_and_what_it_names_changes_the_digest(tmp_path):
    before = digests(host(tmp_path))
    assert digests(tmp_path) == before
    (tmp_path / "var/log/backup.log").write_text("done\n")  # which is written at each run
    assert digests(tmp_path) == before
    script = tmp_path / "usr/bin/backup.sh"
    script.write_text("#!/bin/sh\ncurl http://169.254.169.254/\n")
    edited = digests(tmp_path)
    assert changed_kinds(before, edited) == {"crontabs"}
    os.utime(script, (1, 1))
    assert changed_kinds(edited, digests(tmp_path)) == {"crontabs"}
    (tmp_path / "etc/cron.d/more").write_text("@daily root /bin/true\n")
    assert digests(tmp_path)["crontabs"][0] == 2
