"""A sink is added by one file and one line: a copy of the tree gets one, and each place shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe.sinks import SINKS

PROJECT = Path(__file__).parents[2]
LAST = list(SINKS)[-1]
COPIED = ("imds_probe", "packaging", "systemd", "tests", "docs", "examples")
COPIED += ("README.md", "SECURITY.md", "CHANGELOG.md", "setup.cfg", "pyproject.toml")
LAST_LINE = f'    "{LAST}": "{SINKS[LAST]}",\n'
SINK = '''
"""The sink "raven": the verdict on a small piece of paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imds_probe.config import AwsConfig, Settings, values
from imds_probe.config.keys import Section, setting
from imds_probe.sinks.declaration import Declaration, Policy
from imds_probe.sinks.sink import Report


@dataclass(frozen=True)
class RavenConfig(Section):
    loft: Path = setting("raven.loft", "/var/lib/ravens/home", values.absolute, "Where it comes home to.")
    speed_s: float | None = setting("raven.speed", None, values.duration, "Without it: unhurried.", example="90s")


class Raven:
    name = "raven"
    keeps_each = True
    repeatable = False

    def __init__(self, config: RavenConfig, aws: AwsConfig) -> None:
        self._config, self._aws = config, aws

    def send(self, report: Report, deadline: float) -> None:
        (self._config.loft / "verdict").write_text(report["verdict"]["state"])

    def _by_air(self, client) -> None:
        client.send_bird(Loft=str(self._config.loft))


def make(settings: Settings, environ: Mapping[str, str]) -> Raven:
    return Raven(settings.of(RavenConfig), settings.of(AwsConfig))


SINK = Declaration(
    name="raven",
    purpose="the verdict, by air",
    make=make,
    settings=RavenConfig,
    shared=(AwsConfig,),
    policies=(
        Policy("raven", "SendBirds", actions=("birds:SendBird",), resources=("arn:aws:birds:*:*:loft/home",)),
    ),
    paths=("/var/lib/ravens/home",),
    costs="AWS charges for grain.",
)
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy with the sink, as the page on adding one says, and what is compiled already."""
    copy = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy(PROJECT / name, copy / name)
    (copy / "imds_probe/sinks/raven.py").write_text(SINK.lstrip())
    listed = copy / "imds_probe/sinks/__init__.py"
    text = listed.read_text()
    assert text.count(LAST_LINE) == 1
    listed.write_text(text.replace(LAST_LINE, f'{LAST_LINE}    "raven": "imds_probe.sinks.raven",\n'))
    return copy


@pytest.fixture(scope="module")
def python(tree):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = dict(os.environ) | {"PYTHONPATH": str(tree)}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what one compiles the next one has
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tree,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )

    return run


@pytest.fixture(scope="module")
def written(tree, python) -> list[str]:
    """What the command wrote anew."""
    before = python("packaging/declared.py", "--check")
    assert before.returncode == 1
    done = python("packaging/declared.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert python("packaging/declared.py", "--check").returncode == 0
    named = [
        line.partition(" is not what the code declares: run `make declared`")[0] for line in before.stderr.splitlines()
    ]
    assert named == done.stdout.splitlines()
    return named


def test_the_command_says_what_it_wrote(written):
    assert sorted(written) == [
        "docs/commands.md",
        "docs/configuration.md",
        "docs/privileges.md",
        "docs/what-it-sends.md",
        "packaging/cloudformation/imds-probe-ssm.yaml",
        "packaging/iam/raven.json",
        "packaging/imds-probe.1",
        "packaging/imds-probe.toml",
        "packaging/man/imds-probe-run.1",
        "packaging/ssm/imds-probe-run.yaml",
        "systemd/imds-probe-daemon.service",
        "systemd/imds-probe.service",
    ]


@pytest.mark.usefixtures("written")
def test_configuration_file(tree):
    text = (tree / "packaging/imds-probe.toml").read_text()
    assert (
        '\n[raven]\n# Where it comes home to.\n#loft = "/var/lib/ravens/home"\n'
        '# Without it: unhurried.\n#speed = "90s"\n' in text
    )
    assert f'"{LAST}", "raven"' in text


@pytest.mark.usefixtures("written")
def test_units(tree):
    for name in ("imds-probe.service", "imds-probe-daemon.service"):
        text = (tree / "systemd" / name).read_text()
        assert "ReadWritePaths=-/var/lib/amazon/ssm -/var/lib/prometheus/node-exporter -/var/lib/ravens/home\n" in text
        assert '# Where the sinks "ssm-inventory", "textfile" and "raven" write.' in text


@pytest.mark.usefixtures("written")
def test_policy(tree):
    document = json.loads((tree / "packaging/iam/raven.json").read_text())
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "SendBirds",
                "Effect": "Allow",
                "Action": "birds:SendBird",
                "Resource": "arn:aws:birds:*:*:loft/home",
            }
        ],
    }


@pytest.mark.usefixtures("written")
def test_manual(tree):
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-c", str(tree / "packaging/imds-probe.1")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    words = " ".join(re.sub(r".\x08", "", done.stdout).split())
    assert "The verdict, by air. AWS charges for grain. Settings: raven.loft, raven.speed." in words
    assert "Writes below /var/lib/ravens/home." in words


def test_settings_in_force_and_mistakes(tree, python):
    (tree / "c.toml").write_text('report = ["raven"]\n[raven]\nspeed = "2h"\n')
    done = python("-m", "imds_probe", "run", "--config", "c.toml", "--print-config")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split(" = ")[0]: line.split("  # ") for line in done.stdout.splitlines() if " = " in line}
    assert [part.strip() for part in lines["speed"]] == ['speed = "2h"', "c.toml:3"]
    assert [part.strip() for part in lines["loft"]] == ['loft = "/var/lib/ravens/home"', "default"]
    (tree / "c.toml").write_text('[raven]\nspeed = "fast"\n')
    done = python("-m", "imds_probe", "run", "--config", "c.toml", "--print-config")
    assert done.returncode == 2
    assert "c.toml:2: raven.speed is wrong: 'fast'" in done.stderr
    (tree / "c.toml").write_text("[raven]\ncolour = 1\n")
    done = python("-m", "imds_probe", "run", "--config", "c.toml", "--print-config")
    assert "there is no setting raven.colour. Known in [raven]: " in done.stderr
    assert "raven.loft, raven.speed" in done.stderr


def test_command_line_and_completion(tree, python):
    done = python("-m", "imds_probe", "run", "--report", "dove")
    assert f"{', '.join(SINKS)}, raven" in done.stderr
    done = python("-c", "import sys; sys.path.insert(0, 'packaging'); import completion; print(completion.script())")
    assert f'run--report) values="{" ".join(SINKS)} raven"' in done.stdout


@pytest.mark.usefixtures("written")
def test_what_is_written_by_hand_is_named_and_nothing_else(python):
    done = python(
        *("-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider"),
        *(
            "tests/packaging/test_declared.py",
            "tests/sinks/test_declaration.py",
            "tests/commands/test_configuration.py",
        ),
    )
    failed = {
        line.partition("::")[2].partition(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED ")
    }
    assert failed == {
        "test_packages_have_the_interface_of_each_service_that_a_sink_calls",
        "test_the_template_for_the_role_has_each_policy",
        "test_the_docs_have_a_row_for_each_sink_and_say_which_rights_it_needs",
    }
    assert "imds-probe-role.yaml has no policy with the statements {'SendBirds'}" in done.stdout
    assert "docs/reporting.md, the table of sinks" in done.stdout
    assert "SERVICES in packaging/application.py lacks {'birds'}" in done.stdout
