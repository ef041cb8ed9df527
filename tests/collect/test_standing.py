"""What a later run needs to tell whether a verdict still holds, collected from a made-up root."""

from __future__ import annotations

import os

import pytest
from contexts import collected, context
from small_roots import made

from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.standing import COLLECTOR, StandingOptions
from imds_probe.collect.standing_reading import OF_CODE, RUN_BY, VERSION, read_schedules
from imds_probe.facts.standing import Standing
from imds_probe.inventory.code.forms import FORMS
from imds_probe.watch.history_format import FILE

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
    given = context(root, options=(StandingOptions(**options), CallersOptions(state=root / "state")))
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


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("/usr/bin/java -Xmx1g -jar /opt/app/app.jar", "/opt/app/app.jar"),
        ("java -cp lib/a.jar:/opt/app/b.jar Main", "/opt/app/b.jar"),
        ("/usr/bin/python3 /opt/app/main", "/opt/app/main"),
        ("bash -o pipefail /opt/app/main", "/opt/app/main"),
        ("cd /opt/app && ./run.sh", "/opt/app/run.sh"),
        ("cd /opt/app && python3 -u main --log /var/log/x", "/opt/app/main"),
        ("backup --all", "/usr/local/bin/backup"),
        ("shipper", "/usr/local/bin/shipper"),
        ("python3.11 /opt/app/main", "/opt/app/main"),
        ("sudo -u app backup", "/usr/local/bin/backup"),
        ("/opt/app/outer.sh", "/opt/app/inner"),
        ("dotnet app/app.dll", "/root/app/app.dll"),
        ("cd /opt/app && luajit main", "/opt/app/main"),
        ("cd /opt/app && runner main.jl", "/opt/app/main.jl"),
    ],
)
def test_whatever_a_command_calls_its_code(tmp_path, command, code):
    names = ("java", "python3", "python3.11", "dotnet", "sudo", "bash", "luajit", "runner")
    programs = {f"/usr/bin/{name}": b"\x7fELF" for name in names}
    files = programs | {
        "/etc/cron.d/x": f"PATH=/usr/local/bin:/usr/bin\n* * * * * root {command} >>/var/log/x\n",
        "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
        "/bin/sh": b"\x7fELF",
        "/opt/app/outer.sh": "#!/bin/sh\n. /opt/app/inner\n",
        "/var/log/x": "",
    }
    files |= {code: "#!/bin/sh\n"} if code not in files else {}
    made(
        tmp_path,
        files,
        executable=[
            *programs,
            "/bin/sh",
            "/opt/app/outer.sh",
            *([code] if code.startswith("/usr/local/bin") or "run" in code else []),
        ],
    )

    def digests():
        return {each.what: each.digest for each in read_schedules(str(tmp_path))}

    before = digests()
    (tmp_path / "var/log/x").write_text("it ran\n")
    assert digests() == before
    (tmp_path / code[1:]).write_text("#!/bin/sh\ncurl http://169.254.169.254/latest/meta-data/\n")
    assert changed_kinds(before, digests()) == {"crontabs"}


def test_each_language_whose_code_is_judged_is_known_as_code():
    languages = [form for form in FORMS if form.name not in ("settings", "text")]
    of_schedules = {".service", ".timer", ".cron"}  # which each source of schedules reads itself
    assert {end for form in languages for end in form.ends} - of_schedules - set(OF_CODE) == set()
    assert {each.rstrip(VERSION) for form in languages for each in form.interpreters} - RUN_BY == set()


def test_whether_a_daemon_kept_a_record_of_callers(tmp_path):
    assert seen(host(tmp_path)).history is False
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / FILE).touch(mode=0o600)
    assert seen(tmp_path).history is True
