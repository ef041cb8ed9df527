"""Programs as projects lay them out: what their own code says of where libraries lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from program_starts import start

from imds_probe.inventory.sdks.python_own_code import FILE_MAX_BYTES, FILES_MAX, own_code
from imds_probe.inventory.sdks.recogniser import OwnCode
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed

NAMES = ["botocore", "boto3", "boto", "ec2-metadata"]


def look(root: Path, *arguments: str, cwd: str = "/") -> OwnCode:
    return own_code(start("python2.7", *arguments, root=root, cwd=cwd), NAMES)


def write(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("import sys\nsys.path.insert(0, '/opt/libs/python')\n", "/opt/libs/python"),
        ("import sys\nsys.path.append('lib/vendored')\n", "/opt/app/lib/vendored"),
        ("sys.path[0:0] = ['/opt/libs', '/srv/libs']\n", "/srv/libs"),
        (
            "sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'vendor'))\n",
            "/opt/app/vendor",
        ),
        ("import site\nsite.addsitedir('/opt/libs')\n", "/opt/libs"),
        ("print 'an old print'\nfrom vendor.deps import botocore\n", "/opt/app/vendor/deps"),
        ("def later():\n    import third_party.boto.utils\n", "/opt/app/third_party"),
    ],
)
def test_where_a_script_has_its_libraries(tmp_path: Path, text: str, place: str) -> None:
    write(tmp_path, "/opt/app/main.py", text)
    assert place in look(tmp_path, "/opt/app/main.py").places


def test_what_is_imported_is_followed_within_the_programs_own_code(tmp_path: Path) -> None:
    write(tmp_path, "/opt/app/main.py", "from pkg import jobs\n")
    write(tmp_path, "/opt/app/pkg/__init__.py", "")
    write(tmp_path, "/opt/app/pkg/jobs.py", "from .clients.aws import connect\n")
    write(
        tmp_path, "/opt/app/pkg/clients/aws.py", "def connect():\n    from .._vendor import boto3\n    return boto3\n"
    )
    found = look(tmp_path, "/opt/app/main.py")
    assert found.places == ("/opt/app/pkg/_vendor",)
    assert found.named == {"boto3"}


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (("-m", "tool"), {"/srv/tool/__main__.py": "import ec2_metadata\n"}),
        (("-m", "tool.run"), {"/srv/tool/run.py": "import ec2_metadata\n"}),
        (("/srv/tool",), {"/srv/tool/__main__.py": "import ec2_metadata\n"}),
        (("-u", "-W", "ignore", "tool/run.py", "botocore"), {"/srv/tool/run.py": "import ec2_metadata\n"}),
        (("-c", "import ec2_metadata; ec2_metadata.x"), {}),
    ],
)
def test_however_it_was_started(tmp_path: Path, arguments: tuple[str, ...], files: dict[str, str]) -> None:
    for path, text in files.items():
        write(tmp_path, path, text)
    assert look(tmp_path, *arguments, cwd="/srv").named == {"ec2-metadata"}


def test_a_script_in_bin_has_nothing_to_do_with_those_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "/usr/bin/tool", "import other\n")
    write(tmp_path, "/usr/bin/other.py", "import boto\n")
    assert look(tmp_path, "/usr/bin/tool") == OwnCode()


def test_a_script_by_a_link_is_where_the_link_leads(tmp_path: Path) -> None:
    write(tmp_path, "/opt/app/main.py", "import jobs\n")
    write(tmp_path, "/opt/app/jobs.py", "import boto\n")
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/app").symlink_to("/opt/app/main.py")
    assert look(tmp_path, "/usr/bin/app").named == {"boto"}


def test_modules_without_end_are_read_up_to_a_limit(tmp_path: Path) -> None:
    for number in range(FILES_MAX + 50):
        write(tmp_path, f"/opt/app/m{number}.py", f"import m{number + 1}, sys\nsys.path.append('/opt/{number}')\n")
    assert f"/opt/{FILES_MAX}" not in look(tmp_path, "/opt/app/m0.py").places


def test_a_hostile_script_holds_nobody_up_and_is_told_of(tmp_path: Path) -> None:
    write(tmp_path, "/opt/app/main.py", "import a, b\n")
    os.mkfifo(tmp_path / "opt/app/a.py")
    write(tmp_path, "/opt/app/b.py", "#" * (FILE_MAX_BYTES + 1))
    (trouble,) = look(tmp_path, "/opt/app/main.py").unread
    assert "/opt/app/b.py has more than" in trouble.problem


def test_what_cannot_be_read_is_no_sign_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise FileFailed("/opt/app/main.py cannot be read: Input/output error")

    write(tmp_path, "/opt/app/main.py", "import boto\n")
    monkeypatch.setattr(rootfs, "read", fails)
    (trouble,) = look(tmp_path, "/opt/app/main.py").unread
    assert isinstance(trouble, FileFailed)


def test_a_server_has_the_libraries_of_the_environment_in_its_settings(tmp_path: Path) -> None:
    write(tmp_path, "/e/a.ini", "[uwsgi]\nhome=/srv/venv\nchdir=/srv/a\nmodule=main:app\n")
    write(tmp_path, "/srv/a/main.py", "import boto3\nsys.path.append('/opt/libs')\n")
    started = start("uwsgi", "--ini", "/e/a.ini", executable="/usr/bin/uwsgi-core", root=tmp_path, cwd="/")
    found = own_code(started, NAMES)
    assert found == OwnCode(("/opt/libs", "/srv/a"), frozenset({"boto3"}), (), ("/srv/venv",))
    started = start("nginx", "-c", "/e/a.ini", executable="/usr/sbin/nginx", root=tmp_path, cwd="/")
    assert own_code(started, NAMES).prefixes == ()
