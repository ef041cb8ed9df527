"""Every command of the pages that a reader would type: run here on a made-up host that is not EC2, or held to what it names.

Commands for AWS go through the AWS CLI's own parser in tests/packaging/test_real_aws_cli.py, and those that install run in roots of
Debian and rpm in tests/install/test_readme_install.py. Those that ask EC2 run beside moto in tests/fleet/test_ec2.py. Those that
watch run in the lab (tests/lab/test_watch.py), and are parsed here. Those that rehearse are only parsed: tests/lab/test_rehearse.py
runs the same options with programs of its own.
"""

import contextlib
import importlib
import itertools
import json
import re
import shutil
import signal
import subprocess
import sys

import fleets_made
import pages
import pytest
import yaml
from docs_commands import ALL, OURS
from golden_reports import golden_report
from soon import SOON_S

from imds_probe import exitcodes
from imds_probe.commands import COMMANDS
from imds_probe.commands.dispatch import main
from imds_probe.report import dump
from imds_probe.simulator import scenarios

ROOT = pages.ROOT
RUN = ("run", "judge", "fleet", "explain", "catalog", "doctor")
# By what each other program's lines are tested; what is listed with a dash only prepares or shows something.
TESTED = {
    "aws": "tests/packaging/test_real_aws_cli.py",
    "apt-get": "tests/install/test_readme_install.py",
    "rpm": "tests/install/test_readme_install.py",
    "curl": "test_the_simulator_is_started_and_changed_as_its_page_says",
    "make": "test_make_has_these_targets",
    "systemctl": "test_these_units_are_in_the_package",
    "docker": "test_what_they_name_for_containers_is_there",
    "kubectl": "test_what_they_name_for_containers_is_there",
    "gpg": "tests/install/test_signatures.py",
    "sha256sum": "tests/install/test_signatures.py",
    "ar": "tests/install/test_signatures.py",
    "ssh": "-",
    "scp": "-",
    "mkdir": "-",
    "jq": "-",
    "git": "-",
    "cp": "-",
    "touch": "-",
    "rm": "-",
    "cd": "-",
    "export": "-",
    "for": "-",
    "do": "-",
    "done": "-",
}


INSTANCE = {
    "InstanceId": fleets_made.instance_id(1),
    "State": {"Name": "running"},
    "Tags": [{"Key": "Team", "Value": "a"}],
}


def named(program):
    return [words for _, words in ALL if words[0] == program]


def test_each_is_tested_somewhere():
    unknown = {(page, words[0]) for page, words in ALL if words[0] not in TESTED and words[0] != "imds-probe"}
    assert unknown == set()
    assert len(OURS) > 40


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Files that the commands name, and the root of a host that is not EC2."""
    path = tmp_path_factory.mktemp("place")
    root = path / "root"
    scenarios.write_host(root, {}, "none")
    (root / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    for name in ("data/apps", "mnt/efs"):
        (root / name).mkdir(parents=True)
    (path / "report.json").write_text(dump(golden_report("needs-hop-limit")))
    (path / "reports").mkdir()
    for number in range(3):
        report = json.dumps(fleets_made.report(number))
        (path / f"reports/{fleets_made.instance_id(number)}.json").write_text(report)
    shutil.copy(ROOT / "examples/config/acme.json", path)
    shutil.copytree(ROOT / "examples", path / "examples")
    (path / "instances.json").write_text(json.dumps({"Reservations": [{"Instances": [INSTANCE]}]}))
    events = [{"message": json.dumps(fleets_made.report(number)), "timestamp": number} for number in range(3)]
    (path / "events.json").write_text(json.dumps({"events": events}))
    (path / "settings.toml").write_text(f'[file]\npath = "{path}/kept/report.json"\n')
    with contextlib.chdir(path):
        main(["run", "--root", str(root), "--keep", "confirmed.json", "--out", "run.txt"])
        main(["fleet", "--output", "json", "--out", "yesterday.json", "--jobs", "1", "reports/"])
    return path


def as_here(words, place):
    """A command with the made-up host in the place of the reader's."""
    kept = "confirmed.json" if words[0] == "run" else "report.json"
    words = [word.replace("/root/report.json", kept) for word in words if word != ">"]
    if words[0] == "fleet":
        return [*words, "--jobs", "1"]
    if words[0] == "doctor":
        return [*words, "--root", str(place / "root"), "--state-directory", str(place / "state")]
    if words[0] != "run":
        return words
    if "--root" in words:
        words[words.index("--root") + 1] = str(place / "root")
    else:
        words += ["--root", str(place / "root")]
    if "--watch" in words:
        words[words.index("--watch") + 1] = "1s"
    return [*words, "--config", str(place / "settings.toml"), "--state-directory", str(place / "state")]


