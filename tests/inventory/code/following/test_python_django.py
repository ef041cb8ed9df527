from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root
from python_root import LIBRARY, UWSGI, with_python


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return with_python(tmp_path)


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
