"""A collector is added and taken away by what docs/adding-a-collector.md names, and by nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator

SOURCE = Path(__file__).parents[2]
FACT = '''"""How long the host has been up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imds_probe.facts.section import Section


@dataclass(frozen=True)
class Uptime(Section):
    """Since the kernel started."""

    report_key: ClassVar[str] = "uptime"
    heading: ClassVar[str] = "Uptime"

    seconds: float
    rounded: bool
'''
COLLECTOR = '''"""How long the host has been up, by /proc/uptime."""

from __future__ import annotations

from dataclasses import dataclass

from imds_probe.collect.collector import Collected, Collector, Option
from imds_probe.collect.context import Context
from imds_probe.errors import ProbeError
from imds_probe.facts.platform import Platform
from imds_probe.facts.uptime import Uptime
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task


@dataclass(frozen=True)
class UptimeOptions:
    """`rounded`: to whole seconds."""

    rounded: bool = False


def _collect(context: Context) -> Collected:
    rounded = context.option(UptimeOptions).rounded
    answer = context.reader.ask(UPTIME, str(context.root), [context.root], share_of(context.deadline, 60.0))
    if answer.failed:
        raise ProbeError(answer.failed)
    (seconds,) = answer.found
    return Collected((Uptime(round(seconds) if rounded else seconds, rounded),))


