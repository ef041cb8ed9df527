"""The package for SSM Distributor: the manifest held to its files and to SSM, and the scripts run as the agent runs them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import package_roots
import pytest
from aws_server import aws_server
from botocore import xform_name
from package_roots import Packages, must, run

from imds_probe import __version__

PROJECT = Path(__file__).parents[2]
SCRIPTS = {"install.sh", "uninstall.sh", "update.sh"}
# What the agent knows its host by, from os-release(5) and from how it was compiled.
DEBS, RPMS = {"debian", "ubuntu"}, {"amazon", "centos", "oracle", "redhat", "rocky", "suse"}
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}
ORDERS_TO_THE_AGENT = {168, 169, 194}


@pytest.fixture(scope="module")
def manifest(packages) -> dict:
    return json.loads((packages.this / "distributor/manifest.json").read_text())


def attachment(packages: Packages, kind: str, of: str = "this") -> Path:
    """What the agent of this machine would be given."""
    place = (packages.this if of == "this" else packages.next) / "distributor"
    stated = json.loads((place / "manifest.json").read_text())
    platform = {"deb": "debian", "rpm": "amazon"}[kind]
    return place / stated["packages"][platform]["_any"][MACHINES[os.uname().machine]]["file"]


def test_the_manifest_says_what_its_files_are(manifest, packages):
    assert (manifest["schemaVersion"], manifest["version"]) == ("2.0", __version__)
    place = packages.this / "distributor"
    assert {path.name for path in place.iterdir()} == {"manifest.json", *manifest["files"]}
    for name, stated in manifest["files"].items():
        content = (place / name).read_bytes()
        assert stated == {"checksums": {"sha256": hashlib.sha256(content).hexdigest()}}
        assert len(content) < 1_000_000_000


def test_every_platform_and_architecture_has_a_file(manifest):
    assert set(manifest["packages"]) >= DEBS | RPMS
    named = set()
    for platform, versions in manifest["packages"].items():
        assert set(versions) == {"_any"}
        assert set(versions["_any"]) == {"x86_64", "arm64"}
        for architecture, entry in versions["_any"].items():
            kind = "deb" if platform in DEBS else "rpm"
            machine = next(name for name, of_ssm in MACHINES.items() if of_ssm == architecture)
            assert entry == {"file": f"imds-probe_{__version__}_{kind}_{machine}.zip"}
            named.add(entry["file"])
    assert named == set(manifest["files"])


def test_it_is_within_what_ssm_takes(manifest):
    assert len(manifest["files"]) <= 20
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", manifest["version"])


def test_each_zip_has_the_scripts_and_the_one_package_that_was_made(manifest, packages):
    for name in manifest["files"]:
        with zipfile.ZipFile(packages.this / "distributor" / name) as archive:
            (package,) = set(archive.namelist()) - SCRIPTS
            assert set(archive.namelist()) > SCRIPTS
            assert archive.read(package) == (packages.this / package).read_bytes()
            for entry in archive.infolist():
                assert entry.external_attr >> 16 == (0o100755 if entry.filename in SCRIPTS else 0o100644)
                assert entry.date_time[:3] == (2025, 10, 9)  # SOURCE_DATE_EPOCH of packages.sh


def test_the_same_packages_give_the_same_files(manifest, packages, tmp_path):
    """On another day, by somebody with other habits."""
    code = (
        "import sys; from pathlib import Path; import distributor, stage; from architectures import ARCHITECTURES;"
        "here, out = Path(sys.argv[1]), Path(sys.argv[2]); found = lambda each: [next(here.glob(f'*_{each.debian}.deb')),"
        " next(here.glob(f'*.{each.name}.rpm'))];"
        "made = [distributor.Package(path, each) for each in ARCHITECTURES for path in found(each)];"
        "distributor.make(made, stage.Build(sys.argv[3], 1760000000), out)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}/packaging:{PROJECT}", "TZ": "Asia/Tokyo"}
    argv = [sys.executable, "-c", code, packages.this, tmp_path / "again", __version__]
    subprocess.run(argv, env=environment, umask=0o077, check=True)
    former = packages.this / "distributor"
    assert {path.name for path in (tmp_path / "again").iterdir()} == {"manifest.json", *manifest["files"]}
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == (former / path.name).read_bytes()
        assert path.stat().st_mode == (former / path.name).stat().st_mode


def test_a_version_that_ssm_does_not_take_ends_the_build(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))
    import distributor
    from build_error import BuildError
    from stage import Build

    for version in ("1.0~rc1", "1" * 129):
        with pytest.raises(BuildError, match="SSM takes no version"):
            distributor.make([], Build(version, 0), tmp_path / "out")


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_scripts_never_end_with_an_order_to_the_agent(kind):
    """Whatever a program in them ends with, by exit or by a signal, theirs are 0 and 1."""
    for path in (PROJECT / "packaging/ssm/distributor" / kind).iterdir():
        text = path.read_text()
        assert set(re.findall(r"\bexit (\S+)", text)) <= {"0", "1"}
        assert "set -e" not in text
        must(["sh", "-n", path])


class Agent:
    """The SSM agent, as far as a package goes: it unpacks the zip and runs `sh NAME.sh` in there.

    `inside` is where commands run, `root` the host's root; `path` is all that there is in the environment.
    """

    def __init__(self, root: Path, shell: str, place: Path, path: str, inside: Path | None) -> None:
        self.root, self._shell, self._place, self._path, self._inside = root, shell, place, path, inside

    def unpack(self, attachment: Path) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        with zipfile.ZipFile(attachment) as archive:
            archive.extractall(self._place)

    def run(self, name: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        place = f"/{self._place.relative_to(self._inside)}" if self._inside else self._place
        script = f'cd "{place}" && exec {self._shell} {name}.sh'
        bare = ["env", "-i", f"PATH={self._path if path is None else path}", "/bin/sh", "-c", script]
        done = run(bare, root=self._inside)
        assert done.returncode in {0, 1}
        assert done.returncode not in ORDERS_TO_THE_AGENT
        return done

    def succeeds(self, name: str) -> str:
        done = self.run(name)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(params=[("bullseye", "/bin/sh"), ("trixie", "/bin/bash")], ids=lambda each: each[0])
def debian(request, tmp_path) -> Agent:
    suite, shell = request.param
    root = package_roots.debian(suite, tmp_path / "root")
    return Agent(root, shell, root / "var/lib/amazon/ssm/packages/imds-probe", "", root)


@pytest.fixture
def red_hat(tmp_path) -> Agent:
    """A root with rpm's database, and this machine's rpm that works on it: Debian's would rather be dpkg."""
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    must(["rpm", "--root", root, "--dbpath", "/var/lib/rpm", "--initdb"])
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "rpm").write_text(
        f'#!/bin/sh\nexec /usr/bin/rpm --root {root} --dbpath /var/lib/rpm --force-debian "$@"\n'
    )
    (programs / "rpm").chmod(0o755)
    return Agent(root, "/bin/sh", tmp_path / "unpacked", str(programs), None)


