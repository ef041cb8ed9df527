"""The contents of the package alone: no shell, no C library, no /proc, no /etc. Whatever works here came with it."""

from __future__ import annotations

import ast
import json
import os
import pkgutil
import re
from pathlib import Path

import package_roots
import pytest
from golden_reports import DIRECTORY
from package_roots import PREFIX, PYTHON, contents, must, run

import imds_probe.sinks

EVERYTHING = (
    "bz2 ctypes decimal hashlib lzma sqlite3 ssl uuid zlib msgspec ahocorasick_rs urllib3 yaml distro jinja2 "
    "packaging.version"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory, packages) -> Path:
    return package_roots.unpacked(packages.deb(), tmp_path_factory.mktemp("empty") / "root")


def test_the_main_job(root, assessed):
    before = contents(root)
    assessed(root, frozenset(["no-package-manager"]))
    # Nothing was written but what the test itself put there: no byte code.
    assert {path for path in contents(root) if path not in before and not path.startswith(("sys", "proc"))} == set()


def test_without_proc_it_says_what_it_could_not_see(root, lab):
    argv = ["chroot", str(root), "/usr/bin/imds-probe", "run", "--output", "json", "--assume-ec2"]
    done = lab.instance.run(argv, timeout_s=60)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]["state"], report["imds"]["endpoint"]) == (3, "unknown", "enabled")


def test_all_libraries_are_the_packages_own(root):
    (root / "proc").mkdir(exist_ok=True)
    code = f"import {EVERYTHING.replace(' ', ', ')}, ctypes; ctypes.CDLL('libgcc_s.so.1'); print(open('/proc/self/maps').read())"
    mount = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"']
    mapped = must([*mount, root, PYTHON, "-I", "-c", code])
    files = set(re.findall(r"(/\S+)$", mapped, re.MULTILINE))
    assert len(files) > 20
    assert {path for path in files if not path.startswith(f"/{PREFIX}/")} == set()


@pytest.mark.parametrize("module", sorted(each.name for each in pkgutil.iter_modules(imds_probe.sinks.__path__)))
def test_each_sink_finds_all_that_it_imports(root, module):
    must([PYTHON, "-I", "-c", f"import imds_probe.sinks.{module}"], root=root)


def test_whatever_the_project_imports_came_with_it(root):
    """Also what functions import when they are called. What is for those who check types alone is not there to be imported."""
    wanted = set()
    for path in Path(imds_probe.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        checked = [
            node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ]
        aside = {id(inner) for node in checked for outer in node.body for inner in ast.walk(outer)}
        for node in (each for each in ast.walk(tree) if id(each) not in aside):
            if isinstance(node, ast.Import):
                wanted |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted.add(node.module)
    assert {"imds_probe.errors", "botocore.session", "http.server", "jinja2"} <= wanted
    code = f"import importlib; [importlib.import_module(name) for name in {sorted(wanted)}]"
    must([PYTHON, "-I", "-c", code], root=root)


def test_tracebacks_have_lines_of_the_projects_own(root):
    """With their text. Of what others wrote, which comes without its source, they have files and line numbers."""
    code = "from imds_probe.net.obstacles.ranges import between; between('nothing', '10.0.0.1')"
    shown = run([PYTHON, "-I", "-c", code], root=root).stderr
    own, _, others = shown.partition("/net/obstacles/ranges.py")[2].partition("/ipaddress.py")
    assert re.match(r'", line \d+, in between\n +return .*ip_address\(low\).*\n', own), shown
    assert re.match(r'", line \d+, in ip_address\nValueError: ', others), shown


def test_clients_of_aws_are_made_without_what_was_cut_out(root):
    code = (
        "from imds_probe.aws.clients import Aws; from imds_probe.config import AwsConfig;"
        " aws = Aws(AwsConfig(), {}, is_ec2=False, region='eu-west-1'); aws.client('cloudwatch'); aws.client('logs')"
    )
    must([PYTHON, "-I", "-c", code], root=root)


def test_a_page_is_made_of_what_came_with_it(root):
    (root / "report.json").write_text((DIRECTORY / "ready.json").read_text())
    page = must(["/usr/bin/imds-probe", "judge", "--output", "html", "/report.json"], root=root)
    assert page.startswith("<!doctype html>")
    assert ">READY</h1>" in page


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHOME": "/nonexistent", "PYTHONPATH": "/bad", "PYTHONSTARTUP": "/bad/x.py", "PYTHONINSPECT": "1"},
        {"LD_LIBRARY_PATH": "/bad", "LD_BIND_NOW": "1"},
        {"LC_ALL": "tlh_KX.UTF-8", "LANG": "\udcff", "HOME": "", "TMPDIR": "/nonexistent", "PATH": ""},
    ],
)
def test_the_environment_does_not_matter(root, environment):
    bad = root / "bad"
    bad.mkdir(exist_ok=True)
    for name in ("libc.so.6", "libz.so.1"):
        (bad / name).write_bytes(b"not a library")
    for name in ("argparse.py", "imds_probe.py", "x.py"):
        (bad / name).write_text("raise SystemExit('this is not the one')\n")
    done = run(["/usr/bin/imds-probe", "--version"], root=root, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("imds-probe ")


def test_wherever_it_is_started(root):
    bad = root / "bad"
    bad.mkdir(exist_ok=True)
    (bad / "imds_probe.py").write_text("raise SystemExit('this is not the one')\n")
    code = "import os; os.chroot(%r); os.chdir('/bad'); os.execv('/usr/bin/imds-probe', ['imds-probe', '--version'])"
    assert must(["python3", "-c", code % str(root)]).startswith("imds-probe ")


def test_a_thread_can_be_ended(root):
    """glibc opens libgcc_s.so.1 for that, by name."""
    code = (
        "import ctypes, threading; c = ctypes.CDLL(None); t = threading.Thread(target=c.pthread_exit, args=(None,),"
        " daemon=True); t.start(); import time; time.sleep(0.2); print('still here', flush=True); import os; os._exit(0)"
    )
    assert must([PYTHON, "-I", "-c", code], root=root) == "still here\n"


def test_memory_that_can_be_executed_is_not_asked_for(root):
    """Units forbid it: MemoryDenyWriteExecute."""
    if os.uname().machine == "x86_64":
        deny = "import ctypes; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) in (0, -1)"  # PR_SET_MDWE
        code = f"{deny}; import {EVERYTHING.replace(' ', ', ')}"
        must([PYTHON, "-I", "-c", code], root=root)
