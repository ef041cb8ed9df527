"""What is in the packages, of both architectures, without installing them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import elves
import package_roots
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from package_roots import PREFIX, PYTHON, must, run

from imds_probe import __version__

PROJECT = Path(__file__).parents[2]
DOCUMENTS = "usr/share/doc/imds-probe"


@pytest.fixture(scope="module", params=["amd64", "arm64"])
def deb(request, packages) -> Path:
    (path,) = packages.this.glob(f"*_{request.param}.deb")
    return path


@pytest.fixture(scope="module")
def root(deb, tmp_path_factory) -> Path:
    return package_roots.unpacked(deb, tmp_path_factory.mktemp("contents") / "root")


def test_the_debs_say_what_they_are(deb):
    fields = dict(line.split(": ", 1) for line in must(["dpkg-deb", "--field", deb]).splitlines() if ": " in line)
    assert fields["Version"] == f"{__version__}-1"
    assert fields["Architecture"] == deb.stem.rpartition("_")[2]
    assert not {"Depends", "Pre-Depends", "Recommends"} & set(fields)
    control = must(["dpkg-deb", "--info", deb, "conffiles"])
    assert control.split() == ["/etc/imds-probe/imds-probe.toml"]


def test_the_rpms_say_what_they_are(packages):
    paths = sorted(packages.this.glob("*.rpm"))
    assert [path.name.split(".")[-2] for path in paths] == ["aarch64", "x86_64"]
    for path in paths:
        form = "%{NAME} %{VERSION} %{ARCH} %{LICENSE} %{BUILDHOST}"
        assert must(["rpm", "-qp", "--qf", form, path]) == (
            f"imds-probe {__version__} {path.name.split('.')[-2]} Apache-2.0 imds-probe"
        )
        needs = must(["rpm", "-qp", "--requires", path]).splitlines()
        assert [need for need in needs if not need.startswith(("rpmlib(", "/bin/sh", "config("))] == []
        assert must(["rpm", "-qp", "--configfiles", path]).split() == ["/etc/imds-probe/imds-probe.toml"]
        listed = set(must(["rpm", "-qpl", path]).splitlines())
        assert {"/usr/bin/imds-probe", PYTHON, "/usr/lib/systemd/system/imds-probe.timer"} <= listed


def test_both_kinds_have_the_same_files(packages):
    contents = must(["dpkg-deb", "--contents", packages.deb()]).splitlines()
    listed = {line.split(" ", 5)[-1].split()[-1].lstrip(".").rstrip("/") for line in contents}
    in_rpm = set(must(["rpm", "-qpl", packages.rpm()]).splitlines())
    only_rpm = in_rpm - listed
    # Debian's zsh has a place of its own for what packages bring.
    assert "/usr/share/zsh/vendor-completions/_imds-probe" in listed - in_rpm
    assert only_rpm == {
        "/usr/lib/systemd/system-preset/80-imds-probe.preset",
        "/usr/share/zsh/site-functions/_imds-probe",
    }


def test_checksums_and_sizes(packages):
    lines = [line.split() for line in (packages.this / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {
        path.name for path in packages.this.iterdir() if path.is_file() and path.name != "SHA256SUMS"
    }
    assert len(lines) == 6
    for digest, name in lines:
        content = (packages.this / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        if name.endswith((".deb", ".rpm")):
            assert len(content) <= 18_400_000  # 15 % more than by xz, whose limit the build of a release holds


def test_the_bill_of_materials(root):
    text = (root / DOCUMENTS / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = {each["name"]: each for each in json.loads(text)["components"]}
    assert {"libc6", "libssl3t64", "libpython3.13-stdlib", "libsqlite3-0", "msgspec", "PyYAML"} <= set(components)
    for metadata in (root / PREFIX / "lib/python3/dist-packages").glob("*.dist-info/METADATA"):
        name, version = re.findall(r"^(?:Name|Version): (\S+)$", metadata.read_text(), re.MULTILINE)
        assert components.pop(name)["version"] == version
    assert all(each["purl"].startswith("pkg:deb/debian/") for each in components.values())
    for name, each in components.items():
        assert "distro=debian-13" in each["purl"]
        assert [len(named["content"]) for named in each["hashes"]] == [64]
        # What has no code in it has no product: the texts of licences.
        assert ("cpe" in each) == (name not in ("base-files", "gcc-14-base")), name
    (openssl,) = [each for name, each in components.items() if name == "libssl3t64"]
    assert re.fullmatch(r"cpe:2\.3:a:openssl:openssl:3\.\d+\.\d+(:\*){7}", openssl["cpe"])
    assert re.fullmatch(r"cpe:2\.3:a:zlib:zlib:1\.3\.\d+(:\*){7}", components["zlib1g"]["cpe"])
    assert re.search(r"&upstream=openssl%403\.", openssl["purl"])
    assert re.fullmatch(r"cpe:2\.3:a:python:python:3\.13\.\d+(:\*){7}", components["python3.13-minimal"]["cpe"])


def test_the_terms_of_all_that_is_inside(root):
    place = root / DOCUMENTS / "licences"
    terms = (root / DOCUMENTS / "copyright").read_text()
    for each in json.loads((root / DOCUMENTS / "sbom.cdx.json").read_text())["components"]:
        of_debian = each["purl"].startswith("pkg:deb/")
        text = place / ("debian" if of_debian else "python") / each["name"]
        assert text.stat().st_size > 500 if of_debian else any(path.stat().st_size > 200 for path in text.iterdir()), (
            text
        )
        assert f"  {each['name']} {each['version']}" in terms
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (place / "common-licenses/LGPL-2.1").read_text()


def test_manual_pages_docs_and_units_are_the_projects(root):
    pages = [PROJECT / "packaging/imds-probe.1", *(PROJECT / "packaging/man").iterdir()]
    there = {path.name: gzip.decompress(path.read_bytes()) for path in (root / "usr/share/man/man1").iterdir()}
    assert there == {f"{page.name}.gz": page.read_bytes() for page in pages}
    for page in [*(PROJECT / "docs").iterdir(), PROJECT / "CHANGELOG.md", PROJECT / "packaging/iam/s3.json"]:
        assert (root / DOCUMENTS / page.relative_to(PROJECT)).read_bytes() == page.read_bytes()
    for unit in (PROJECT / "systemd").iterdir():
        assert (root / "usr/lib/systemd/system" / unit.name).read_bytes() == unit.read_bytes()


@pytest.mark.usefixtures("checks")
def test_each_shell_finds_its_completion(root):
    from completion import FILES

    for path, script in FILES.items():
        assert (root / path).read_text() == script()


@pytest.fixture
def checks(monkeypatch):
    """The modules of the build."""
    monkeypatch.syspath_prepend(str(PROJECT / "packaging"))


@pytest.mark.usefixtures("checks")
def test_nothing_comes_from_the_host(root, deb):
    from architectures import ARCHITECTURES
    from build_error import BuildError
    from self_contained import check

    architecture = next(each for each in ARCHITECTURES if each.debian in deb.name)
    check(root, architecture)
    library = root / PREFIX / "lib/libzstd.so.1"
    aside = library.rename(library.with_name("aside"))
    try:
        with pytest.raises(BuildError, match=r"libcrypto\.so\.3 needs libzstd\.so\.1"):
            check(root, architecture)
    finally:
        aside.rename(library)


@pytest.mark.usefixtures("checks")
def test_kernels_with_large_pages_can_load_it(root, deb):
    """Those of aarch64 have up to 64 kB. The file that is added can be loaded where they have 4 kB."""
    from architectures import ARCHITECTURES
    from build_error import BuildError
    from self_contained import check

    architecture = next(each for each in ARCHITECTURES if each.debian in deb.name)
    added = root / PREFIX / "lib/libadded.so"
    added.write_bytes(elves.made({".text": b"\0"}))
    large = pytest.raises(BuildError, match=r"libadded\.so cannot be loaded by a kernel with pages of 65536 bytes")
    try:
        with large if architecture.debian == "arm64" else contextlib.nullcontext():
            check(root, architecture)
    finally:
        added.unlink()


@pytest.mark.usefixtures("checks")
def test_the_oldest_kernel_is_what_the_docs_say(root):
    import elf_files

    kernel = elf_files.read(root / PREFIX / "lib/libc.so.6").kernel
    page = (PROJECT / "docs/install.md").read_text()
    machine = "aarch64" if list((root / PREFIX / "lib").glob("ld-linux-aarch64*")) else "x86_64"
    assert f"Linux {kernel[0]}.{kernel[1]} ({machine})" in page


def test_the_other_architectures_interpreter_runs(packages, tmp_path):
    """Under qemu; on aarch64 the other one is this machine's, where qemu has nothing to add."""
    (deb,) = packages.this.glob("*_arm64.deb")
    root = package_roots.unpacked(deb, tmp_path / "root")
    lib = root / PREFIX / "lib"
    loader = [lib / "ld-linux-aarch64.so.1", "--library-path", lib, root / PYTHON[1:], "-I", "-B"]
    argv = loader if os.uname().machine == "aarch64" else ["qemu-aarch64-static", *loader]
    said = must([*argv, "-c", "import ssl, sqlite3, msgspec, platform; print(platform.machine())"])
    assert said == "aarch64\n"
    assert must([*argv, root / "usr/bin/imds-probe", "--version"]) == f"imds-probe {__version__}\n"


