from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread

PYTHON = "/usr/bin/python3.11"
SITE = "/usr/local/lib/python3.11/site-packages"
INSTALLED = {
    PYTHON: "",
    "/usr/bin/env": "",
    "/usr/lib/python3.11/os.py": "",
    "/usr/lib/python3.11/json/__init__.py": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    return Root(tmp_path).put(INSTALLED)


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


def test_a_script_by_its_first_line_and_its_environment(root: Root) -> None:
    """A virtual environment that sees no other packages, and one that does."""
    site = "/opt/venv/lib/python3.11/site-packages"
    root.put(
        {
            "/opt/venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\n",
            "/opt/venv/bin/tool": "#!/opt/venv/bin/python\nfrom tool.cli import main\nmain()\n",
            f"{site}/tool/cli.py": "import other\n",
            f"{SITE}/other.py": "",
        }
    )
    (root.path / "opt/venv/bin/python").symlink_to("/usr/bin/python3.11")
    assert root.loaded("/opt/venv/bin/tool") == {
        "/opt/venv/bin/tool": None,
        f"{site}/tool/cli.py": f"{site}/tool",
    }
    assert root.follow("/opt/venv/bin/tool").environment == (site,)
    root.put({"/opt/venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = true\n"})
    assert f"{SITE}/other.py" in root.loaded("/opt/venv/bin/tool")


def test_modules_and_texts_as_arguments(root: Root) -> None:
    root.put({f"{SITE}/tool/__main__.py": "import used", f"{SITE}/tool/__init__.py": "", f"{SITE}/used.py": ""})
    assert set(root.loaded("python3", "-m", "tool")) == {
        f"{SITE}/tool/__init__.py",
        f"{SITE}/tool/__main__.py",
        f"{SITE}/used.py",
    }
    loads = root.follow("python3", "-Ic", "import used; used.ask()", "/opt/no/script.py")
    assert [load.path for load in loads.files] == [f"{SITE}/used.py"]
    assert [(text.form, text.content) for text in loads.texts] == [("python", b"import used; used.ask()")]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("sys.path.insert(0, '/srv/vendored')", "/srv/vendored"),
        ('sys.path.append("vendored")', "/opt/app/vendored"),
        ("sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'vendored'))", "/opt/app/vendored"),
        ("sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)) + '/vendored')", "/opt/vendored"),
        ("sys.path[0:0] = ['/srv/vendored']", "/srv/vendored"),
        ("site.addsitedir('/srv/vendored')", "/srv/vendored"),
    ],
)
def test_places_that_a_script_adds(root: Root, line: str, place: str) -> None:
    root.put({"/opt/app/main.py": f"import sys, os\n{line}\nimport boto\n", f"{place}/boto/__init__.py": ""})
    assert root.loaded("python3", "/opt/app/main.py")[f"{place}/boto/__init__.py"] == f"{place}/boto"


def test_what_a_script_starts(root: Root) -> None:
    """Of libraries it is their own affair."""
    root.put(
        {
            "/opt/job.py": 'import subprocess, tool\nsubprocess.run(["/opt/x.sh", "-a"])\n',
            "/opt/tool.py": 'import os\nos.system("/opt/y.sh")\n',
            f"{SITE}/lib.py": 'import os\nos.system("/opt/z.sh")\n',
            **dict.fromkeys(("/opt/x.sh", "/opt/y.sh", "/opt/z.sh"), "#!/bin/sh\n"),
            "/bin/sh": "",
        }
    )
    assert {"/opt/x.sh", "/opt/y.sh"} <= set(root.loaded("/usr/bin/python3", "/opt/job.py"))
    assert "/opt/z.sh" not in root.loaded("/usr/bin/python3", "-c", "import lib")


def test_names_that_are_texts(root: Root) -> None:
    """A text that is whole names one module, one that is put together all that begin so; a variable could be any."""
    root.put(
        {
            "/opt/app/main.py": "import importlib\nimportlib.import_module('plain')\n__import__('old')\n",
            f"{SITE}/plain.py": "importlib.import_module(f'plugins.{name}')",
            f"{SITE}/old.py": "",
            f"{SITE}/plugins/__init__.py": "",
            f"{SITE}/plugins/one.py": "",
        }
    )
    loads = root.follow("python3", "/opt/app/main.py")
    assert {f"{SITE}/plain.py", f"{SITE}/old.py", f"{SITE}/plugins/one.py"} <= {load.path for load in loads.files}
    assert loads.unresolved == ()
    root.put({f"{SITE}/plugins/__init__.py": "importlib.import_module(name)", f"{SITE}/plugins/below/two.py": ""})
    loads = root.follow("python3", "/opt/app/main.py")
    assert loads.unresolved == (f"{SITE}/plugins/__init__.py",)
    assert f"{SITE}/plugins/below/two.py" in {load.path for load in loads.files}


