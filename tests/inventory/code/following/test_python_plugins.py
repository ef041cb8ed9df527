"""Plug-ins that Python code finds by the entry points of installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.python_plugins import groups_in

SITE = "/usr/lib/python3/dist-packages"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pkg_resources.iter_entry_points('a.plugins')", ["a.plugins"]),
        ("for each in iter_entry_points(\n    group='a.plugins', name=None):", ["a.plugins"]),
        ("G = 'a.plugins'\npkg_resources.iter_entry_points(G)", ["a.plugins"]),
        ("for g in ('a', 'b'):\n    entry_points(group=g)", ["a", "b"]),
        ("pkg_resources.iter_entry_points(constants.ENTRY_POINT)", [""]),
        ("importlib.metadata.entry_points(group='a')", ["a"]),
        ("entry_points().get('a', ())", ["a"]),
        ("entry_points()['a']", ["a"]),
        ('entry_points().select(group="a")', ["a"]),
        ("manager.load_setuptools_entrypoints('pytest11')", ["pytest11"]),
        ("import entrypoints\nentrypoints.get_group_all('a')", ["a"]),
        ("from stevedore import driver\ndriver.DriverManager(namespace='a', name='b')", ["a"]),
        ("from stevedore import extension\nextension.ExtensionManager(\n  'a', invoke_on_load=True)", ["a"]),
        ("import stevedore\nstevedore.NamedExtensionManager(names=['x'], namespace=N)", [""]),
        ("def iter_entry_points(group, name=None):\n    pass", []),
        ("setup(entry_points={'console_scripts': ['x = y:z']})", []),
        ("driver.DriverManager(namespace='a')", []),
    ],
)
def test_groups_that_code_asks_for(text: str, expected: list[str]) -> None:
    assert [each.removeprefix("group:") for each in groups_in(text.encode())] == expected


@pytest.mark.parametrize(
    ("asking", "expected"),
    [
        ("pkg_resources.iter_entry_points('tool.plugins')", {"first", "second"}),
        ("pkg_resources.iter_entry_points(constants.PLUGINS)", {"first", "second", "more"}),
        ("pkg_resources.iter_entry_points('tool.more')", {"more"}),
        ("pkg_resources.iter_entry_points('none')", set()),
        ("pass", set()),
    ],
)
def test_the_plug_ins_of_all_packages_are_loaded(tmp_path: Path, asking: str, expected: set[str]) -> None:
    root = Root(tmp_path).put(
        {
            "/usr/bin/python3": "",
            "/usr/lib/python3/os.py": "",
            "/usr/bin/tool": "#!/usr/bin/python3\nimport tool.main\n",
            f"{SITE}/tool/__init__.py": "",
            f"{SITE}/tool/main.py": f"import pkg_resources\n{asking}\n",
            f"{SITE}/first-1.0.dist-info/entry_points.txt": "[console_scripts]\nx = other.cli:main\n\n"
            "[tool.plugins]\na = first.plug:A [extra]\n",
            f"{SITE}/second-1.0.egg-info/entry_points.txt": "[ tool.plugins ]\n# c = other.cli\nb=second.plug:B\n",
            f"{SITE}/more-1.0.dist-info/entry_points.txt": "[tool.more]\nc = more.plug\n[toolbox]\nd = other.cli\n",
            **{f"{SITE}/{name}/{part}.py": "" for name in ("first", "second", "more") for part in ("__init__", "plug")},
            **{f"{SITE}/other/{part}.py": "" for part in ("__init__", "cli")},
        }
    )
    loaded = {path for path in root.loaded("/usr/bin/tool") if path.startswith(SITE)}
    assert loaded - {f"{SITE}/tool/__init__.py", f"{SITE}/tool/main.py"} == {
        f"{SITE}/{name}/{part}.py" for name in expected for part in ("__init__", "plug")
    }


def test_an_application_of_its_own_has_plug_ins_too(tmp_path: Path) -> None:
    root = Root(tmp_path).put(
        {
            **{
                "/usr/bin/python3": "",
                "/usr/lib/python3/os.py": "",
                "/opt/tool/run": "#!/usr/bin/python3\nimport find\n",
            },
            "/opt/tool/find.py": "from pkg_resources import iter_entry_points\niter_entry_points(settings.GROUP)\n",
            f"{SITE}/first-1.0.dist-info/entry_points.txt": "[tool.plugins]\na = first.plug:A\n[other]\nb = first.none\n",
            **{f"{SITE}/first/{part}.py": "" for part in ("__init__", "plug", "none")},
        }
    )
    loaded = {path for path in root.loaded("/opt/tool/run") if path.startswith(SITE)}
    assert loaded == {f"{SITE}/first/__init__.py", f"{SITE}/first/plug.py"}
