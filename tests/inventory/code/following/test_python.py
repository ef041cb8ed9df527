from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root
from python_root import INI, LIBRARY, SERVED, SITE, UWSGI, VENV, with_python

from imds_probe.inventory.code import unread


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return with_python(tmp_path)


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
    assert "/opt/x.sh" in root.loaded("/usr/bin/python3", "-c", "import os\nos.system('/opt/x.sh')\n")


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


@pytest.mark.parametrize(
    "line", ["os.getcwd()", "''", "'.'", "str(Path.cwd())", "os.path.join(os.getcwd(), 'src', '..')"]
)
def test_a_script_that_imports_from_where_it_was_started(root: Root, line: str) -> None:
    root.put({"/opt/tool/run.py": f"import sys, os\nsys.path.insert(0, {line})\nimport main\n", "/srv/main.py": ""})
    assert "/srv/main.py" in root.loaded("python3", "/opt/tool/run.py", directory="/srv")
    assert "/srv/main.py" not in root.loaded("python3", "/opt/tool/run.py", directory="/")


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
