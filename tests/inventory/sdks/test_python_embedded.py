"""What settings of uWSGI and mod_wsgi say of the Python inside, and of what they say nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from program_starts import start

from imds_probe.inventory.sdks.python_embedded import Embedded, embedded, has_python

INI = "[uwsgi]\nplugins=python3\nvirtualenv=/srv/a/venv\nchdir=/srv/a\nmodule=main:app\nmaster=true\n"
A = Embedded(("/srv/a/venv",), ("/srv/a",), ("main",))


def found(
    files: Mapping[str, str], *arguments: str, exe: str = "/usr/bin/uwsgi-core", cwd: str = "/"
) -> Embedded | None:
    def names(directory: str) -> list[str]:
        return [path.removeprefix(f"{directory}/") for path in files if path.rpartition("/")[0] == directory]

    return embedded(
        start(*arguments, executable=exe, cwd=cwd, VENVS="/venvs"), lambda path: files.get(path, "").encode(), names
    )


@pytest.mark.parametrize(
    ("files", "arguments", "cwd"),
    [
        ({"/e/a.ini": INI}, ("uwsgi", "--ini", "/e/a.ini"), "/"),
        ({"/e/a.ini": INI}, ("uwsgi", "--ini=/e/a.ini"), "/"),
        ({"/e/a.ini": INI}, ("uwsgi", "a.ini"), "/e"),
        ({"/e/a.ini": INI, "/d.ini": "[uwsgi]\nworkers=2\n"}, ("uwsgi", "--ini", "/d.ini", "--ini", "/e/a.ini"), "/"),
        ({"/e/a.ini": f"[other]\nmodule=no\n{INI}"}, ("uwsgi", "--ini", "a.ini:uwsgi"), "/e"),
        ({"/e/b.ini": INI, "/e/a.ini": "[uwsgi]\nini = %db.ini\n"}, ("uwsgi", "--ini", "/e/a.ini"), "/"),
        (
            {"/e/a.yml": "uwsgi:\n  home: /srv/a/venv\n  chdir: /srv/a\n  wsgi: main\n"},
            ("uwsgi", "--yaml", "/e/a.yml"),
            "/",
        ),
        (
            {"/e/a.json": '{"uwsgi": {\n"venv": "/srv/a/venv",\n"chdir": "/srv/a",\n"module": "main:app"\n}}'},
            ("uwsgi", "--json", "/e/a.json"),
            "/",
        ),
        (
            {"/e/a.xml": "<uwsgi>\n<pyhome>/srv/a/venv</pyhome>\n<chdir>/srv/a</chdir><module>main</module></uwsgi>"},
            ("uwsgi", "-x", "/e/a.xml"),
            "/",
        ),
        (
            {"/e/a.ini": "[uwsgi]\nbase=/srv/%n\nvenv=%(base)/venv\nchdir=%(base)\nmodule=main\n"},
            ("uwsgi", "--ini", "/e/a.ini"),
            "/",
        ),
        ({}, ("uwsgi", "-H", "venv", "--http", ":80", "--chdir", "/srv/a", "-w", "main:app"), "/"),
        ({"/etc/uwsgi/vassals/a.ini": INI}, ("uwsgi", "--emperor", "/etc/uwsgi/vassals"), "/"),
        ({"/etc/uwsgi/apps-enabled/a.ini": INI}, ("uWSGI master",), "/"),
    ],
)
def test_an_application_of_uwsgi(files: Mapping[str, str], arguments: tuple[str, ...], cwd: str) -> None:
    assert found(files, *arguments, cwd=cwd) == A


def test_a_module_may_be_called_like_a_file() -> None:
    settings = found({}, "uwsgi", "--module", "shop.wsgi:application", "--chdir", "/srv")
    assert settings == Embedded((), ("/srv",), ("shop.wsgi",))


def test_files_mounts_and_more_places() -> None:
    options = ("--wsgi-file", "app.py", "--mount", "/x=/srv/x.py:app", "--pythonpath", "lib", "--import", "tasks")
    assert found({}, "uwsgi", *options, cwd="/srv") == Embedded(
        (), ("/srv/lib", "/srv"), ("tasks",), ("/srv/app.py", "/srv/x.py")
    )


@pytest.mark.parametrize("value", ["%(nowhere)/x", "$(NOWHERE)/x"])
def test_what_only_running_tells_is_said(value: str) -> None:
    settings = found({"/a.ini": f"[uwsgi]\nwsgi-file={value}\n"}, "uwsgi", "--ini", "/a.ini")
    assert settings == Embedded(is_open=True)
    assert found({}, "uwsgi", "--ini", "http://x/a.ini") == Embedded(is_open=True)


@pytest.mark.parametrize(
    "text",
    ["", "[uwsgi]\n# module=main\n;wsgi-file=x.py\n", "[other]\nmodule=main\n", "[uwsgi]\npsgi=app.psgi\nmodule=\n"],
)
def test_settings_without_python_say_nothing(text: str) -> None:
    assert found({"/a.ini": text + "\n"}, "uwsgi", "--ini", "/a.ini") == Embedded()


def test_files_that_name_each_other_come_to_an_end() -> None:
    files = {"/a.ini": "[uwsgi]\nini=/b.ini\nmodule=a\n", "/b.ini": "[uwsgi]\nini=/a.ini\nmodule=b\n"}
    assert found(files, "uwsgi", "--ini", "/a.ini") == Embedded((), ("/",), ("b", "a"))


CONF = "/etc/apache2/sites-enabled/a.conf"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "WSGIDaemonProcess a python-home=/srv/a/venv python-path=/srv/a:/srv/lib\nWSGIScriptAlias / /srv/a/wsgi.py\n",
            Embedded(("/srv/a/venv",), ("/srv/a", "/srv/lib"), (), ("/srv/a/wsgi.py",)),
        ),
        (
            'WSGIDaemonProcess a \\\n  python-home="/srv/my venv" home=/srv/a\nWSGIScriptAlias / "/srv/a/x.wsgi"\n',
            Embedded(("/srv/my venv",), ("/srv/a",), (), ("/srv/a/x.wsgi",)),
        ),
        (
            "WSGIPythonHome /srv/venv\nWSGIPythonPath /srv/a\nWSGIImportScript /srv/b.py process-group=a\n",
            Embedded(("/srv/venv",), ("/srv/a",), (), ("/srv/b.py",)),
        ),
        ("WSGIScriptAlias /x/ /srv/scripts/\n", Embedded((), (), (), ("/srv/scripts/a.wsgi",))),
        ("# WSGIScriptAlias / /srv/a/wsgi.py\nDocumentRoot /srv\nWSGIScriptAliasMatch ^/(.*) /srv/$1.py\n", Embedded()),
    ],
)
def test_what_mod_wsgi_is_told(text: str, expected: Embedded) -> None:
    files = {CONF: text, "/srv/scripts/a.wsgi": "", "/srv/scripts/readme": ""}
    assert found(files, "(wsgi:a)", "-k", "start", exe="/usr/sbin/apache2") == expected
    assert found({"/opt/h.conf": text} | files, "httpd", "-f", "/opt/h.conf", exe="/usr/sbin/httpd") == expected


def test_other_programs_are_none() -> None:
    assert found({CONF: "WSGIScriptAlias / /srv/x.py\n"}, "nginx", exe="/usr/sbin/nginx") is None
    assert has_python(["/usr/lib/libpython3.11.so.1.0"])
    assert has_python(["/opt/_ssl.cpython-312-x86_64-linux-gnu.so"])
    assert not has_python(["/usr/lib/libssl.so.3"])
