"""Systems on which something will run that calls the metadata service."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import elves
import pytest
from code_systems import CURL, PYTHON, SITE, V1, V2, CodeSystem, of, said, sdk
from sdk_systems import container
from small_roots import made

from imds_probe.collect import code, code_search, due_texts
from imds_probe.collect.code_search import NOT_ALL
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.schedule_reading import started_by
from imds_probe.facts.code import OTHER_SCHEDULED, NotRead
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.speaks import Said
from imds_probe.inventory.containers.processes import Place
from imds_probe.inventory.schedules import sources, users_units
from imds_probe.inventory.schedules.recurrence import DAY
from imds_probe.reading.reader import Reader

BACKUP = f"#!{PYTHON}\nimport client\n"
UNIT = "/etc/systemd/system"


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    found = CodeSystem(tmp_path)
    made(found.root, {PYTHON: "", "/bin/sh": b"\x7fELF"}, executable=(PYTHON, "/bin/sh"))
    return found


@pytest.mark.parametrize(
    ("files", "path", "runs", "by"),
    [
        ({"/etc/crontab": f"# c\n@daily root {CURL}"}, "/etc/crontab", "scheduled", "/etc/crontab, daily"),
        (
            {"/etc/cron.monthly/x": f"#!/bin/sh\n{CURL}"},
            "/etc/cron.monthly/x",
            "scheduled",
            "/etc/cron.monthly/x, monthly",
        ),
        ({"/etc/profile.d/x.sh": CURL}, "/etc/profile.d/x.sh", "scheduled", "/etc/profile.d/x.sh, at each login"),
        (
            {"/var/lib/cloud/scripts/per-boot/x": f"#!/bin/sh\n{CURL}"},
            "/var/lib/cloud/scripts/per-boot/x",
            "boot",
            "/var/lib/cloud/scripts/per-boot/x, at each boot",
        ),
        (
            {
                f"{UNIT}/x.service": f"[Service]\nExecStart=/usr/bin/{CURL}",
                f"{UNIT}/multi-user.target.wants/x.service": "",
            },
            f"{UNIT}/x.service",
            "boot",
            f"{UNIT}/x.service, at each boot",
        ),
        (
            {"/etc/cloud/cloud.cfg": f"bootcmd:\n- {CURL}"},
            "/etc/cloud/cloud.cfg",
            "boot",
            "/etc/cloud/cloud.cfg, at each boot",
        ),
        (
            {"/var/lib/cloud/instance/user-data.txt": f"#!/bin/bash\n{CURL}"},
            "/var/lib/cloud/instance/user-data.txt",
            "once",
            "/var/lib/cloud/instance/user-data.txt, once, when an instance is new",
        ),
    ],
)
def test_scripts_and_commands_that_ask(
    system: CodeSystem, files: dict[str, str], path: str, runs: str, by: str
) -> None:
    made(system.root, files)
    found = system.code()
    assert said(found) == {path: ("v1", runs)}
    assert of(found, path).started_by == (by,)
    assert found.troubles == ()


def test_a_program_is_followed_as_if_it_were_started(system: CodeSystem) -> None:
    files = {
        "/opt/backup": BACKUP,
        f"/{SITE}/client/__init__.py": "from client import old\n",
        f"/{SITE}/client/old.py": V1,
    }
    made(system.root, {**files, "/etc/cron.d/backup": "*/5 * * * * root cd /opt && ./backup\n"})
    found = system.code()
    assert said(found) == {f"/{SITE}/client/old.py": ("v1", "scheduled")}
    assert of(found, f"/{SITE}/client/old.py").started_by == ("/etc/cron.d/backup, every 5 minutes",)
    assert (found.read.programs, found.read.scheduled, found.read.scheduled_read) == (0, 1, 1)


def test_a_plug_in_is_followed_to_what_lies_beside_it_and_what_it_starts(system: CodeSystem) -> None:
    """But not to a library of the system: where its software looks for them, nobody knows."""
    at = "/etc/datadog-agent/checks.d"
    files = {
        f"{at}/x.py": "import subprocess\nimport helper, client\nsubprocess.check_output(['/opt/x.sh'])\n",
        f"{at}/helper/__init__.py": "from helper import old\n",
        f"{at}/helper/old.py": V1,
        f"/{SITE}/client/__init__.py": V1,
        "/opt/x.sh": f"#!/bin/sh\n{CURL}",
    }
    made(system.root, {**files, "/usr/bin/datadog-agent": b"\x7fELF"}, executable=("/opt/x.sh",))
    found = system.code()
    by = (f"{at}/x.py, whenever Datadog checks",)
    assert {path: of(found, path).started_by for path in (f"{at}/helper/old.py", "/opt/x.sh")} == {
        f"{at}/helper/old.py": by,
        "/opt/x.sh": by,
    }
    assert {path for path, (_, runs) in said(found).items() if runs != "lies"} == {f"{at}/helper/old.py", "/opt/x.sh"}


def test_an_aws_sdk_that_something_starts_counts_as_one_that_runs(system: CodeSystem, tmp_path: Path) -> None:
    """Nobody but who reads it knows of it; where it runs, too, its recogniser does. A second run remembers both."""
    library = f"/{SITE}/botocore/utils.py"
    files = {"/opt/backup.py": "import botocore.utils\n", library: V1, f"/{SITE}/botocore-1.12.0.dist-info/RECORD": ""}
    made(system.root, {**files, "/etc/cron.d/backup": f"@daily root {PYTHON} /opt/backup.py\n"})
    system.runs(5, "/opt/backup.py")
    for _ in range(2):
        found = system.code(5, sdks=(sdk("botocore", "1.12.0", 5),), state=tmp_path / "state")
        assert said(found) == {library: ("v1", "scheduled")}
        entry = of(found, library)
        assert (entry.pids, entry.component, entry.manager, entry.version) == ((), "botocore", "pypi", "1.12.0")
        assert (entry.package, entry.started_by) == ("botocore 1.12.0 (pypi)", ("/etc/cron.d/backup, daily",))


def test_a_script_that_a_script_starts_is_read(system: CodeSystem) -> None:
    made(system.root, {"/etc/cron.daily/x": "#!/bin/sh\n/opt/backup\n", "/opt/backup": f"#!{PYTHON}\n{V1}"})
    found = system.code()
    assert said(found) == {"/opt/backup": ("v1", "scheduled")}
    assert of(found, "/opt/backup").started_by == ("/etc/cron.daily/x, daily",)


@pytest.mark.parametrize("speaks", ["v1", "v2"])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/cron.d/x", f'@daily root {PYTHON} -c "CODE"\n'),
        ("/etc/cron.daily/x", f"#!/bin/sh\n{PYTHON} - <<'EOF'\nCODE\nEOF\n"),
        ("/etc/cron.daily/x", f"#!/bin/sh\n{PYTHON} -c 'CODE'\n"),
    ],
)
def test_code_in_a_command_is_said_once_where_it_stands(system: CodeSystem, path: str, text: str, speaks: str) -> None:
    code = (V1 if speaks == "v1" else V2).strip().replace("'", '"' if "cron.daily" in path else "'")
    code = code.replace('"', "'") if "cron.d/" in path else code.replace("'", '"')
    code = code.replace("\n", "; ") if "cron.d/" in path else code
    made(system.root, {path: text.replace("CODE", code)})
    found = system.code()
    assert said(found) == {path: (speaks, "scheduled")}
    assert found.read.not_read == () and found.read.scheduled == found.read.scheduled_read


@pytest.mark.parametrize(
    ("files", "speaks"),
    [
        ({"/run/h": "X-aws-ec2-metadata-token: AQ==\n"}, "v2"),
        ({"/run/h": "Accept: x\n"}, "v1"),
        ({}, "both"),
    ],
)
@pytest.mark.parametrize(
    ("path", "text"),
    [("/etc/cron.d/x", "@daily root curl -H @/run/h URL\n"), ("/etc/cron.daily/x", "#!/bin/sh\ncurl -H @/run/h URL\n")],
)
def test_a_header_of_a_file_is_looked_up(
    system: CodeSystem, path: str, text: str, files: dict[str, str], speaks: str
) -> None:
    made(system.root, {path: text.replace("URL", CURL.split()[-1]), **files})
    assert said(system.code()) == {path: (speaks, "scheduled")}


def test_a_header_of_a_file_that_a_user_can_write_decides_nothing(system: CodeSystem) -> None:
    made(system.root, {"/etc/cron.d/x": f"@daily root curl -H @/run/h {CURL.split()[-1]}\n", "/run/h": "Accept: x\n"})
    (system.root / "run/h").chmod(0o666)
    assert said(system.code()) == {"/etc/cron.d/x": ("both", "scheduled")}


def test_a_header_of_a_file_is_looked_up_again(system: CodeSystem, tmp_path: Path) -> None:
    made(system.root, {"/etc/cron.d/x": f"@daily root curl -H @/opt/h {CURL.split()[-1]}\n", "/opt/h": "Accept: x\n"})
    assert said(system.code(state=tmp_path / "state")) == {"/etc/cron.d/x": ("v1", "scheduled")}
    (system.root / "opt/h").write_text("X-aws-ec2-metadata-token: AQ==\n")
    assert said(system.code(state=tmp_path / "state")) == {"/etc/cron.d/x": ("v2", "scheduled")}


def test_a_header_of_an_environment_file_is_put_in(system: CodeSystem) -> None:
    unit = "[Service]\nEnvironmentFile=/etc/x\nExecStart=/opt/x\n"
    script = f'#!/bin/sh\nwget -qO- --header="$HDR" {CURL.split()[-1]}\n'
    files = {f"{UNIT}/x.service": unit, f"{UNIT}/multi-user.target.wants/x.service": "", "/opt/x": script}
    made(system.root, {**files, "/etc/x": "HDR='X-aws-ec2-metadata-token: AQ=='\n"}, executable=("/opt/x",))
    assert said(system.code()) == {"/opt/x": ("v2", "boot")}


def test_code_of_a_document_imports_what_it_imports(system: CodeSystem) -> None:
    script = f"#!/bin/sh\n{PYTHON} - <<'EOF'\nimport client\nEOF\n"
    made(system.root, {"/etc/cron.daily/x": script, f"/{SITE}/client.py": V1})
    assert said(system.code()) == {f"/{SITE}/client.py": ("v1", "scheduled")}


def test_a_script_may_enter_a_virtual_environment(system: CodeSystem) -> None:
    files: dict[str, str | bytes | Path] = {
        "/etc/cron.daily/x": "#!/bin/sh\nset -e\nAPP=/opt/app\ncd $APP\n. venv/bin/activate\npython main.py\n",
        "/opt/app/venv/bin/activate": 'VIRTUAL_ENV=/opt/app/venv\nexport VIRTUAL_ENV\nPATH="$VIRTUAL_ENV/bin:$PATH"\n',
        "/opt/app/venv/bin/python": Path(PYTHON),
        "/opt/app/venv/pyvenv.cfg": "home = /usr/bin\n",
        "/opt/app/main.py": "import client\n",
        "/opt/app/venv/lib/python3.11/site-packages/client.py": V1,
    }
    made(system.root, files)
    assert said(system.code()) == {"/opt/app/venv/lib/python3.11/site-packages/client.py": ("v1", "scheduled")}


def test_what_runs_already_says_also_what_starts_it(system: CodeSystem) -> None:
    made(
        system.root,
        {"/opt/x.py": V2, "/etc/crontab": f"@reboot root {PYTHON} /opt/x.py\n@daily root {PYTHON} /opt/x.py\n"},
    )
    system.runs(5, "/opt/x.py")
    entry = of(system.code(5), "/opt/x.py")
    assert (entry.speaks, entry.runs, entry.pids) == ("v2", "running", (5,))
    assert entry.started_by == ("/etc/crontab, at each boot", "/etc/crontab, daily")


@pytest.mark.parametrize(
    ("lines", "runs", "every_s"),
    [
        ("@daily root {0}", "scheduled", DAY),
        ("@daily root {0}@weekly root {0}", "scheduled", 7 * DAY),
        ("@daily root {0}0 0 1 * * root {0}", "scheduled", 31 * DAY),
        ("@daily root {0}0 0 30 2 * root {0}", "scheduled", None),  # never comes
        ("@reboot root {0}@daily root {0}", "boot", DAY),
        ("@reboot root {0}", "boot", None),
    ],
)
def test_how_rarely_it_comes_is_kept(system: CodeSystem, lines: str, runs: str, every_s: float | None) -> None:
    made(system.root, {"/opt/x.py": V1, "/etc/crontab": lines.format(f"{PYTHON} /opt/x.py\n")})
    entry = of(system.code(), "/opt/x.py")
    assert (entry.runs, entry.every_s) == (runs, every_s)


def test_since_when_it_comes_like_that_is_kept(system: CodeSystem) -> None:
    made(system.root, {"/opt/x.py": V1, "/etc/crontab": f"@daily root {PYTHON} /opt/x.py\n"})
    began = time.time()
    entry = of(system.code(), "/opt/x.py")
    assert entry.standing_s is not None
    assert 0 <= entry.standing_s <= time.time() - began + 60


def test_a_service_that_the_boot_starts_and_that_is_not_read_is_known_by_its_process(system: CodeSystem) -> None:
    packed = elves.made({".text": b"x"})[:200] + b"UPX!" + bytes(2000)
    made(
        system.root,
        {f"{UNIT}/x.service": "[Service]\nExecStart=/opt/x\n", f"{UNIT}/multi-user.target.wants/x.service": ""},
    )
    made(system.root, {"/opt/x": packed}, executable=("/opt/x",))
    system.process(5, system.root, exe="/opt/x", argv=["/opt/x"])
    assert [(each.program, each.pids, each.runs) for each in system.code(5).read.not_read] == [("/opt/x", (5,), None)]
    made(system.root, {"/etc/crontab": "@daily root /opt/x\n"})
    assert [(each.pids, each.runs) for each in system.code(5).read.not_read] == [((5,), None), ((), "boot")]


@pytest.mark.parametrize("key", ["ExecReload", "ExecStop", "ExecStopPost"])
def test_the_command_that_stops_or_reloads_a_service_is_known_by_its_process(system: CodeSystem, key: str) -> None:
    """It speaks to the service: pm2 reload, nginx -s quit. A program of its own that only stops it is not known by that."""
    packed = elves.made({".text": b"x"})[:200] + b"UPX!" + bytes(2000)
    unit = f"[Service]\nExecStart=/opt/x\n{key}=/opt/x quit\n"
    made(system.root, {f"{UNIT}/x.service": unit, f"{UNIT}/multi-user.target.wants/x.service": ""})
    made(system.root, {"/opt/x": packed, "/opt/y": packed}, executable=("/opt/x", "/opt/y"))
    system.process(5, system.root, exe="/opt/x", argv=["/opt/x"])
    assert [(each.program, each.pids, each.runs) for each in system.code(5).read.not_read] == [("/opt/x", (5,), None)]
    made(system.root, {f"{UNIT}/x.service": f"{unit}{key}=/opt/y\n"})
    left = [(each.program, each.pids, each.runs) for each in system.code(5).read.not_read]
    assert left == [("/opt/x", (5,), None), ("/opt/y", (), "scheduled")]


def test_what_only_running_tells_is_named(system: CodeSystem) -> None:
    made(system.root, {"/etc/crontab": "@daily root $TOOL x\n"})
    found = system.code()
    (entry,) = found.read.not_read
    assert (entry.program, entry.why, entry.started_by) == ("/etc/crontab", unread.NO_SCRIPT, ("/etc/crontab, daily",))
    assert (entry.runs, entry.every_s) == ("scheduled", DAY)
    assert (found.read.scheduled, found.read.scheduled_read) == (1, 0)


def test_what_will_not_run_again_here_leaves_nothing_open(system: CodeSystem) -> None:
    made(system.root, {"/var/lib/cloud/instance/user-data.txt": "#!/bin/sh\n$TOOL x\n"})
    found = system.code()
    assert (found.read.not_read, found.read.scheduled, found.code.code) == ((), 0, ())


def test_what_was_not_read_of_schedules_is_said(system: CodeSystem) -> None:
    made(system.root, {"/etc/crontab": "odd\n"})
    assert system.code().troubles == ("line 1 of /etc/crontab is not a line of a crontab",)


@pytest.mark.parametrize(
    ("how", "why"), [("loops", unread.NO_TIME), ("raises", unread.TOO_LONG), ("dies", unread.TOO_LONG)]
)
def test_what_goes_wrong_at_one_schedule_costs_those_after_it_only(
    system: CodeSystem, monkeypatch: pytest.MonkeyPatch, how: str, why: str
) -> None:
    def faulty(file: BytesIO, path: str) -> Said:
        evil = file.getvalue() == b"evil"
        while evil and how == "loops":
            time.monotonic()
        if evil and how == "dies":
            os._exit(1)
        if evil:
            raise KeyError("a bug")
        return said_by(file, path)

    monkeypatch.setattr(due_texts, "said_by", faulty)
    monkeypatch.setattr(code_search, "STUCK_S", 2.0)
    made(system.root, {"/opt/x.py": V2, "/etc/crontab": f"@daily root {CURL}@daily root evil\n@daily root {CURL}"})
    system.runs(5, "/opt/x.py")
    with Reader(READING, memory_mib=READING_MIB) as own:  # forked now
        found = system.code(5, by=own)
    assert said(found) == {"/opt/x.py": ("v2", "running"), "/etc/crontab": ("v1", "scheduled")}
    assert [entry.line for entry in found.code.code if entry.path == "/etc/crontab"] == [1]
    assert found.read.not_read == (NotRead(OTHER_SCHEDULED, why),)
    (trouble,) = found.troubles
    assert trouble.startswith(NOT_ALL)


def test_time_that_is_over_is_said(system: CodeSystem) -> None:
    made(system.root, {"/etc/crontab": f"@daily root {CURL}"})
    found = system.code(deadline_s=-1)
    assert (found.code.code, found.read.not_read) == ((), (NotRead(OTHER_SCHEDULED, unread.NO_TIME),))
    assert any(trouble.startswith(NOT_ALL) for trouble in found.troubles)


def test_what_there_is_no_time_for_leaves_the_rest_open(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "SCHEDULES_S", 0.0)
    monkeypatch.setattr(code_search, "patience_s", lambda _: 30.0)
    made(system.root, {"/etc/crontab": f"@daily root {CURL}"})
    found = system.code()
    assert found.read.not_read == (NotRead(OTHER_SCHEDULED, unread.NO_TIME),)
    assert found.troubles == (f"{NOT_ALL}: {unread.NO_TIME}",)


SPOOL = "/var/spool/cron/crontabs"
PASSWD = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nzoe:x:1001:1::/home/zoe:/bin/sh\n"


@pytest.mark.parametrize("name", ["/etc/crontab", "/etc/cron.d/z", f"{SPOOL}/root"])
@pytest.mark.parametrize(
    "before", ["@daily WHO/bin/true\n" * sources.SCHEDULED_MAX, "# x\n" * 300_000], ids=["lines", "bytes"]
)
def test_what_is_left_out_of_roots_schedules_may_start_anything(system: CodeSystem, name: str, before: str) -> None:
    who = "" if name.startswith(SPOOL) else "root "
    made(system.root, {"/etc/passwd": PASSWD, name: f"{before.replace('WHO', who)}@daily {who}{CURL}"})
    found = system.code()
    by = (f"{name}, nobody knows when",)
    assert found.read.not_read == (NotRead(name, unread.MORE, by, runs="scheduled"),)
    assert len(found.troubles) == 1


def test_what_is_left_out_of_a_users_crontab_is_his_and_takes_nothing_from_others(system: CodeSystem) -> None:
    of_ann = "@daily /bin/true\n" * sources.SCHEDULED_MAX
    made(
        system.root,
        {
            "/etc/passwd": PASSWD,
            f"{SPOOL}/ann": of_ann,
            f"{SPOOL}/root": f"@daily {CURL}",
            f"{SPOOL}/zoe": f"@daily {CURL}",
            "/home/ann/.config/systemd/user/x.target.wants/x.service": "",
        },
    )
    found = system.code()
    assert [(each.path, each.runs, each.starter_uid) for each in found.code.code] == [
        (f"{SPOOL}/root", "scheduled", None),
        (f"{SPOOL}/zoe", "scheduled", 1001),
    ]
    (left,) = found.read.not_read
    assert (left.program, left.why, left.starter_uid, left.owner_uid) == (f"{SPOOL}/ann", unread.MORE, 1000, None)


def test_what_is_left_out_of_a_users_own_units_would_run_on_his_account(system: CodeSystem) -> None:
    home = "/home/ann/.config/systemd/user"
    names = [f"{number}.service" for number in range(users_units.UNITS_MAX + 1)]
    made(system.root, {"/etc/passwd": PASSWD, **{f"{home}/x.target.wants/{name}": "" for name in names}})
    (left,) = system.code().read.not_read
    assert (left.program, left.why, left.starter_uid, left.owner_uid) == (home, unread.MORE, 1000, 1000)


@pytest.mark.parametrize("also", [True, False])
def test_what_a_user_and_root_start_is_not_the_users_alone(system: CodeSystem, also: bool) -> None:
    packed = b"\x7fELF" + b"UPX!" + bytes(200) + b"UPX!"
    files = {"/etc/passwd": PASSWD, "/opt/agent": packed, f"{SPOOL}/ann": "@daily /opt/agent\n"}
    made(
        system.root, files | ({"/etc/crontab": "@daily root /opt/agent\n"} if also else {}), executable=("/opt/agent",)
    )
    (left,) = system.code().read.not_read
    assert (left.program, left.why, left.starter_uid) == ("/opt/agent", unread.PACKED, None if also else 1000)


@pytest.mark.parametrize(
    ("starter", "expected"), [("usr/sbin/crond", {"/etc/crontab": ("v1", "scheduled")}), ("bin/x", {})]
)
def test_in_a_container_something_has_to_start_it(
    system: CodeSystem, tmp_path: Path, starter: str, expected: dict[str, tuple[str, str]]
) -> None:
    inner = tmp_path / "inner"
    made(inner, {"/etc/crontab": f"@daily root {CURL}", "/etc/profile.d/x.sh": CURL, f"/{starter}": b"\x7fELF"})
    system.process(7, inner, exe=f"/{starter}", argv=[starter])
    found = system.code(containers=[container("c1", 7)])
    assert said(found) == expected
    assert all(entry.container_ids and not entry.on_host for entry in found.code.code)


def test_a_path_of_any_kind_is_not_shown() -> None:
    assert started_by("/etc/cron.d/a b\n", "at each boot") == "…, at each boot"


def test_an_error_at_user_data_does_not_say_its_text(system: CodeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(file: BytesIO, path: str) -> Said:
        if b"hunter2" in file.getvalue():
            raise KeyError(file.getvalue())
        return said_by(file, path)

    monkeypatch.setattr(due_texts, "said_by", faulty)
    told: list[str] = []
    with Reader(READING, memory_mib=READING_MIB, bug=lambda _, error: told.append(str(error))) as own:  # forked now
        found = system.code(by=own, user_data=b"#!/bin/sh\npassword=hunter2\n")
    assert found.troubles == ("/latest/user-data was not read to its end: KeyError",)
    assert told == []
    # It may start something at each boot.
    assert [(each.program, each.why) for each in found.read.not_read] == [("/latest/user-data", unread.TOO_LONG)]


@pytest.mark.parametrize(
    ("runs", "named"),
    [
        ("backup:1.2", "backup:1.2"),
        ("docker.io/library/redis", "redis:latest"),
        ("registry.example/a/b@sha256:0123", "registry.example/a/b:1"),
    ],
)
def test_an_image_that_something_starts_is_named_unless_a_container_of_it_runs(
    system: CodeSystem, tmp_path: Path, runs: str, named: str
) -> None:
    made(system.root, {"/usr/bin/docker": b"\x7fELF"}, executable=("/usr/bin/docker",))
    made(system.root, {"/etc/crontab": f"@daily root docker run --rm -v /x:/x {named} sync\n"})
    (entry,) = system.code().read.not_read
    assert (entry.program, entry.why, entry.started_by) == (f"image {named}", unread.IMAGE, ("/etc/crontab, daily",))
    assert (entry.runs, entry.every_s) == ("scheduled", DAY)
    inner = tmp_path / "inner"
    made(inner, {"/bin/x": b"\x7fELF"})
    system.process(7, inner, exe="/bin/x", argv=["x"])
    left = system.code(containers=[replace(container("c1", 7), image=runs)]).read.not_read
    assert len(left) == ("@" in runs)  # a digest does not tell a name


def test_images_of_static_pods_are_named(system: CodeSystem) -> None:
    pod = "spec:\n  containers:\n  - image: registry.example/agent:1\n  - image: 'pass word'\n"
    made(system.root, {"/etc/kubernetes/manifests/x.yaml": pod})
    assert [(each.program, each.runs) for each in system.code().read.not_read] == [
        ("image registry.example/agent:1", "boot"),
        ("image …", "boot"),
    ]


def test_applications_of_pm2_and_services_of_runit_are_read_and_crontabs_of_fcron_are_named(system: CodeSystem) -> None:
    made(
        system.root,
        {
            "/etc/passwd": "ana:x:1000:1::/home/ana:/bin/sh\n",
            "/root/.pm2/dump.pm2": json.dumps([{"pm_exec_path": "/opt/app/main.py", "exec_interpreter": PYTHON}]),
            "/opt/app/main.py": "import client\n",
            "/opt/app/client.py": V1,
            "/home/ana/.pm2/dump.pm2": json.dumps([{"pm_exec_path": "/home/ana/x", "exec_interpreter": "none"}]),
            "/home/ana/x": f"#!/bin/sh\n{CURL}\n",
            "/etc/sv/job/run": f"#!/bin/sh\n{CURL}\n",
            "/etc/service/job": Path("/etc/sv/job"),
            "/var/spool/fcron/ana.orig": "@ 1h x\n",
        },
    )
    found = system.code()
    boot = "at each boot"
    assert {each.path: (each.speaks, each.runs, each.started_by, each.starter_uid) for each in found.code.code} == {
        "/opt/app/client.py": ("v1", "boot", (f"/root/.pm2/dump.pm2, {boot}",), None),
        "/home/ana/x": ("v1", "boot", (f"/home/ana/.pm2/dump.pm2, {boot}",), 1000),
        "/etc/sv/job/run": ("v1", "boot", (f"/etc/service/job/run, {boot}",), None),
    }
    (unread_one,) = found.read.not_read
    assert unread_one == NotRead(
        "/var/spool/fcron/ana.orig",
        unread.KIND,
        ("/var/spool/fcron/ana.orig, nobody knows when",),
        runs="scheduled",
        standing_s=unread_one.standing_s,
        starter_uid=1000,
    )


@pytest.mark.parametrize(
    ("unit", "more", "runs_as", "uid"),
    [
        ("User=www", {}, (33, 33), 33),
        ("User=33", {}, (33, 33), 33),
        ("User=www", {}, (33, 0), None),
        ("User=www", {}, (33, None), None),  # one has ended
        ("", {}, (33, 33), None),  # it was started as root, and gave that up
        ("User=www\nPermissionsStartOnly=yes\nExecStartPost=/srv/x.py", {}, (33, 33), None),
        ("User=www\nExecStartPre=-+/srv/x.py", {}, (33, 33), None),
        ("User=www\nExecReload=/bin/true ; !/srv/x.py", {}, (33, 33), None),
        ("User=other", {}, (33, 33), None),
        ("User=www", {"/etc/cron.d/x": "@daily www /srv/x.py\n"}, (33, 33), None),  # and perhaps by sudo
        ("User=www", {f"{UNIT}/y.service": "[Service]\nExecStart=/srv/x.py"}, (33, 33), None),
    ],
)
def test_as_whom_alone_something_runs_is_known_where_a_boot_starts_it_as_the_same_user(
    system, monkeypatch, unit, more, runs_as, uid
):
    places = {pid: Place("", each) for pid, each in zip((7, 8), runs_as, strict=True) if each is not None}
    monkeypatch.setattr(code_search, "place_of", lambda _, pid: places.get(pid))
    files = {f"{UNIT}/x.service": f"[Service]\n{unit}\nExecStart=/srv/x.py", "/srv/x.py": f"#!{PYTHON}\n{V1}", **more}
    enabled = {f"{UNIT}/multi-user.target.wants/{name}.service": Path(f"{UNIT}/{name}.service") for name in "xy"}
    accounts = "www:x:33:33::/srv:/bin/sh\nother:x:34:34::/srv:/bin/sh\n"
    made(
        system.root,
        {"/bin/true": b"\x7fELF", "/etc/passwd": accounts, **files, **enabled},
        executable=("/srv/x.py", "/bin/true"),
    )
    found = system.code(system.runs(7, "/srv/x.py"), system.runs(8, "/srv/x.py"))
    assert of(found, "/srv/x.py").uid == uid


NAMED = {
    "/opt/app/supervisord.conf": "[program:x]\ncommand=/opt/x.sh\n",
    "/opt/app/rotate.conf": "/var/log/x {\n  postrotate\n    /opt/x.sh\n  endscript\n}\n",
    "/opt/x.sh": f"#!/bin/sh\n{CURL}",
}


@pytest.mark.parametrize(
    ("line", "path", "when"),
    [
        (
            "@reboot root supervisord -c /opt/app/supervisord.conf",
            "/opt/app/supervisord.conf",
            "when supervisor starts it",
        ),
        ("@daily root cd /opt/app && logrotate -s /state rotate.conf", "/opt/app/rotate.conf", "when logs are rotated"),
    ],
)
def test_settings_that_a_command_line_names_are_read(
    system: CodeSystem, tmp_path: Path, line: str, path: str, when: str
) -> None:
    """A later run follows the command line anew, and remembers what just these settings start."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    made(system.root, {**NAMED, "/etc/cron.d/x": f"{line}\n"})
    for _ in range(2):
        found = system.code(state=state)
        assert said(found) == {"/opt/x.sh": ("v1", "scheduled")}
        assert of(found, "/opt/x.sh").started_by == (f"{path}, {when}",)
        assert found.troubles == ()
    system.write("/etc/cron.d/x", f"{line} --more\n".replace(path.rpartition("/")[2], "other.conf"))
    system.write("/opt/app/other.conf", NAMED[path].replace("x.sh", "y.sh"))
    made(system.root, {"/opt/y.sh": f"#!/bin/sh\n{CURL}"})
    assert said(system.code(state=state))["/opt/y.sh"] == ("v1", "scheduled")