def installed(root: Path) -> str:
    """The version by the program itself, and by the package's manager."""
    return must(["/usr/bin/imds-probe", "--version"], root=root).strip()


def life_cycle(agent: Agent, attachments: Callable[[str], Path], version: Callable[[], str]) -> None:
    state = agent.root / "var/lib/imds-probe"
    agent.unpack(attachments("this"))
    assert "imds-probe is not installed" in agent.succeeds("uninstall")
    agent.succeeds("install")
    assert installed(agent.root) == f"imds-probe {__version__}"
    assert version() == f"{__version__}-1"

    state.mkdir(parents=True)
    (state / "callers.sqlite3").write_bytes(b"two weeks")
    agent.unpack(attachments("next"))
    agent.succeeds("update")
    agent.succeeds("install")  # once more, as an association does
    assert version() == "99.0.0-1"

    # The other way to update: the former version's uninstall.sh, then the new one's install.sh.
    assert "/var/lib/imds-probe" in agent.succeeds("uninstall")
    assert not (agent.root / "usr/bin/imds-probe").exists()
    assert not (agent.root / "usr/lib/imds-probe").exists()
    assert (state / "callers.sqlite3").read_bytes() == b"two weeks"
    agent.succeeds("install")
    assert version() == "99.0.0-1"


def test_in_debian(debian, packages):
    query = ["dpkg-query", "-W", "-f", "${Version}", "imds-probe"]
    life_cycle(debian, lambda of: attachment(packages, "deb", of), lambda: must(query, root=debian.root))
    assert (debian.root / "etc/imds-probe/imds-probe.toml").exists()  # removed, not purged


def test_by_rpm(red_hat, packages):
    query = [
        "rpm",
        "--root",
        red_hat.root,
        "--dbpath",
        "/var/lib/rpm",
        "-q",
        "--qf",
        "%{VERSION}-%{RELEASE}",
        "imds-probe",
    ]
    life_cycle(red_hat, lambda of: attachment(packages, "rpm", of), lambda: must(query))
    red_hat.unpack(attachment(packages, "rpm"))
    red_hat.succeeds("install")  # a version that was asked for, though it is a lower one
    assert must(query) == f"{__version__}-1"


