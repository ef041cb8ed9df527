from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root
from python_root import SITE, with_python


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return with_python(tmp_path)


def test_imports_of_a_script_and_of_what_they_import(root: Root) -> None:
    root.put(
        {
            "/opt/app/main.py": "import os, json\nimport own.deep as deep\nfrom client import get\n",
            "/opt/app/own/__init__.py": "from . import beside\nfrom .below.far import x\n",
            "/opt/app/own/beside.py": "",
            "/opt/app/own/deep.py": "",
            "/opt/app/own/below/__init__.py": "",
            "/opt/app/own/below/far.py": "from ...nowhere import y\nfrom .. import beside\n",
            f"{SITE}/client/__init__.py": "def get():\n    from client import lazily\n",
            f"{SITE}/client/lazily.py": "",
            f"{SITE}/client/never.py": "",
            f"{SITE}/json/__init__.py": "# hidden by the interpreter's own",
        }
    )
    found = root.loaded("python3", "/opt/app/main.py")
    assert found == {
        "/opt/app/main.py": None,
        "/opt/app/own/__init__.py": None,
        "/opt/app/own/deep.py": None,
        "/opt/app/own/beside.py": None,
        "/opt/app/own/below/__init__.py": None,
        "/opt/app/own/below/far.py": None,
        f"{SITE}/client/__init__.py": f"{SITE}/client",
        f"{SITE}/client/lazily.py": f"{SITE}/client",
    }


def test_projects_that_share_a_directory_are_packages_of_their_own(root: Root) -> None:
    root.put({f"{SITE}/google/auth/aws.py": "", f"{SITE}/google/cloud/x.py": "", "/a.py": "import google.auth.aws"})
    assert root.loaded("python3", "/a.py")[f"{SITE}/google/auth/aws.py"] == f"{SITE}/google/auth"
    assert list(root.loaded("python3", "/a.py", left=("pypi google-auth",))) == ["/a.py", f"{SITE}/google/auth/aws.py"]


def test_a_name_of_which_a_part_is_not_known_stays_in_its_package(root: Root) -> None:
    root.put(
        {
            f"{SITE}/tool/util.py": "import importlib\nimportlib.import_module(f'..{name}', 'tool.util')\nfrom .. import x\n",
            f"{SITE}/tool/__init__.py": "",
            f"{SITE}/stranger/__init__.py": "",
            "/a.py": "import tool.util",
        }
    )
    assert f"{SITE}/stranger/__init__.py" not in root.loaded("python3", "/a.py")


def test_python_2_has_its_own_library_and_looks_beside_a_module(root: Root) -> None:
    site = "/usr/lib/python2.7/dist-packages"
    root.put(
        {
            "/usr/bin/python2.7": "",
            "/usr/lib/python2.7/os.py": "",
            "/a.py": "import old, urllib2\nprint 'x', old\n",
            f"{site}/old/__init__.py": "import beside",
            f"{site}/old/beside.py": "",
            "/usr/lib/python2.7/urllib2.py": "",
        }
    )
    assert root.loaded("python2.7", "/a.py") == {
        "/a.py": None,
        f"{site}/old/__init__.py": f"{site}/old",
        f"{site}/old/beside.py": f"{site}/old",
    }
    # What a distribution ships is no environment: what of it nothing imports is nobody's concern.
    assert root.follow("python2.7", "/a.py").environment == ()


def test_circles_and_a_missing_module_come_to_an_end(root: Root) -> None:
    root.put({f"{SITE}/a.py": "import b, nowhere", f"{SITE}/b.py": "import a", "/m.py": "import a"})
    assert set(root.loaded("python3", "/m.py")) == {"/m.py", f"{SITE}/a.py", f"{SITE}/b.py"}
