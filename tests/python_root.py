"""A system with Python and nothing that is installed for it."""

from __future__ import annotations

from pathlib import Path

from code_root import Root

PYTHON = "/usr/bin/python3.11"
SITE = "/usr/local/lib/python3.11/site-packages"
INSTALLED = {
    PYTHON: "",
    "/usr/bin/env": "",
    "/usr/lib/python3.11/os.py": "",
    "/usr/lib/python3.11/json/__init__.py": "",
}
# One that is served inside of a server.
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


def with_python(at: Path) -> Root:
    (at / "usr/bin").mkdir(parents=True)
    (at / "usr/bin/python3").symlink_to("python3.11")
    return Root(at).put(INSTALLED)