UPTIME: Task[str, float] = Task("age of the boot", float, "imds_probe.collect.uptime_reading:read_uptime")
COLLECTOR = Collector(
    id="uptime",
    collect=_collect,
    gives=(Uptime,),
    without="how long the host has been up",
    needs=(Platform,),
    reads=(UPTIME,),
    options=(Option("--round-uptime", UptimeOptions, "rounded", {"action": "store_true", "help": "whole seconds"}),),
)
'''


READING = '''"""What /proc/uptime says, as the parser reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imds_probe.system import rootfs


def read_uptime(root: str) -> Iterator[float]:
    """The seconds since the kernel started. Raises FileUnreadable."""
    content = rootfs.read(Path(root), "proc/uptime")
    if content is None:
        raise rootfs.FileUnreadable("there is no /proc/uptime")
    yield float(content.split()[0])
'''
TEXTS = """    "Uptime": Described(
        "Uptime",
        "How long the host has been up.",
        {"seconds": "Time since the boot, in seconds.", "rounded": "Whether it was rounded."},
    ),
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the package, with what is compiled of it already, but for what is being written just now."""
    copy = tmp_path / "tree"
    ignored = shutil.ignore_patterns("*.pyc.*")
    shutil.copytree(SOURCE / "imds_probe", copy / "imds_probe", ignore=ignored)
    shutil.copytree(SOURCE / "packaging", copy / "packaging", ignore=ignored)
    for folder in ("systemd", "docs", "examples"):
        shutil.copytree(SOURCE / folder, copy / folder)
    for file in ("setup.cfg", "SECURITY.md", "README.md", "CHANGELOG.md"):
        shutil.copy(SOURCE / file, copy / file)
    return copy


@pytest.fixture
def host(tmp_path: Path) -> Path:
    root = tmp_path / "host"
    scenarios.write_host(root, {"cloud-init": "23.1-1"}, "i-0123456789abcdef0")
    (root / "proc").mkdir(exist_ok=True)
    return root


def python(tree: Path, *arguments: str, endpoint: str = "") -> str:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree)}
    if endpoint:
        environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = endpoint
    done = subprocess.run(
        [sys.executable, *arguments], env=environ, cwd=tree, capture_output=True, text=True, check=False, timeout=400
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout, done.stderr
    return done.stdout


def line_added(path: Path, after: str, line: str) -> None:
    text = path.read_text()
    assert text.count(after) == 1
    path.write_text(text.replace(after, after + line))


def line_removed(path: Path, line: str) -> None:
    text = path.read_text()
    assert text.count(line) == 1
    path.write_text(text.replace(line, ""))


def test_a_new_one_is_in_everything_that_shows_facts(tree, host):
    (tree / "imds_probe/facts/uptime.py").write_text(FACT)
    (tree / "imds_probe/collect/uptime.py").write_text(COLLECTOR)
    (tree / "imds_probe/collect/uptime_reading.py").write_text(READING)
    line_added(
        tree / "imds_probe/collect/readings.py", "import tomllib\n", "\nfrom imds_probe.collect import uptime_reading\n"
    )
    listed = tree / "imds_probe/collect/collectors.py"
    line_added(listed, "    software,\n", "    uptime,\n")
    line_added(listed, "    host.COLLECTOR,\n", "    uptime.COLLECTOR,\n")
    texts = tree / "packaging/report_texts.py"
    line_added(texts, "OBJECTS: Mapping[str, Described] = {\n", TEXTS)
    line_added(
        texts,
        '            "host": "Name, operating system and kernel of the host.",\n',
        '            "uptime": "Age of the boot.",\n',
    )
    (host / "proc/uptime").write_text("4711.25 9000.00\n")
    with Simulator() as simulator:

        def run(*arguments):
            return python(tree, "-m", "imds_probe", "run", "--root", str(host), *arguments, endpoint=simulator.url)

        document = json.loads(run("--output", "json"))
        assert document["uptime"] == {"seconds": 4711.25, "rounded": False}
        assert json.loads(run("--output", "json", "--round-uptime"))["uptime"] == {"seconds": 4711.0, "rounded": True}
        for form in ("text", "html"):
            page = run("--output", form)
            assert "Uptime" in page
            assert "4711.25" in page
        (host / "proc/uptime").unlink()
        without = json.loads(run("--output", "json"))
    assert without["uptime"] is None
    runs = {each["id"]: each for each in without["collectors"]}
    assert (runs["uptime"]["status"], runs["uptime"]["means"]) == ("failed", "how long the host has been up")
    assert [each["id"] for each in document["collectors"]].index("uptime") == 4  # where the list has it
    report = host / "report.json"
    report.write_text(json.dumps(document))
    assert "(as before)" in python(tree, "-m", "imds_probe", "judge", str(report))
    assert "--round-uptime" in python(tree, "-m", "imds_probe", "run", "--help")
    completion = "import sys; sys.path.insert(0, 'packaging'); import completion; print(completion.script())"
    assert "--round-uptime" in python(tree, "-c", completion)
    assert "schema/report-v1.json" in python(tree, "packaging/declared.py")
    schema = json.loads((tree / "imds_probe/schema/report-v1.json").read_text())
    assert "Uptime" in schema["$defs"]
    assert "uptime" not in schema["required"]  # reports of before do without


def test_one_that_is_there_can_be_taken_away_and_put_back(tree, host):
    # Its facts stay: other rules quote them where there are any.
    names = ("collect/obstacles.py", "rules/obstacles.py")
    lists = [tree / "imds_probe/collect/collectors.py", tree / "imds_probe/rules/__init__.py"]
    kept = {path: path.read_bytes() for path in [*(tree / "imds_probe" / name for name in names), *lists]}
    for name in names:
        (tree / "imds_probe" / name).unlink()
    for line in ("    obstacles,\n", "    obstacles.COLLECTOR,\n", "    obstacles.INSIDE,\n", "obstacles.JOIN, "):
        line_removed(lists[0], line)
    for line in ("    obstacles,\n", "    obstacles.RULE,\n"):
        line_removed(lists[1], line)
    with Simulator() as simulator:
        arguments = ("-m", "imds_probe", "run", "--root", str(host), "--output", "json")
        without = json.loads(python(tree, *arguments, endpoint=simulator.url))
        for path, content in kept.items():
            path.write_bytes(content)
        again = json.loads(python(tree, *arguments, endpoint=simulator.url))
    assert set(again) - set(without) == {"obstacles"}
    assert {each["id"] for each in again["rules"]} - {each["id"] for each in without["rules"]} == {"obstacles"}
    assert without["verdict"]["state"] == again["verdict"]["state"]