def test_nothing_is_compiled_again(root):
    """Byte code has the magic number of the interpreter inside, and holds whatever the time of its source is."""
    files = [*(root / PREFIX).rglob("*.pyc")]
    assert len(files) > 500
    heads = {path.read_bytes()[:8] for path in files}
    assert heads == {(3571).to_bytes(2, "little") + b"\r\n" + (0b01).to_bytes(4, "little")}  # 3.13, unchecked hash
    assert not [path for path in (root / PREFIX).rglob("*.py") if "imds_probe" not in path.parts]


def built(out, compression, **environment):
    """A build for this machine."""
    argv = [
        sys.executable,
        str(PROJECT / "packaging/build.py"),
        "--newest",
        "--offline",
        "--architecture",
        os.uname().machine,
    ]
    argv += ["--compression", compression, "--out", str(out)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1760000000", **environment}
    done = subprocess.run(argv, env=environment, umask=0o077, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def checksums(out, names=None):
    """Of each file but those that are about all architectures; or of these files."""
    found = [path for path in out.rglob("*") if path.is_file() and path.name not in {"SHA256SUMS", "manifest.json"}]
    names = names or [str(path.relative_to(out)) for path in found]
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in names}


ELSEWHERE = {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}


@pytest.mark.timeout(300)
def test_two_builds_give_identical_files(packages, tmp_path):
    made = checksums(built(tmp_path, "gzip", **ELSEWHERE))
    assert len(made) == 5
    assert checksums(packages.this, made) == made


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_two_builds_as_they_are_released_give_identical_files(tmp_path):
    here, elsewhere = built(tmp_path / "here", "xz"), built(tmp_path / "elsewhere", "xz", **ELSEWHERE)
    assert checksums(here) == checksums(elsewhere) != {}
    released = [path for path in here.iterdir() if path.suffix in (".deb", ".rpm")]
    assert len(released) == 2
    assert all(path.stat().st_size <= 16_000_000 for path in released)


def test_lintian_finds_no_error(packages):
    done = run(["lintian", "--allow-root", "--fail-on", "error", packages.deb()])
    assert done.returncode == 0, done.stdout


def test_rpmlint_finds_no_error(packages):
    done = run(["rpmlint", "--config", PROJECT / "packaging/rpmlint.toml", packages.rpm()])
    assert ": E: " not in done.stdout
    assert re.search(r"1 packages and 0 specfiles checked; 0 errors", done.stdout), done.stdout[-500:] + done.stderr


def test_the_debs_signature(packages, tmp_path):
    must(["ar", "x", "--output", tmp_path, packages.deb("next")])
    keyring = ["gpg", "--batch", "--homedir", tmp_path]
    tmp_path.chmod(0o700)
    must([*keyring, "--import", packages.key])
    members = [tmp_path / "debian-binary", tmp_path / "control.tar.gz", next(tmp_path.glob("data.tar*"))]
    (tmp_path / "signed").write_bytes(b"".join(path.read_bytes() for path in members))
    must([*keyring, "--verify", tmp_path / "_gpgorigin", tmp_path / "signed"])
    (tmp_path / "signed").write_bytes(b"something else")
    assert run([*keyring, "--verify", tmp_path / "_gpgorigin", tmp_path / "signed"]).returncode == 1
    must(["gpgconf", "--homedir", tmp_path, "--kill", "all"])