def test_settings_that_a_user_names_start_what_he_starts(system: CodeSystem) -> None:
    passwd = "ana:x:1000:1000::/home/ana:/bin/sh\n"
    tab = "/var/spool/cron/crontabs/ana"
    made(system.root, {**NAMED, "/etc/passwd": passwd, tab: "@daily logrotate -s /state /opt/app/rotate.conf\n"})
    found = system.code()
    assert (of(found, "/opt/x.sh").runs, of(found, "/opt/x.sh").starter_uid) == ("scheduled", 1000)


ASKS_OWN = "import os, urllib.request\nurllib.request.urlopen(os.environ['IMDS'] + '/latest/meta-data/instance-id')\n"
OF_SETTINGS = unread.FROM_SETTINGS


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"/srv/app/.env": "IMDS=http://169.254.169.254\n"}, OF_SETTINGS),
        ({"/srv/.env": "IMDS=http://169.254.169.254\n"}, OF_SETTINGS),
        ({"/srv/app/.env": "IMDS=http://127.0.0.1:1338\n"}, ""),
        ({"/srv/app/.env": "# IMDS=http://169.254.169.254\nNO_PROXY=169.254.169.254\n"}, ""),
        ({}, ""),
    ],
    ids=["beside", "above", "elsewhere", "comment", "none"],
)
def test_an_address_in_a_file_that_nobody_names(system: CodeSystem, files: dict[str, str], why: str) -> None:
    made(
        system.root,
        {"/etc/cron.d/j": f"0 3 * * * root {PYTHON} /srv/app/main.py\n", "/srv/app/main.py": ASKS_OWN, **files},
    )
    assert [each.why for each in system.code().read.not_read] == ([why] if why else [])


