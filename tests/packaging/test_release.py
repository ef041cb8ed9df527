"""`make release` in a copy of the project, with a key that is thrown away, and other commands than those that build and test."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe import __version__, deprecation
from imds_probe.deprecation import Deprecated

PROJECT = Path(__file__).parents[2]
NEXT = "9.8.7"
BUILD = "sh -c 'mkdir dist && echo package > dist/a.deb && (cd dist && sha256sum a.deb > SHA256SUMS)'"
SCRIPT = PROJECT / "packaging/release.py"


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", directory, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    """A secret key in a file, as a maintainer keeps it, and where the public one can be held against signatures."""
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    gpg = ["gpg", "--batch", "--quiet", "--homedir", str(home)]
    quick = ["--passphrase", "", "--quick-generate-key", "Nobody <nobody@example.invalid>", "ed25519", "sign", "never"]
    subprocess.run([*gpg, *quick], check=True, capture_output=True)
    path = home / "key.asc"
    exported = subprocess.run([*gpg, "--export-secret-keys", "--armor"], check=True, capture_output=True)
    path.write_bytes(exported.stdout)
    yield path
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


def copied(path: Path, names: list[str]) -> Path:
    """Files of the project as they lie here, with a history of one commit."""
    for name in names:
        if (PROJECT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, path / name)
    text = (path / "CHANGELOG.md").read_text()
    (path / "CHANGELOG.md").write_text(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n- One more thing.\n", 1))
    git(path, "init", "--quiet", "--initial-branch", "main")
    git(path, "config", "user.name", "Nobody")
    git(path, "config", "user.email", "nobody@example.invalid")
    git(path, "config", "commit.gpgSign", "false")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "Begin")
    return path


@pytest.fixture
def whole(tmp_path, key, monkeypatch):
    """All of the project."""
    monkeypatch.setenv("IMDS_PROBE_SIGNING_KEY", str(key))
    names = git(PROJECT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return copied(tmp_path / "project", [name for name in names if name])


@pytest.fixture
def project(tmp_path, key, monkeypatch):
    """As much of it as a release touches by itself."""
    monkeypatch.setenv("IMDS_PROBE_SIGNING_KEY", str(key))
    return copied(tmp_path / "project", ["imds_probe/__init__.py", "CHANGELOG.md", "README.md", ".gitignore"])


@pytest.fixture
def release(monkeypatch, project, capfd):
    """In this process, and without what is made anew from the version: the exit code, and what was said."""
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    module = importlib.import_module("release")
    monkeypatch.setattr(module, "FOLLOWS", ())
    before = signal.getsignal(signal.SIGTERM)

    def run(version=NEXT, build=BUILD, test="true"):
        code = module.main(["--project", str(project), "--build", build, "--test", test, version])
        return code, capfd.readouterr().err

    yield run
    signal.signal(signal.SIGTERM, before)


def state(project: Path) -> tuple[object, ...]:
    """All that a release may change."""
    files = {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }
    return (
        files,
        git(project, "for-each-ref"),
        git(project, "symbolic-ref", "HEAD"),
        git(project, "status", "--porcelain"),
    )


def test_a_release(whole, key):
    """The real script as make calls it, with all that follows from the version."""
    project = whole
    (project / "dist").mkdir()
    (project / "dist/old.deb").write_text("of the version before")
    began_at = git(project, "rev-parse", "HEAD")
    # Tests build packages of their own, which nobody signs.
    test = "sh -c 'test -e dist/a.deb && test -z \"$IMDS_PROBE_SIGNING_KEY\"'"
    argv = [sys.executable, SCRIPT, "--project", project, "--build", BUILD, "--test", test, NEXT]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"imds-probe {NEXT} is tagged v{NEXT} on main" in done.stdout
    environ = {**os.environ, "GNUPGHOME": str(key.parent)}
    for argv in (
        ["git", "-C", project, "verify-tag", f"v{NEXT}"],
        ["gpg", "--batch", "--verify", project / "dist/SHA256SUMS.asc", project / "dist/SHA256SUMS"],
    ):
        assert subprocess.run(argv, env=environ, capture_output=True, check=False).returncode == 0
    assert sorted(path.name for path in (project / "dist").iterdir()) == ["SHA256SUMS", "SHA256SUMS.asc", "a.deb"]
    assert git(project, "rev-parse", f"v{NEXT}^{{commit}}", "HEAD~0").split() == [git(project, "rev-parse", "HEAD")] * 2
    assert git(project, "rev-parse", "HEAD~1") == began_at
    assert git(project, "log", "-1", "--format=%s") == f"Release {NEXT}"
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "remote") == ""
    assert f'__version__ = "{NEXT}"' in (project / "imds_probe/__init__.py").read_text()
    assert f"## [Unreleased]\n\n## [{NEXT}] - 20" in (project / "CHANGELOG.md").read_text()
    for name in ("README.md", "docs/install.md", "docs/kubernetes.md", "examples/ssm/README.md"):
        assert NEXT in (project / name).read_text(), name
        assert not re.search(rf"imds-probe[-_:]{re.escape(__version__)}\b", (project / name).read_text()), name
    for name in ("daemonset.yaml", "ecs-task-definition.json"):
        assert f"imds-probe:{NEXT}" in (project / "packaging/container" / name).read_text(), name
    assert f'"version": "{NEXT}"' in (project / "examples/reports/ready.json").read_text()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("v9.8.7", "is no version"),
        ("9.8", "is no version"),
        ("9.8.7-rc1", "is no version"),
        ("09.8.7", "is no version"),
        (__version__, f"is not newer than {__version__}"),
        ("0.0.99", f"is not newer than {__version__}"),
    ],
)
def test_a_version_that_is_not_newer_is_refused(release, project, version, said):
    before = state(project)
    code, err = release(version)
    assert (code, said in err, err.endswith("Nothing was changed.\n")) == (1, True, True)
    assert state(project) == before


def dirty(project):
    (project / "README.md").write_text("half a thought")


def not_added(project):
    (project / "notes.txt").write_text("x")


def tagged(project):
    git(project, "tag", f"v{NEXT}")


def detached(project):
    git(project, "checkout", "--quiet", "--detach")


def nothing_new(project):
    path = project / "CHANGELOG.md"
    path.write_text(re.sub(r"(?<=## \[Unreleased\]\n).*", "", path.read_text(), flags=re.DOTALL))
    git(project, "commit", "--quiet", "--all", "--message", "Say nothing")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (dirty, "the work tree is not clean: M README.md"),
        (not_added, "the work tree is not clean: ?? notes.txt"),
        (tagged, f"there is a tag v{NEXT} already"),
        (detached, "no branch is checked out"),
        (nothing_new, "nothing under Unreleased"),
    ],
)
def test_what_is_not_ready_is_refused(release, project, made, said):
    made(project)
    files, *refs = state_of_any(project)
    code, err = release()
    assert (code, said in err) == (1, True), err
    assert state_of_any(project) == (files, *refs)


def state_of_any(project: Path) -> tuple[object, ...]:
    """The same where no branch is checked out."""
    return git(project, "for-each-ref"), git(project, "rev-parse", "HEAD"), git(project, "status", "--porcelain")


def test_a_name_that_has_to_be_gone_is_refused(release, monkeypatch):
    monkeypatch.setattr(deprecation, "DEPRECATED", (Deprecated("run --deep", None, "0.1.0", "9.8.0"),))
    code, err = release()
    assert (code, "run --deep is deprecated, and 9.8.7 must not know it any more" in err) == (1, True)


@pytest.mark.parametrize("value", [None, "/nonexistent/key.asc"])
def test_without_a_key_it_is_refused(release, monkeypatch, value):
    if value is None:
        monkeypatch.delenv("IMDS_PROBE_SIGNING_KEY")
    else:
        monkeypatch.setenv("IMDS_PROBE_SIGNING_KEY", value)
    code, err = release()
    assert (code, "IMDS_PROBE_SIGNING_KEY names no file" in err) == (1, True)


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ({"build": "false"}, "the build ended with 1: false"),
        ({"build": "true"}, "the build left no dist/SHA256SUMS"),
        ({"test": "sh -c 'exit 7'"}, "the test ended with 7"),
        ({"test": "touch left-behind"}, "left changes behind: ?? left-behind"),
        ({"test": "git -C {project} commit --quiet --allow-empty --message Meanwhile"}, "has changed in the meantime"),
    ],
)
def test_a_step_that_fails_leaves_all_as_it_was(release, project, commands, said):
    (project / "dist").mkdir()
    (project / "dist/old.deb").write_text("of the version before")
    before = state(project)
    code, err = release(**{name: command.format(project=project) for name, command in commands.items()})
    assert (code, said in err) == (1, True), err
    if "meantime" in said:
        git(project, "reset", "--quiet", "--hard", "HEAD~1")
    assert state(project) == before


def test_one_that_is_ended_leaves_all_as_it_was(project, tmp_path):
    before, begun = state(project), tmp_path / "begun"
    code = "import release, sys; release.FOLLOWS = (); sys.exit(release.main(sys.argv[1:]))"
    argv = [sys.executable, "-c", code, "--project", project, "--test", f"sh -c 'touch {begun}; exec sleep 600'"]
    options = {"env": {**os.environ, "PYTHONPATH": str(PROJECT / "packaging")}, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*argv, "--build", BUILD, NEXT], **options) as child:
        wait_for(begun.exists)
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate()
    assert (child.returncode, err) == (130, "make release: interrupted. Nothing was changed.\n")
    assert state(project) == before
    assert not [
        each for each in Path(os.environ.get("TMPDIR", "/tmp")).glob("imds-probe-release-*") if is_of(each, project)
    ]


def is_of(clone: Path, project: Path) -> bool:
    config = clone / "clone/.git/config"
    return config.exists() and str(project) in config.read_text()


def test_what_make_calls():
    """The version reaches the script, and without one make says how to give it."""
    told = ["make", "--silent", "--dry-run", "--assume-old=.venv/.packaging", "--assume-old=.venv/.testing", "release"]
    done = subprocess.run(
        [*told, "VERSION=1.2.3", "TEST=true"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert "packaging/release.py  --test 'true'" in done.stdout
    assert "Give the version of the release" in done.stdout
