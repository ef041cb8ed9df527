"""The test's own environment, where pip installed botocore and others; records of older kinds; hostile ones."""

from __future__ import annotations

import importlib.metadata
import os
import sysconfig
from pathlib import Path

import pytest
from program_starts import start

from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.python import METADATA_MAX_BYTES, RECOGNISER, libraries_in
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnanswered
from imds_probe.system.rootfs import FileUnreadable

NAMES = ["botocore", "boto3", "boto", "ec2-metadata", "s3fs", "awscli"]


def look(root: Path, path: str = "/site-packages") -> list[Located]:
    return list(libraries_in(root, path, NAMES))


def write(root: Path, path: str, content: str) -> None:
    target = root / "site-packages" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)


def test_what_pip_installed_here() -> None:
    found = {each.found.package: each.found for each in look(Path("/"), sysconfig.get_path("purelib"))}
    assert found == {
        name: Library("pypi", name, importlib.metadata.version(name), "dist-info")
        for name in ("boto3", "botocore", "ec2-metadata")
    }


@pytest.mark.parametrize(
    ("path", "content", "version", "how"),
    [
        (
            "botocore-1.29.4.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: botocore\nVersion: 1.29.4\n\nVersion: 9\n",
            "1.29.4",
            "dist-info",
        ),
        ("botocore-1.29.4.dist-info/RECORD", "", "1.29.4", "dist-info"),
        ("botocore-1.12.103.egg-info/PKG-INFO", "Name: botocore\r\nVersion: 1.12.103\r\n", "1.12.103", "egg-info"),
        ("botocore-1.12.103.egg-info", "Name: botocore\nVersion: 1.12.103\n", "1.12.103", "egg-info"),
        ("botocore-1.12.103-py2.7.egg-info", "Name: botocore\nVersion: 1.12.103\n", "1.12.103", "egg-info"),
        ("botocore.egg-info/PKG-INFO", "Name: botocore\nVersion: 1.5.0\n", "1.5.0", "egg-info"),
        ("botocore-1.5.0-py3.6.egg/EGG-INFO/PKG-INFO", "Name: botocore\nVersion: 1.5.0\n", "1.5.0", "egg"),
        ("botocore/__init__.py", "import os\n__version__ = '1.23.1'\n", "1.23.1", "__version__"),
        ("botocore/__init__.py", "", None, "package directory"),
    ],
)
def test_every_kind_of_record(tmp_path: Path, path: str, content: str, version: str | None, how: str) -> None:
    write(tmp_path, path, content)
    (located,) = look(tmp_path)
    assert located.found == Library("pypi", "botocore", version, how)
    assert located.path == f"/site-packages/{path.partition('/')[0]}"


def test_a_package_whose_own_file_cannot_be_read_is_there_of_unknown_version(tmp_path: Path) -> None:
    write(tmp_path, "botocore/__init__.py", "__version__ = '1.23.1'\n" + "#" * METADATA_MAX_BYTES)
    (located,) = look(tmp_path)
    assert located.found == Library("pypi", "botocore", None, "package directory")


def test_names_are_compared_as_pip_does(tmp_path: Path) -> None:
    write(tmp_path, "EC2_metadata-2.2.0.dist-info/METADATA", "Name: EC2_metadata\nVersion: 2.2.0\n")
    assert [each.found.package for each in look(tmp_path)] == ["ec2-metadata"]


def test_two_versions_side_by_side_are_two(tmp_path: Path) -> None:
    for version in ("1.5.0", "1.6.0"):
        write(tmp_path, f"botocore-{version}.dist-info/METADATA", f"Name: botocore\nVersion: {version}\n")
    assert [each.found.version for each in look(tmp_path)] == ["1.5.0", "1.6.0"]


def test_others_and_pips_vendored_copies_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "botocore_stubs-1.0.dist-info/METADATA", "Name: botocore-stubs\nVersion: 1.0\n")
    write(tmp_path, "pip/_vendor/botocore/__init__.py", "__version__ = '1'\n")
    assert look(tmp_path) == []
    assert look(tmp_path, "/none") == []


