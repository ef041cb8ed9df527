"""Where interpreters look, by how they were started. Processes that really run are in test_running.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.inventory.sdks.places import PLACES, Start, interpreters, modules_without_tls, python_base


def start(
    *arguments: str, executable: str = "/usr/bin/python3.9", cwd: str = "/srv", root: Path = Path("/none"), **env
):
    mapped = frozenset(env.pop("mapped", ()))
    return Start(executable, cwd, arguments, env, mapped, root)


def places(kind: str, started: Start) -> list[str]:
    return [path for _, path in PLACES[kind](started)]


@pytest.mark.parametrize(
    ("executable", "mapped", "kinds"),
    [
        ("/usr/bin/python3.11", (), ["python"]),
        ("/usr/sbin/uwsgi", ("/usr/lib/libpython3.9.so.1.0",), ["python"]),
        ("/usr/bin/node", (), ["node"]),
        ("/opt/app/launcher", ("/opt/jre/lib/server/libjvm.so",), ["java"]),
        ("/usr/sbin/apache2", ("/usr/lib/apache2/modules/libphp8.2.so",), ["php"]),
        ("/usr/bin/ruby3.1", (), ["ruby"]),
        ("/srv/App", ("/srv/libcoreclr.so",), ["dotnet"]),
        ("/usr/bin/pythonic", (), []),
        ("/usr/sbin/nginx", ("/usr/lib/libc.so.6",), []),
    ],
)
def test_which_interpreter_runs(executable: str, mapped: tuple[str, ...], kinds: list[str]) -> None:
    assert list(interpreters(executable, frozenset(mapped))) == kinds


def test_a_module_run_from_a_directory_finds_what_lies_in_it() -> None:
    assert "/srv" in places("python", start("python3", "-m", "app"))
    assert "/srv" not in places("python", start("python3", "/opt/x/run.py"))


def test_a_script_that_is_a_link_belongs_to_where_it_leads(tmp_path: Path) -> None:
    """As pipx and npm leave them."""
    (tmp_path / "opt/env/bin").mkdir(parents=True)
    (tmp_path / "opt/env/bin/tool").write_text("")
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/tool").symlink_to("/opt/env/bin/tool")
    started = start("/usr/bin/python3.9", "/usr/bin/tool", root=tmp_path)
    assert list(started.scripts()) == ["/usr/bin/tool", "/opt/env/bin/tool"]
    assert "/opt/env" in started.prefixes()
    assert "/opt/env/lib/python3.9/site-packages" in places("python", started)
    node = start("node", "/usr/bin/tool", root=tmp_path, executable="/usr/bin/node")
    assert "/opt/env/node_modules" in places("node", node)


def test_the_base_is_the_interpreters_own_and_the_users() -> None:
    base = [path for _, path in python_base(start("python3", executable="/opt/py/bin/python3.9", HOME="/home/a"))]
    assert base[0] == "/opt/py/lib/python3.9/site-packages"
    assert "/home/a/.local/lib/python3.9/site-packages" in base
    assert "/usr/local/lib/python3.9/dist-packages" in base


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
    assert modules_without_tls(start("python3", mapped=mapped)) == asked


def test_a_php_worker_may_serve_any_application() -> None:
    found = places("php", start("php-fpm: pool www", executable="/usr/sbin/php-fpm8.2", cwd="/"))
    assert "/var/www/*/vendor/composer" in found
    assert "/vendor/composer" in found
