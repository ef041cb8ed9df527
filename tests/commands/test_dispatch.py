import os
import subprocess
import sys

import pytest

from imds_probe import __version__
from imds_probe.commands import COMMANDS
from imds_probe.commands.dispatch import main


def imds_probe(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "imds_probe", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def test_help_names_every_command():
    done = imds_probe("--help")
    assert done.returncode == 0
    assert all(f"\n    {name} " in done.stdout for name in COMMANDS)


def test_version():
    assert imds_probe("--version").stdout == f"imds-probe {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert f"usage: imds-probe {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["nonesuch"], "invalid choice"),
        (["run", "--nonesuch"], "unrecognized arguments: --nonesuch. See `imds-probe run --help`."),
        (["run", "--timeout", "soon"], "is no length of time"),
        (["run", "--timeout=-1"], "is no length of time"),
        (["run", "--timeout", "2h"], "write 0.1s to 1h"),
        (["run", "--only", "nonesuch"], "there is no rule 'nonesuch'"),
        (["run", "--root", "/nonesuch"], "is no directory"),
        (["run", "--out", "/nonesuch/report"], "cannot be written"),
        (["run", "--output", "xml"], "invalid choice"),
        (["explain", "nonesuch"], "there is no finding 'nonesuch'"),
        (["simulate", "--set", "nonesuch=1"], "nonesuch"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, words):
    done = imds_probe(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_bad_endpoint_in_the_environment_is_wrong_usage_too():
    done = imds_probe("run", env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://example.com", "PATH": "/usr/bin"})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("error", "code"), [("UsageError", 2), ("ProbeError", 69), ("HeldError", 75), ("CommandMissing", 69)]
)
def test_only_wrong_usage_has_its_code(error, code):
    program = (
        "import imds_probe.assessment as a, imds_probe.errors as e, sys\n"
        f"def broken(*_, **__): raise e.{error}('it is so', 'Do that.')\n"
        "a.assess = broken\n"
        "from imds_probe.commands.dispatch import main\n"
        "sys.exit(main(['run']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (code, "imds-probe: it is so. Do that. See docs/verdict.md.\n")


def test_a_bug_has_its_own_code_and_a_report_to_paste():
    program = (
        "import imds_probe.assessment as a, sys\n"
        "def broken(*_, **__): raise ZeroDivisionError('boom')\n"
        "a.assess = broken\n"
        "from imds_probe.commands.dispatch import main\n"
        "sys.exit(main(['run']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 70
    assert f"imds-probe {__version__}, Python" in done.stderr
    assert "ZeroDivisionError: boom" in done.stderr


def test_a_reader_that_leaves_is_no_bug():
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m imds_probe explain | head -n 1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from imds_probe.commands.dispatch import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    )
    program += "print(sorted({'requests', 'urllib3', 'distro', 'asyncio', 'json'} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == "[]\n"


def test_whoever_only_watches_has_nothing_of_a_run_in_memory():
    """For as long as the host is up, and so have the processes that it forks."""
    program = (
        "import sys, imds_probe.service.daemon, imds_probe.commands.watch, imds_probe.render.watching\n"
        "of_a_run = [f'imds_probe.{each}' for each in ('collect', 'rules', 'catalog', 'ecosystems', 'aws')]\n"
        "print(sorted({*of_a_run, 'ssl', 'http.client'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("to_journal", [True, False])
def test_the_journal_puts_the_name_there_itself(tmp_path, to_journal):
    """systemd says which stream is the journal's; a variable that was handed on to other programs says nothing."""
    file = tmp_path / "said"
    with file.open("wb") as stream:
        status = file.stat()
        named = f"{status.st_dev}:{status.st_ino + (not to_journal)}"
        argv = [sys.executable, "-m", "imds_probe", "run", "--config", "/nonexistent/x.toml"]
        done = subprocess.run(argv, stderr=stream, env={**os.environ, "JOURNAL_STREAM": named}, check=False)
    assert done.returncode == 2
    said = file.read_text()
    assert said.startswith("imds-probe: ") is not to_journal
    assert "/nonexistent/x.toml" in said
