"""A sink of today is taken out of a copy of the tree, which then shows it nowhere, and is put back by what
docs/adding-a-sink.md names: the copy is whole again, to the byte.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/adding-a-sink.md"
FOLDERS = ("imds_probe", "docs", "examples", "packaging", "systemd", "tests/packaging", "tests/sinks")
FILES = (
    *("README.md", "SECURITY.md", "CHANGELOG.md", "setup.cfg", "pyproject.toml"),
    *("tests/conftest.py", "tests/cloudformation_template.py", "tests/aws_server.py", "tests/aws_rights.py"),
    "tests/soon.py",
)
# What holds for all sinks and for what is written of them by hand.
CONFORMANCE = ("tests/packaging/test_declared.py", "tests/sinks/test_declaration.py")
MADE = (
    *("packaging/imds-probe.toml", "packaging/imds-probe.1", "packaging/ssm/imds-probe-run.yaml"),
    *(
        "packaging/cloudformation/imds-probe-ssm.yaml",
        "systemd/imds-probe.service",
        "systemd/imds-probe-daemon.service",
    ),
)

EXAMPLE = "such as cloudwatch,cloudwatch-logs"  # of a value, in a description that is written by hand


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """With what is compiled of it already, but for what is being written just now."""
    ignored = shutil.ignore_patterns("*.pyc.*", ".*")
    for folder in FOLDERS:
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=ignored)
    for file in FILES:
        shutil.copy(PROJECT / file, tmp_path / file)
    return tmp_path


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": f"{tree}:{tree}/tests"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what one compiles the next one has
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environ, capture_output=True, text=True, check=False, timeout=300
    )


def content(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and not {"__pycache__", ".hypothesis", ".pytest_cache"} & set(path.parts)
    }


def named(module: str) -> list[str]:
    """The files that the page names, as they are for this sink. Folders are those that the command fills."""
    paths = re.findall(r"`((?:imds_probe|tests|packaging|docs)/[^` ]+)`", PAGE.read_text())
    named = [path.replace("pigeon", module) for path in paths]
    return [path for path in named if not (PROJECT / path).is_dir()]


def take_out(tree: Path, name: str, module: str) -> None:
    """What the page has one add is removed, and what is made of it with the command that makes it."""
    (tree / f"imds_probe/sinks/{module}.py").unlink()
    (tree / f"tests/sinks/test_{module}.py").unlink()
    for policy in (tree / "packaging/iam").glob(f"{name}*.json"):
        policy.unlink()
    for file, line in (
        ("imds_probe/sinks/__init__.py", f'    "{name}": "imds_probe.sinks.{module}",\n'),
        *(
            (page, next(row for row in _lines(tree / page) if row.startswith(f"| `{name}` |")))
            for page in ("docs/reporting.md", "docs/costs.md")
        ),
    ):
        text = (tree / file).read_text()
        assert text.count(line) == 1
        (tree / file).write_text(text.replace(line, ""))
    for file, words in (
        ("docs/reporting.md", f" `{name}`,"),
        ("docs/aws.md", f"`{name}` and "),
        ("packaging/cloudformation/imds-probe-role.yaml", f'"{name}" and '),
    ):
        (tree / file).write_text((tree / file).read_text().replace(words, ""))
    made = run(tree, "packaging/declared.py")
    assert (made.returncode, made.stderr) == (0, "")


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def shown(tree: Path, name: str) -> set[str]:
    """Where a user meets the sink."""
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    places = {file for file in MADE if word.search((tree / file).read_text().replace("\\-", "-").replace(EXAMPLE, ""))}
    helped = run(tree, "-m", "imds_probe", "run", "--help")
    assert helped.returncode == 0, helped.stderr
    in_force = run(tree, "-m", "imds_probe", "run", "--config", "none.toml", "--print-config")
    assert in_force.returncode == 0, in_force.stderr
    completed = run(
        tree, "-c", "import sys; sys.path.insert(0, 'packaging'); import completion; print(completion.script())"
    )
    assert completed.returncode == 0, completed.stderr
    refused = run(tree, "-m", "imds_probe", "run", "--report", "dove")
    for place, text in (
        ("--help", " ".join(helped.stdout.split())),
        ("--print-config", in_force.stdout),
        ("completion", completed.stdout),
        ("what --report takes", refused.stderr),
    ):
        if word.search(text):
            places.add(place)
    return places


@pytest.mark.timeout(900)  # it starts Python a dozen times, and pytest twice
def test_one_is_taken_out_and_put_back_by_the_page(tree: Path) -> None:
    name, own = "cloudwatch-logs", {"packaging/iam/cloudwatch-logs.json", "packaging/iam/cloudwatch-logs-group.json"}
    module = name.replace("-", "_")
    (tree / "none.toml").write_text("")
    whole = content(tree)
    take_out(tree, name, module)
    assert shown(tree, name) == set()
    without = content(tree)
    assert own <= {path for path, text in whole.items() if without.get(path) != text}
    tested = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CONFORMANCE)
    assert tested.returncode == 0, tested.stdout

    for path in named(module):
        shutil.copy(PROJECT / path, tree / path)
    assert run(tree, "packaging/declared.py").returncode == 0
    again = content(tree)
    assert {path for path in whole | again if whole.get(path) != again.get(path)} == set()
    everywhere = {"--help", "--print-config", "completion", "what --report takes"}
    assert shown(tree, name) >= everywhere | {path for path in MADE if not path.startswith("systemd/")}
    assert run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CONFORMANCE).returncode == 0


def test_every_file_that_the_page_names_is_there() -> None:
    assert [path for path in named("textfile") if not (PROJECT / path).exists()] == []