@pytest.fixture
def alone(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


def is_run(words):
    """Whether a command runs here, by itself."""
    return words[0] in RUN and "--ec2" not in words


def is_parsed(words):
    """Whether it needs the lab."""
    return words[0] in ("watch", "rehearse")


def test_each_is_run_or_parsed():
    rest = [words for words in OURS if not is_run(words) and not is_parsed(words)]
    assert {words[0] for words in rest} == {"simulate", "fleet"}
    assert all("--ec2" in words for words in rest if words[0] == "fleet")


@pytest.mark.parametrize("words", list(filter(is_run, OURS)), ids=" ".join)
def test_it_runs(words, place, alone, capsys):
    if "athena.csv" in words:
        (place / "athena.csv").write_text(trail())
    code = main(as_here(list(words), place))
    out, err = capsys.readouterr()
    assert code in (exitcodes.READY, exitcodes.NOT_READY, exitcodes.UNKNOWN, exitcodes.NEEDS_HOP_LIMIT), err
    assert out or "--out" in words
    assert "this is a bug" not in err


@pytest.mark.parametrize("words", list(filter(is_parsed, OURS)), ids=" ".join)
def test_it_is_parsed(words, monkeypatch):
    assert words[0] in COMMANDS
    monkeypatch.setattr(importlib.import_module(f"imds_probe.commands.{words[0]}"), "run", lambda args: 0)
    assert main(list(words)) == 0


def test_the_simulator_is_started_and_changed_as_its_page_says(tmp_path):
    """All its commands, with a port and a socket of the test's own. curl reaches nothing but the socket."""
    ((_, started),) = [(page, words) for page, words in ALL if words[:2] == ["imds-probe", "simulate"]]
    socket = str(tmp_path / "imds.sock")
    started, *asked = ([word.replace("/tmp/imds.sock", socket) for word in each] for each in (started, *named("curl")))
    assert socket in started
    assert asked and all(words[1:3] == ["--unix-socket", socket] for words in asked)
    argv = [sys.executable, "-m", "imds_probe", *started[1:], "--listen", "127.0.0.1:0"]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline().startswith("listening on http://127.0.0.1:")
        for words in (*asked, ["curl", "--unix-socket", socket, "http://localhost/state"]):
            argv = [*words, "--fail", "--silent"]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=SOON_S, check=False)
            assert done.returncode == 0, done
        state = json.loads(done.stdout)
        assert (state["http_tokens"], state["hop_limit"]) == ("required", 2)
    finally:
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=SOON_S)
    assert child.returncode == 0


def test_what_tests_other_programs_is_there():
    """A file or folder whose tests name the program or read its page's block, or a test in this file."""
    for program, where in TESTED.items():
        if where == "-":
            continue
        if where.startswith("test_"):
            assert where in globals(), program
            continue
        files = [ROOT / where] if where.endswith(".py") else sorted((ROOT / where).glob("*.py"))
        text = "".join(path.read_text() for path in files)
        assert re.search(rf"\b{re.escape(program)}\b", text) or "docs/install.md" in text, program


def trail():
    """A line of the columns that the query on the page gives."""
    (query,) = [text for language, text in pages.blocks(ROOT / "docs/fleet.md") if language == "sql"][:1]
    columns = re.findall(r"\bAS (\w+)", query, re.IGNORECASE)
    return ",".join(f'"{each}"' for each in columns) + "\n"


def test_make_has_these_targets():
    makefile = (ROOT / "Makefile").read_text()
    targets = {words[1] for words in named("make")}
    assert {"demo", "test", "packages", "release"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}: ", makefile, re.MULTILINE)] == []


def test_these_units_are_in_the_package():
    units = {path.name for path in (ROOT / "systemd").iterdir()}
    called = {words[-1] for words in named("systemctl")}
    assert called
    assert {unit if "." in unit else f"{unit}.service" for unit in called} <= units


def test_what_they_name_for_containers_is_there():
    documents = list(yaml.safe_load_all((ROOT / "packaging/container/daemonset.yaml").read_text()))
    names = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in documents}
    for words in (*named("kubectl"), *named("docker")):
        for option, file in itertools.pairwise(words):
            if option in ("-f", "--file"):
                assert (ROOT / file).exists(), words
        if "--namespace" in words:
            assert f"namespace/{words[words.index('--namespace') + 1]}" in names, words
        assert all(word in names for word in words if word.startswith("daemonset/")), words