@pytest.mark.parametrize(
    ("asks", "why"),
    [
        ("curl -sK /srv/conf", OF_SETTINGS),
        ("wget -q -i /srv/urls", OF_SETTINGS),
        ('curl -s "$(cat /srv/urls)"', OF_SETTINGS),
        ("cat /srv/urls", ""),
    ],
)
def test_an_address_in_a_file_that_a_command_reads(system: CodeSystem, asks: str, why: str) -> None:
    url = "http://169.254.169.254/latest/meta-data/instance-id"
    made(
        system.root,
        {
            "/etc/cron.d/j": "0 3 * * * root /opt/x.sh\n",
            "/opt/x.sh": f"#!/bin/sh\n{asks}\n",
            "/srv/conf": f'url = "{url}"\n',
            "/srv/urls": f"{url}\n",
        },
        executable=("/opt/x.sh",),
    )
    assert [each.why for each in system.code().read.not_read] == ([why] if why else [])


@pytest.mark.parametrize(
    ("hosts", "speaks"),
    [
        ("169.254.169.254 metadata imds.local # own\n", ["v1", "v1"]),
        ("fd00:ec2::254 imds.local\n", ["v1", "v1"]),
        ("127.0.0.1 imds.local\n169.254.169.254 other\n", ["mentions", "mentions"]),
        ("# 169.254.169.254 imds.local\n", ["mentions", "mentions"]),
    ],
)
def test_a_name_that_the_hosts_file_gives_to_the_service(system: CodeSystem, hosts: str, speaks: list[str]) -> None:
    url = "http://imds.local/latest/meta-data/instance-id"
    made(
        system.root,
        {
            "/etc/hosts": hosts,
            "/etc/cron.d/j": f"0 3 * * * root {PYTHON} /srv/main.py\n0 4 * * * root curl -s {url}\n",
            "/srv/main.py": f"import urllib.request\nurllib.request.urlopen('{url}')\n",
        },
    )
    assert [each.speaks for each in system.code().code.code if each.runs == "scheduled"] == speaks


