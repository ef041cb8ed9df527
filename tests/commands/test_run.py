"""Arguments, files and streams of `run`; what it finds is in tests/lab."""

import json
import os
import subprocess
import sys

import bad_places
import pytest
from golden_reports import golden_report
from patience import be_patient
from report_schema import check
from soon import SOON_S

from imds_probe.commands.dispatch import main
from imds_probe.commands.report_output import kept_in
from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator


@pytest.fixture
def elsewhere(tmp_path):
    """The root of a machine that is not EC2."""
    root = tmp_path / "root"
    scenarios.write_host(root, {}, "none")
    (root / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    return root


def run(*arguments, env=None, **options):
    return subprocess.run(
        [sys.executable, "-m", "imds_probe", "run", *map(str, arguments)],
        capture_output=True,
        check=False,
        timeout=60,
        env=dict(os.environ) | (env or {}),
        **options,
    )


def test_standard_output_is_the_report_and_nothing_else(elsewhere):
    done = run("--root", elsewhere, "--output", "json")
    assert (done.returncode, done.stderr) == (3, b"")
    assert check(json.loads(done.stdout))["verdict"]["state"] == "unknown"


def test_text_says_why(elsewhere):
    done = run("--root", elsewhere)
    assert done.stdout.startswith(b"UNKNOWN")
    assert b"not an EC2 instance" in done.stdout
    assert b"sys_vendor is QEMU" in done.stdout
    assert b"\x1b" not in done.stdout


def test_html(elsewhere):
    assert run("--root", elsewhere, "--output", "html").stdout.startswith(b"<!doctype html>")


def test_exit_zero(elsewhere):
    assert run("--root", elsewhere, "--exit-zero").returncode == 0


def test_out_replaces_a_link_and_leaves_nothing_else(elsewhere, tmp_path):
    target, out = tmp_path / "target", tmp_path / "out" / "report.json"
    target.write_text("mine")
    out.parent.mkdir()
    out.symlink_to(target)
    done = run("--root", elsewhere, "--output", "json", "--out", out)
    assert (done.returncode, done.stdout) == (3, b"")
    check(json.loads(out.read_text()))
    assert target.read_text() == "mine"
    assert os.listdir(out.parent) == ["report.json"]


def test_the_whole_report_is_kept_or_it_is_said(tmp_path):
    report = golden_report("ready")
    assert kept_in(tmp_path / "report.json", report) is None
    assert check(json.loads((tmp_path / "report.json").read_text()))["verdict"]["state"] == "ready"
    not_kept = kept_in(tmp_path / "gone/report.json", report)
    assert not_kept.problem == f"--keep {tmp_path}/gone/report.json cannot be written: No such file or directory"


def test_no_request_is_made_for_a_report_that_cannot_be_kept(tmp_path):
    with Simulator() as simulator:
        done = run("--out", tmp_path, env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url})
        assert (done.returncode, simulator.counts.connections) == (2, 0)


def test_the_endpoint_of_the_environment_is_asked_and_believed(elsewhere, monkeypatch, capsys):
    """In this process, which waits for the answer as long as it takes."""
    be_patient(monkeypatch)
    with Simulator() as simulator:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", simulator.url)
        main(["run", "--root", str(elsewhere), "--output", "json"])
        report = check(json.loads(capsys.readouterr().out))
        assert report["platform"]["method"] == "endpoint given"
        assert report["imds"]["endpoint"] == "enabled"
        assert simulator.counts.imdsv1 == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_locale_will_do(elsewhere, encoding):
    (elsewhere / "etc/os-release").write_text('ID=x\nPRETTY_NAME="Größe ✓"\n')
    done = run("--root", elsewhere, "--output", "html", env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert (done.returncode, done.stderr) == (3, b"")


def test_colour_and_progress_are_for_terminals(elsewhere):
    import pty

    for variable, coloured in (("UNUSED", True), ("NO_COLOR", False)):
        leader, follower = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, "-m", "imds_probe", "run", "--root", str(elsewhere)],
            stdout=follower,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ) | {"TERM": "xterm", variable: "1"},
        )
        os.close(follower)
        output = b""
        try:
            while chunk := os.read(leader, 65536):
                output += chunk
        except OSError:
            pass  # the terminal's other end was closed
        os.close(leader)
        assert child.wait(timeout=SOON_S) == 3
        assert (b"\x1b[33;1mUNKNOWN" in output) is coloured


def test_a_report_goes_to_the_sinks_that_the_configuration_or_the_command_line_names(elsewhere, tmp_path):
    kept = tmp_path / "kept/report.json"
    config = tmp_path / "c.toml"
    config.write_text(f'report = ["file"]\n[file]\npath = "{kept}"\n')
    state = ("--state-directory", tmp_path / "state")
    done = run("--root", elsewhere, "--output", "json", "--config", config, *state)
    assert (done.returncode, done.stderr) == (3, b"")
    assert json.loads(kept.read_text()) == json.loads(done.stdout)
    kept.unlink()
    assert run("--root", elsewhere, "--config", config, "--report", "", *state).returncode == 3
    assert not kept.exists()