def test_entry_points_paths_in_files_and_projects_left_where_they_are(root: Root) -> None:
    root.put(
        {
            "/usr/local/bin/tool": "#!/usr/bin/python3\nload_entry_point('My_Tool==1.0', 'console_scripts', 'tool')()\n",
            f"{SITE}/my_tool-1.0.dist-info/entry_points.txt": "[console_scripts]\ntool = mytool.cli:main\n",
            f"{SITE}/mytool/cli.py": "import pointed, edited\n",
            f"{SITE}/others.pth": "# a comment\nimport evil; evil()\n/srv/more\n",
            "/srv/more/pointed.py": "",
            f"{SITE}/__editable___edited_finder.py": "MAPPING: dict[str, str] = {'edited': '/srv/project/edited'}\n",
            "/srv/project/edited/__init__.py": "",
        }
    )
    assert set(root.loaded("/usr/local/bin/tool")) == {
        "/usr/local/bin/tool",
        f"{SITE}/mytool/cli.py",
        "/srv/more/pointed.py",
        "/srv/project/edited/__init__.py",
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


def test_what_a_process_has_mapped_says_which_environment_it_has(root: Root) -> None:
    """A server may call itself what it likes; its extension modules lie where its packages do."""
    site = "/srv/env/lib/python3.11/site-packages"
    root.put({f"{site}/fast/_fast.cpython-311.so": b"\x7fELF\0", f"{site}/slow.py": ""})
    loads = root.follow(
        "gunicorn: master [app]", executable=PYTHON, mapped=(f"{site}/fast/_fast.cpython-311.so",), directory="/srv"
    )
    assert [(load.path, load.package_root) for load in loads.files] == [
        (f"{site}/fast/_fast.cpython-311.so", f"{site}/fast")
    ]
    assert loads.environment == (site, "/srv")
    assert loads.cut_short == "its script is not known"


@pytest.mark.parametrize(
    ("words", "how"),
    [
        (("python3", "app.py"), {}),
        (("python3", "app.py"), {"executable": PYTHON}),
        (("python3", "-m", "app"), {"executable": PYTHON}),
    ],
)
def test_an_environment_that_only_path_names(root: Root, words: tuple[str, ...], how: dict[str, str]) -> None:
    """As ENV PATH=/opt/venv/bin:$PATH of an image has it, for a process and for a command."""
    root.put({"/srv/app.py": "import client\n", "/opt/venv/pyvenv.cfg": "home = /usr/bin\n"})
    root.put({f"{place}/client.py": "" for place in (SITE, "/opt/venv/lib/python3.11/site-packages")})
    (root.path / "opt/venv/bin").mkdir()
    (root.path / "opt/venv/bin/python3").symlink_to(PYTHON)
    for place, found in (("/opt/venv/bin:/usr/bin", "/opt/venv/lib/python3.11/site-packages"), ("/usr/bin", SITE)):
        loaded = root.loaded(*words, directory="/srv", environment={"PATH": place}, **how)
        assert [path for path in loaded if path.endswith("/client.py")] == [f"{found}/client.py"]


def test_a_project_of_django_with_the_command_that_is_asked_for(root: Root) -> None:
    commands = "/opt/app/shop/management/commands"
    root.put(
        {
            "/opt/app/manage.py": "from django.core.management import execute_from_command_line\n",
            "/opt/app/shop/settings.py": "",
            "/opt/app/fabfile.py": "",
            "/opt/app/scripts/old.py": "",
            "/opt/app/shop/tests/test_x.py": "",
            f"{commands}/report.py": "",
            f"{commands}/other.py": "",
        }
    )
    found = root.loaded("python3", "/opt/app/manage.py", "report", "--now")
    assert set(found) == {"/opt/app/manage.py", "/opt/app/shop/settings.py", f"{commands}/report.py"}


def test_a_place_that_a_variable_names_and_one_that_only_running_tells(root: Root) -> None:
    variable = "import sys, os, boto\nsys.path.append(os.environ['APP_LIBS'])\n"
    root.put(
        {
            "/opt/app/a.py": variable,
            "/opt/app/b.py": "import sys, boto\nsys.path.append(found())\n",
            "/srv/libs/boto.py": "",
        }
    )
    assert root.loaded("python3", "/opt/app/a.py", environment={"APP_LIBS": "/srv/libs"}) == {
        "/opt/app/a.py": None,
        "/srv/libs/boto.py": "/srv/libs/boto.py",
    }
    for script in ("/opt/app/a.py", "/opt/app/b.py"):
        assert root.follow("python3", script).cut_short == unread.BY_NAME
    either = "try:\n    import urllib2, ConfigParser\nexcept ImportError:\n    import urllib.request\n"
    root.put({"/opt/app/c.py": f"import sys, distutils\nsys.path.append(found())\n{either}"})
    assert root.follow("python3", "/opt/app/c.py").cut_short == ""
    root.put({f"{SITE}/boto.py": ""})
    assert root.follow("python3", "/opt/app/b.py").cut_short == ""


def test_a_file_that_is_run_as_code_and_settings_that_are_named(root: Root) -> None:
    root.put(
        {"/opt/app/a.py": "exec(open('/opt/app/job.txt').read())\n", "/opt/app/job.txt": "import own\nopen('x.json')\n"}
    )
    root.put({"/opt/app/own.py": "", "/opt/app/x.json": ""})
    found = root.follow("python3", "/opt/app/a.py")
    assert [load.path for load in found.files] == ["/opt/app/a.py", "/opt/app/job.txt", "/opt/app/own.py"]
    assert found.settings == ("/opt/app/x.json",)


def test_circles_and_a_missing_module_come_to_an_end(root: Root) -> None:
    root.put({f"{SITE}/a.py": "import b, nowhere", f"{SITE}/b.py": "import a", "/m.py": "import a"})
    assert set(root.loaded("python3", "/m.py")) == {"/m.py", f"{SITE}/a.py", f"{SITE}/b.py"}


@pytest.mark.parametrize(
    "line", ["os.getcwd()", "''", "'.'", "str(Path.cwd())", "os.path.join(os.getcwd(), 'src', '..')"]
)
def test_a_script_that_imports_from_where_it_was_started(root: Root, line: str) -> None:
    root.put({"/opt/tool/run.py": f"import sys, os\nsys.path.insert(0, {line})\nimport main\n", "/srv/main.py": ""})
    assert "/srv/main.py" in root.loaded("python3", "/opt/tool/run.py", directory="/srv")
    assert "/srv/main.py" not in root.loaded("python3", "/opt/tool/run.py", directory="/")


UWSGI, LIBRARY = "/usr/bin/uwsgi-core", "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0"
VENV = "/srv/a/venv/lib/python3.11/site-packages"
SERVED = {
    "/srv/a/main.py": "import client\nimport beside\n",
    "/srv/a/beside.py": "",
    f"{VENV}/client.py": "",
    f"{SITE}/client.py": "",
    "/srv/a/venv/pyvenv.cfg": "home = /usr/bin\n",
}
INI = "[uwsgi]\nvirtualenv=/srv/a/venv\nchdir=/srv/a\nmodule=main:app\n"


@pytest.mark.parametrize(
    ("executable", "argv", "files"),
    [
        (UWSGI, ("uwsgi", "--ini", "/e/a.ini"), {"/e/a.ini": INI}),
        (UWSGI, ("uwsgi", "--http", ":80", "-H", "/srv/a/venv", "--chdir", "/srv/a", "--wsgi-file", "main.py"), {}),
        (
            "/usr/sbin/apache2",
            ("(wsgi:a)", "-k", "start"),
            {
                "/etc/apache2/sites-enabled/a.conf": "WSGIDaemonProcess a python-home=/srv/a/venv\n"
                "WSGIScriptAlias / /srv/a/main.py\n"
            },
        ),
    ],
)
def test_python_inside_of_a_server(root: Root, executable: str, argv: tuple[str, ...], files: dict[str, str]) -> None:
    root.put({executable: "", **SERVED, **files})
    found = root.follow(*argv, executable=executable, mapped=(LIBRARY,))
    paths = {load.path for load in found.files} - {LIBRARY}
    assert paths == {"/srv/a/main.py", "/srv/a/beside.py", f"{VENV}/client.py"}
    assert found.cut_short == ""


def test_a_server_that_is_started_by_a_command(root: Root) -> None:
    """Nothing is mapped yet: by its name, and of what has no Python in its settings nothing is missing."""
    root.put({UWSGI: "", **SERVED, "/e/a.ini": INI, "/e/b.ini": "[uwsgi]\npsgi=/srv/app.psgi\n"})
    assert f"{VENV}/client.py" in root.loaded(UWSGI, "--ini", "/e/a.ini")
    assert root.follow(UWSGI, "--ini", "/e/b.ini").cut_short == ""
    assert root.follow(UWSGI, "--ini", "/e/none.ini").cut_short == unread.NO_SCRIPT


def test_a_server_whose_application_is_not_seen(root: Root) -> None:
    root.put({UWSGI: ""})
    assert root.follow("uwsgi", "--http", ":80", executable=UWSGI, mapped=(LIBRARY,)).cut_short == unread.NO_SCRIPT
    assert root.follow("uwsgi", "--http", ":80", executable=UWSGI, mapped=("/usr/lib/libssl.so.3",)).cut_short == ""


def test_a_project_of_django_inside_of_a_server(root: Root) -> None:
    root.put(
        {
            UWSGI: "",
            "/srv/p/manage.py": "",
            "/srv/p/p/__init__.py": "",
            "/srv/p/p/wsgi.py": "",
            "/srv/p/shop/apps.py": "",
            "/srv/p/shop/views.py": "",
        }
    )
    loaded = root.loaded(
        "uwsgi", "--chdir", "/srv/p", "--module", "p.wsgi:application", executable=UWSGI, mapped=(LIBRARY,)
    )
    assert {"/srv/p/p/wsgi.py", "/srv/p/shop/views.py"} <= loaded.keys()