def test_what_passes_on_what_others_ask_leaves_open_how_they_do(system: CodeSystem) -> None:
    to = "169.254.169.254:80"
    files = {
        "/usr/sbin/nginx": b"\x7fELF",
        "/etc/nginx/nginx.conf": f"http {{ server {{ location / {{ proxy_pass http://{to}; }} }} }}\n",
        "/usr/bin/socat": b"\x7fELF",
        f"{UNIT}/s.service": f"[Service]\nExecStart=/usr/bin/socat TCP-LISTEN:8080,fork TCP:{to}\n",
        f"{UNIT}/multi-user.target.wants/s.service": Path(f"{UNIT}/s.service"),
        "/opt/x.sh": f"#!/bin/sh\nexec ncat -kl 81 -c 'ncat {to}'\n",
        "/etc/cron.d/j": "@reboot root /opt/x.sh\n",
    }
    made(system.root, files, executable=("/usr/sbin/nginx", "/usr/bin/socat", "/opt/x.sh"))
    runs = system.process(7, system.root, exe="/usr/bin/socat", argv=["socat", "tcp-l:1", f"TCP-LISTEN:2,TCP:{to}"])
    found = {(each.program, each.pids) for each in system.code(runs).read.not_read if each.why == unread.FORWARDS}
    assert found == {("/etc/nginx/nginx.conf", ()), ("/usr/bin/socat", (7,)), ("/opt/x.sh", ())}
