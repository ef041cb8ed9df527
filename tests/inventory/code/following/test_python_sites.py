from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root
from python_root import PYTHON, SITE, with_python


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return with_python(tmp_path)


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