@pytest.mark.parametrize("debian", [("bookworm", "/bin/sh")], indirect=True, ids=["bookworm"])
def test_it_waits_for_a_host_that_upgrades_itself(debian, packages):
    debian.unpack(attachment(packages, "deb"))
    with (debian.root / "var/lib/dpkg/lock-frontend").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        # From here on the lock is there for dpkg to run into; it is given back while the script waits.
        timer = threading.Timer(1.0, lambda: fcntl.lockf(lock, fcntl.LOCK_UN))
        began = time.monotonic()
        timer.start()
        try:
            debian.succeeds("install")
        finally:
            timer.join()
        assert time.monotonic() - began > 1.0
    assert installed(debian.root) == f"imds-probe {__version__}"


@pytest.mark.parametrize("debian", [("trixie", "/bin/sh")], indirect=True, ids=["trixie"])
def test_what_fails_says_so_once_and_ends_with_1(debian, packages):
    debian.unpack(attachment(packages, "deb"))
    (package,) = (debian.root / "var/lib/amazon/ssm/packages/imds-probe").glob("*.deb")
    package.write_bytes(b"half of it")
    done = debian.run("install")
    assert done.returncode == 1
    assert "imds-probe was not installed" in done.stderr


def test_an_rpm_that_a_signal_ends_is_no_order_to_the_agent(red_hat, packages, tmp_path):
    """128 and the signal's number is what a shell makes of it: 168 of signal 40."""
    red_hat.unpack(attachment(packages, "rpm"))
    (tmp_path / "programs/rpm").write_text("#!/bin/sh\nkill -40 $$\n")
    done = red_hat.run("install")
    assert done.returncode == 1
    assert "imds-probe was not installed" in done.stderr


# The commands in docs, by the words of the AWS CLI: what it would ask of SSM is asked of moto.


def commands_in_docs() -> list[list[str]]:
    """Of the page that installs, and of that which runs it then."""
    text = "\n".join((PROJECT / page).read_text() for page in ("docs/install.md", "docs/aws.md"))
    return [shlex.split(line) for line in re.findall(r"^aws ssm .*", re.sub(r"\\\n *", "", text), re.MULTILINE)]


def as_call(words: list[str], client) -> tuple[str, dict]:
    """The operation and its parameters, as far as these commands go: text, files, Key=..,Values=.. and NAME=VALUE,.."""
    _, _, name, *options = words
    operation = next(each for each in client.meta.service_model.operation_names if xform_name(each, "-") == name)
    members = client.meta.service_model.operation_model(operation).input_shape.members
    by_option = {f"--{xform_name(member, '-')}": (member, shape) for member, shape in members.items()}
    call = {}
    for option, value in zip(options[::2], options[1::2], strict=True):
        member, shape = by_option[option]
        pairs = dict(pair.split("=", 1) for pair in value.split(",")) if "=" in value else {}
        if shape.type_name == "list":
            call[member] = [{"Key": pairs["Key"], "Values": [pairs["Values"]]}]
        elif shape.type_name == "map":
            call[member] = {key: [given] for key, given in pairs.items()}
        else:
            call[member] = value
    return xform_name(operation), call


def test_the_commands_in_docs_are_taken(packages):
    """Those of Distributor's own document, which is Amazon's, are held to the model of the call alone."""
    files = {
        "file://dist/distributor/manifest.json": packages.this / "distributor/manifest.json",
        "file://packaging/ssm/imds-probe-run.yaml": PROJECT / "packaging/ssm/imds-probe-run.yaml",
    }
    with aws_server() as aws:
        ssm = aws.client("ssm")
        for words in commands_in_docs():
            name, call = as_call(words, ssm)
            if "Content" in call:
                call["Content"] = files[call["Content"]].read_text()
            getattr(ssm, name)(**call)
        made = {each["Name"]: each for each in ssm.list_documents()["DocumentIdentifiers"]}
        assert {name: each["DocumentType"] for name, each in made.items()} == {
            "imds-probe": "Package",
            "imds-probe-run": "Command",
        }
        assert (
            made["imds-probe"]["VersionName"]
            == json.loads(files["file://dist/distributor/manifest.json"].read_text())["version"]
        )
        sent = [each["DocumentName"] for each in ssm.list_commands()["Commands"]]
        assert sorted(sent) == ["AWS-ConfigureAWSPackage", "imds-probe-run", "imds-probe-run"]
