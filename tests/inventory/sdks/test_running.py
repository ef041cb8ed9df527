"""Processes that really run: the test's own interpreter in a virtual environment, and shells under the names of others."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from imds_probe.inventory.sdks import running
from imds_probe.inventory.sdks.running import Running, look, runtimes

PROC = Path("/proc")


@contextmanager
def started(argv: Sequence[str | Path], cwd: Path, env: dict[str, str], fds: Sequence[int] = ()) -> Iterator[int]:
    child = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=fds)
    assert child.stdin and child.stdout
    try:
        assert child.stdout.readline() == b"ready\n"
        yield child.pid
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def seen(pid: int) -> Running:
    found = look(PROC, pid)
    assert found
    return found


def places(running: Running, ecosystem: str) -> list[str]:
    return [path for kind, path in running.directories if kind == ecosystem]


@contextmanager
def called(name: str, folder: Path, *arguments: str, fds: Sequence[int] = (), **env: str) -> Iterator[Running]:
    """A shell that waits, its executable under another name, with arguments that it does not look at."""
    program = folder / "usr/bin" / name
    program.parent.mkdir(parents=True)
    shutil.copy("/bin/sh", program)
    with started([program, "-c", "echo ready; read line", *arguments], folder, env, fds) as pid:
        yield seen(pid)


SCRIPT = "import sys; print('ready', flush=True); sys.stdin.read()"


def test_python_in_a_virtual_environment(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    script = tmp_path / "env/bin/app"
    script.write_text(SCRIPT)
    version = f"python3.{sys.version_info.minor}"
    with started([tmp_path / "env/bin/python", script], tmp_path, {"PYTHONPATH": "own:/srv/lib"}) as pid:
        found = seen(pid)
    assert found.executable == os.path.realpath(sys.executable)
    assert found.executable in found.loaded
    listed = places(found, "pypi")
    assert {f"{tmp_path}/own", "/srv/lib", f"{tmp_path}/env/lib/{version}/site-packages"} <= set(listed)
    assert ("pypi", "/usr/lib/python3/dist-packages") in found.base
    assert f"{tmp_path}/env" in found.prefixes
    assert str(script) in found.scripts
    assert {kind for kind, _ in found.directories} == {"pypi"}


def test_node_looks_above_its_script(tmp_path: Path) -> None:
    with called("node", tmp_path, "/srv/app/dist/main.js", NODE_PATH="/opt/modules", SECRET="x") as found:
        listed = places(found, "npm")
    assert {"/srv/app/dist/node_modules", "/srv/app/node_modules", "/node_modules", "/opt/modules"} <= set(listed)
    assert f"{tmp_path}/node_modules" in listed
    assert "/srv/app/dist/main.js" in found.scripts


def test_java_by_class_path_and_what_it_holds_open(tmp_path: Path) -> None:
    jar = tmp_path / "open.jar"
    jar.write_bytes(b"x")
    with jar.open("rb") as file:
        arguments = ("-cp", "lib/*:/opt/a.jar", "-jar", "app.jar")
        with called("java", tmp_path, *arguments, fds=[file.fileno()], CLASSPATH="/opt/b.jar") as found:
            assert str(jar) in found.loaded
            assert places(found, "maven") == ["/opt/b.jar", f"{tmp_path}/lib", "/opt/a.jar", f"{tmp_path}/app.jar"]


def test_ruby_php_and_dotnet(tmp_path: Path) -> None:
    with called("ruby3.1", tmp_path / "r", "/srv/app/run.rb", GEM_HOME="/opt/gems") as found:
        assert {"/opt/gems", "/srv/app/vendor/bundle", "/var/lib/gems"} <= set(places(found, "gem"))
    with called("php-fpm8.2", tmp_path / "p", "/srv/www/public/index.php") as found:
        assert {"/srv/www/public/vendor/composer", "/srv/www/vendor/composer", "/var/www/*/vendor/composer"} <= set(
            places(found, "composer")
        )
    with called("dotnet", tmp_path / "d", "/srv/app/App.dll") as found:
        assert "/srv/app" in places(found, "nuget")


def test_any_other_program_has_only_what_it_loaded(tmp_path: Path) -> None:
    with called("goprogram", tmp_path) as found:
        assert found.directories == ()
        assert f"{tmp_path}/usr/bin/goprogram" in found.loaded


MAPPING = """
import mmap, os, sys
with open(sys.argv[1], "rb") as file:
    held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
os.unlink(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


def test_more_than_is_looked_at_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "a.jar"
    jar.touch()
    with contextlib.ExitStack() as held:
        fds = [held.enter_context(jar.open()).fileno() for _ in range(20)]
        java = held.enter_context(called("java", tmp_path, "-jar", "b.jar", fds=fds))
        assert (java.unread, str(jar) in java.loaded) == ("", True)
        monkeypatch.setattr(running, "DESCRIPTORS_MAX", 10)
        assert seen(java.pid).unread == f"process {java.pid} has more files open than were looked at"
        monkeypatch.undo()
        monkeypatch.setattr(running, "_FILES", (*running._FILES[:3], ("maps", 100)))
        monkeypatch.setattr(running, "MAPS_LIMIT_BYTES", 100)
        assert seen(java.pid).unread == f"process {java.pid} has more files mapped than were looked at"


def test_what_was_replaced_under_a_running_process(tmp_path: Path) -> None:
    library = tmp_path / "lib/python3/site-packages/x/y.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"x" * mmap.PAGESIZE)
    with started([sys.executable, "-c", MAPPING, library], tmp_path, {}) as pid:
        found = seen(pid)
    assert found.replaced == {str(library)}
    assert str(library) not in found.loaded


def test_what_has_ended_is_nothing(tmp_path: Path) -> None:
    with called("x", tmp_path) as found:
        pass
    deadline = time.monotonic() + 60
    while look(PROC, found.pid) is not None:
        assert time.monotonic() < deadline


def test_a_kernel_thread_is_nothing() -> None:
    assert look(PROC, 2) is None or os.readlink("/proc/2/exe")


@pytest.mark.parametrize(
    ("executable", "mapped", "keys"),
    [
        ("/usr/bin/python3.11", (), ["pypi"]),
        ("/usr/sbin/uwsgi", ("/usr/lib/libpython3.9.so.1.0",), ["pypi"]),
        ("/usr/bin/node", (), ["npm"]),
        ("/opt/app/launcher", ("/opt/jre/lib/server/libjvm.so",), ["maven"]),
        ("/usr/sbin/apache2", ("/usr/lib/apache2/modules/libphp8.2.so",), ["composer"]),
        ("/usr/bin/ruby3.1", (), ["gem"]),
        ("/srv/App", ("/srv/libcoreclr.so",), ["nuget"]),
        ("/usr/bin/pythonic", (), []),
        ("/usr/sbin/nginx", ("/usr/lib/libc.so.6",), []),
        ("/usr/bin/python3", ("/usr/lib/libjvm.so",), ["pypi", "maven"]),
    ],
)
def test_which_interpreters_run(executable: str, mapped: tuple[str, ...], keys: list[str]) -> None:
    assert [recogniser.key for recogniser, _ in runtimes(executable, frozenset(mapped))] == keys