@pytest.mark.parametrize("version", ["", "1.0\x1b[31m", "../../etc", "1 2", "x" * 500])
def test_a_version_that_none_can_be_is_none(tmp_path: Path, version: str) -> None:
    write(tmp_path, "botocore.egg-info/PKG-INFO", f"Name: botocore\nVersion: {version}\n")
    assert [each.found.version for each in look(tmp_path)] == [None]


def test_hostile_records_lead_nowhere_and_block_nobody(tmp_path: Path) -> None:
    record = tmp_path / "site-packages/botocore-1.5.0.dist-info"
    record.mkdir(parents=True)
    os.mkfifo(record / "METADATA")
    (tmp_path / "site-packages/boto3-1.0.egg-info").symlink_to("/proc/self/mem")
    with (tmp_path / "site-packages/s3fs-1.0.egg-info").open("wb") as file:
        file.truncate(2**40)
    assert {(each.found.package, each.found.version) for each in look(tmp_path)} == {
        ("botocore", "1.5.0"),
        ("boto3", "1.0"),
        ("s3fs", "1.0"),
    }


def test_a_place_that_may_not_be_looked_at_is_an_error(tmp_path: Path) -> None:
    loop = tmp_path / "site-packages"
    loop.symlink_to("site-packages")
    with pytest.raises(FileUnreadable, match="too many symbolic links"):
        look(tmp_path)


CLI_2 = "/usr/local/aws-cli/v2/2.15.30/dist"


def frozen(root: Path, directory: str, *files: str) -> list[Located]:
    for name in ("base_library.zip", *files):
        target = root / directory.lstrip("/") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("{}")
    return look(root, directory)


def test_aws_cli_2_as_aws_installs_it(tmp_path: Path) -> None:
    """Its own botocore says nothing by its version: the CLI is what is judged."""
    files = ("awscli/botocore/data/endpoints.json", "botocore/data/endpoints.json", "awscli/data/cli.json")
    assert frozen(tmp_path, CLI_2, *files) == [
        Located(Library("pypi", "awscli", "2.15.30", "path of AWS's installer"), f"{CLI_2}/awscli")
    ]


@pytest.mark.parametrize(
    ("marker", "since", "below"),
    [("data/sdk-default-configuration.json", "1.23.19", None), ("data/endpoints.json", None, "1.24.0")],
)
def test_a_bundled_program_by_its_data(tmp_path: Path, marker: str, since: str | None, below: str | None) -> None:
    (located,) = frozen(tmp_path, "/opt/app/_internal", f"botocore/{marker}")
    how = "data of a bundled program"
    assert located.found == Library("pypi", "botocore", None, how, at_least=since, below=below)


def test_a_bundled_programs_record_comes_first(tmp_path: Path) -> None:
    files = ("botocore-1.30.0.dist-info/METADATA", "botocore/data/endpoints.json")
    (located,) = frozen(tmp_path, "/opt/app", *files)
    assert (located.found.version, located.found.how) == ("1.30.0", "dist-info")


RUNTIME = RECOGNISER.runtime


def test_a_module_run_from_a_directory_finds_what_lies_in_it() -> None:
    assert "/srv" in RUNTIME.places(start("python3", "-m", "app"))
    assert "/srv" not in RUNTIME.places(start("python3", "/opt/x/run.py"))


def test_a_virtual_environment_is_known_by_the_script_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "opt/env/bin").mkdir(parents=True)
    (tmp_path / "opt/env/bin/tool").write_text("")
    (tmp_path / "tool").symlink_to("/opt/env/bin/tool")
    assert "/opt/env/lib/python3.9/site-packages" in RUNTIME.places(start("python3", "/tool", root=tmp_path))