def test_a_sink_that_fails_is_said_and_changes_nothing_else(elsewhere, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(f'[textfile]\ndirectory = "{tmp_path}/none"\n[emf]\ndestination = "tcp://127.0.0.1:9"\n')
    before = run("--root", elsewhere)
    arguments = ("--report", "textfile,emf", "--state-directory", tmp_path / "state")
    done = run("--root", elsewhere, "--config", config, *arguments)
    assert (done.returncode, done.stdout.splitlines()[0]) == (before.returncode, before.stdout.splitlines()[0])
    said = done.stderr.decode().splitlines()
    assert [line.split(": ")[:2] for line in said] == [["imds-probe", "textfile"], ["imds-probe", "emf"]]
    assert len(list((tmp_path / "state/spool/emf").glob("*.waiting"))) == 1


def test_metrics_on_standard_output_come_after_the_report_in_its_file(elsewhere, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[emf]\ndestination = "stdout"\n')
    arguments = ("--report", "emf", "--state-directory", tmp_path, "--out", tmp_path / "report.txt")
    done = run("--root", elsewhere, "--config", config, *arguments)
    assert all("_aws" in json.loads(line) for line in done.stdout.splitlines())
    assert (tmp_path / "report.txt").read_text().startswith("UNKNOWN")


def test_an_unknown_sink_is_wrong_usage(elsewhere):
    done = run("--root", elsewhere, "--report", "pigeon")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"there is no sink 'pigeon'; there are cloudwatch, " in done.stderr


def test_the_settings_in_force_with_where_they_come_from(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("[watch]\ncoverage = 0.5\n")
    done = run("--config", config, "--print-config", "--report", "file", "--state-directory", "/srv/x")
    lines = {line.split(" = ")[0]: line.split("  # ") for line in done.stdout.decode().splitlines() if " = " in line}
    assert [part.strip() for part in lines["coverage"]] == ["coverage = 0.5", f"{config}:2"]
    assert [part.strip() for part in lines["report"]] == ['report = ["file"]', "--report"]
    assert [part.strip() for part in lines["state_directory"]] == ['state_directory = "/srv/x"', "--state-directory"]


def test_accepted_risks_that_accept_nothing_are_named_with_the_settings(tmp_path):
    config, entry = tmp_path / "c.toml", '[[accept]]\nsubject = "*"\nreason = "x"\nowner = "me"\n'
    good = f'{entry}finding = "imdsv1-caller"\nexpires = 2027-01-31\n'
    config.write_text(
        f'{good}{entry}finding = "imdsv1-caller"\nexpires = "soon"\n{entry}finding = "x-y"\nexpires = 2027-01-31\n'
    )
    done = run("--config", config, "--print-config")
    assert done.returncode == 0
    assert b"accept = [" in done.stdout
    first, second = done.stderr.decode().splitlines()
    assert first.startswith(f"imds-probe: {config}:12: this entry [[accept]] accepts nothing: expires is not a day. ")
    assert first.endswith(" See docs/accepted-risks.md.")
    assert second.startswith(f"imds-probe: {config}:13: ")
    assert "x-y is not the id of a finding. `imds-probe explain` lists all ids." in second
    config.write_text(good)
    assert run("--config", config, "--print-config").stderr == b""


def test_out_never_takes_the_place_of_a_device_or_a_fifo(elsewhere, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    done = run("--root", elsewhere, "--out", tmp_path / "fifo")
    assert done.returncode == 2
    assert b"fifo cannot be written" in done.stderr
    assert (tmp_path / "fifo").is_fifo()


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_form_with_a_bug_in_it_is_json_instead(elsewhere, tmp_path, form):
    """The report is whole, and the sinks get it."""
    config = tmp_path / "c.toml"
    config.write_text(f'[file]\npath = "{tmp_path}/kept/report.json"\n')
    arguments = ["run", "--root", str(elsewhere), "--output", form, "--report", "file", "--config", str(config)]
    program = (
        f"import sys; from imds_probe.render import {form}\n"
        "def broken(*_): raise ZeroDivisionError('boom')\n"
        f"{form}.render = broken\n"
        "from imds_probe.commands.dispatch import main\n"
        f"sys.exit(main({[*arguments, '--state-directory', str(tmp_path)]!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert done.returncode == 70
    assert f"this is a bug in imds-probe, in the output as {form}" in done.stderr.decode()
    assert check(json.loads(done.stdout)) == json.loads((tmp_path / "kept/report.json").read_text())


def test_what_a_run_used_is_in_its_report(elsewhere):
    probe = json.loads(run("--root", elsewhere, "--output", "json").stdout)["probe"]
    assert 0 < probe["cpu_ms"] < 60_000
    assert 1024**2 < probe["bytes_read"] < 1024**3
    assert probe["disk_bytes_read"] >= 0
    assert 10 * 1024**2 < probe["peak_memory_bytes"] < 200 * 1024**2


def test_what_a_host_is_short_of_is_about_what_the_run_writes(elsewhere, tmp_path, capsys):
    """Its disk is searched for SDKs where there is room, and not where the report's own place has none. In this process, which does
    not look whether memory is short just now on the machine.
    """
    disk = tmp_path / "disk"
    (elsewhere / "proc").mkdir(exist_ok=True)

    def act():
        main(["run", "--root", str(elsewhere), "--state-directory", str(disk), "--output", "json"])
        return json.loads(capsys.readouterr().out)

    full = bad_places.on_disk(disk, "full", act)
    said = f"the disk was not searched for SDKs: the disk below {disk} is nearly full: only 0 KiB are free"
    assert full["sdks_left_out"] == [said]
    disk.rmdir()
    assert act()["sdks_left_out"] == []


@pytest.mark.parametrize("wrong", ["--no-such-option", "--help", "--print-config"])
def test_what_assesses_nothing_leaves_no_process_behind(wrong):
    script = (
        "import os, sys; from imds_probe.commands.dispatch import main\n"
        f"try: main(['run', {wrong!r}])\nexcept SystemExit: pass\n"
        "print('left:', open(f'/proc/self/task/{os.getpid()}/children').read())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == b"left: "