def test_the_base_is_the_interpreters_own_and_the_users() -> None:
    base = list(RUNTIME.base(start("python3", executable="/opt/py/bin/python3.9", HOME="/home/a")))
    assert base[0] == "/opt/py/lib/python3.9/site-packages"
    assert "/home/a/.local/lib/python3.9/site-packages" in base
    assert "/usr/local/lib/python3.9/dist-packages" in base


@pytest.mark.parametrize(
    ("executable", "mapped", "site", "never"),
    [
        ("/usr/bin/python2.7", (), "/usr/lib/python2.7/dist-packages", "python3"),
        ("/var/awslogs/bin/python2.7", (), "/var/awslogs/lib/python2.7/site-packages", "python3"),
        (
            "/usr/bin/python2",
            ("/usr/lib/python2.7/lib-dynload/_json.so",),
            "/usr/lib/python2.7/dist-packages",
            "python3",
        ),
        ("/usr/bin/python2", (), "/usr/lib/python2*/dist-packages", "python3"),
        ("/usr/bin/python3", (), "/usr/lib/python3*/site-packages", "python2"),
        (
            "/usr/bin/python3",
            ("/usr/lib/python3.6/lib-dynload/_ssl.so",),
            "/usr/lib/python3.6/site-packages",
            "python2",
        ),
        ("/opt/py/bin/python", (), "/opt/py/lib/python*/site-packages", "python2"),
        ("/opt/pypy/bin/pypy3.9", (), "/opt/pypy/lib/pypy3.9/site-packages", "python2"),
        (
            "/usr/sbin/uwsgi",
            ("/usr/lib/python2.7/lib-dynload/_json.so",),
            "/usr/lib/python2.7/dist-packages",
            "python3",
        ),
    ],
)
def test_each_version_has_libraries_of_its_own(executable: str, mapped: tuple[str, ...], site: str, never: str) -> None:
    begun = start("/srv/x.py", executable=executable, mapped=mapped)
    places = [*RUNTIME.places(begun), *RUNTIME.base(begun)]
    assert site in places
    assert not any(never in place for place in places)


def test_files_that_add_directories_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "a.pth", "# a comment\nimport sys; sys.path\n/opt/libs\n../beside\n\n./egg\n/nowhere\n")
    for place, version in (("opt/libs", "1.12.1"), ("beside", "1.12.2"), ("site-packages/egg", "1.12.3")):
        (tmp_path / place / "botocore").mkdir(parents=True)
        (tmp_path / place / "botocore/__init__.py").write_text(f"__version__ = '{version}'\n")
    assert sorted(each.found.version or "" for each in look(tmp_path)) == ["1.12.1", "1.12.2", "1.12.3"]
    assert look(tmp_path, "/opt") == []  # and nowhere else than in a directory of packages


@pytest.mark.parametrize(
    ("mapped", "asked"),
    [
        ((), "/usr/lib/python3.9/lib-dynload"),
        (("/usr/lib/python3.9/lib-dynload/_json.cpython-39.so",), "/usr/lib/python3.9/lib-dynload"),
        (("/usr/lib/python3.9/lib-dynload/_ssl.cpython-39.so",), ""),
        (("/usr/lib/libssl.so.3",), ""),
        (("/tmp/_MEI1/libssl-3f.so.1",), ""),
    ],
)
def test_tls_is_loaded_or_to_be_asked_about(mapped: tuple[str, ...], asked: str) -> None:
    assert RUNTIME.without_tls(start("python3", mapped=mapped)) == asked


def test_a_package_that_does_not_answer_is_there_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be of any version: without it, whoever uses it would be taken for using nothing."""

    def hangs(*_: object) -> bytes:
        raise FileUnanswered("its file system does not answer")

    (tmp_path / "site-packages/botocore").mkdir(parents=True)
    monkeypatch.setattr(rootfs, "read", hangs)
    (found,) = look(tmp_path)
    assert (found.found.package, found.found.version) == ("botocore", None)
