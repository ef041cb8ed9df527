"""How programs were started. Processes that really run are in test_running.py."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from program_starts import start
from small_roots import made


def test_a_script_that_is_a_link_is_also_what_it_leads_to(tmp_path: Path) -> None:
    """As pipx and npm leave them."""
    (tmp_path / "opt/env/bin").mkdir(parents=True)
    (tmp_path / "opt/env/bin/tool").write_text("")
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/tool").symlink_to("/opt/env/bin/tool")
    started = start("/usr/bin/python3.9", "/usr/bin/tool", root=tmp_path)
    assert list(started.scripts()) == ["/usr/bin/tool", "/opt/env/bin/tool"]
    assert "/opt/env" in started.prefixes()


def test_the_script_may_come_behind_many_options() -> None:
    options = ("-u", "-B", "-O", "-W", "ignore", "-X", "utf8")
    assert "/opt/app/main.py" in list(start("/usr/bin/python3", *options, "/opt/app/main.py").scripts())


def test_paths_begin_at_the_programs_own_directory() -> None:
    assert start(cwd="/srv/app").path("../x") == "/srv/x"
    assert start(cwd="/srv", PATHS="a::/b").listed("PATHS") == ["/srv/a", "/b"]


def test_a_program_in_an_argument_is_no_script() -> None:
    """As after python3 -c and node -e: it may be long, and hold what no report may quote."""
    code = f"password = 'hunter2'; {'x = 1; ' * 40}"
    assert list(start("/usr/bin/python3", "-c", code).scripts()) == []
    assert list(start("/usr/bin/node", "-e", "a/" * 2100).scripts()) == []
    assert list(start("/usr/bin/python3", "/srv/app/" + "a" * 255).scripts()) == ["/srv/app/" + "a" * 255]


@pytest.mark.parametrize(
    ("argument", "environment", "found"),
    [
        ("python", "/opt/venv", True),
        ("python3", "/opt/venv", True),
        ("gunicorn: master [app:app]", "/opt/venv", True),  # a title in place of the arguments
        ("gunicorn: worker [/srv/app]", "/opt/venv", True),
        ("/usr/bin/python3", "/opt/venv", False),  # called by its path: what PATH has is another program's affair
        ("python", "/opt/none", False),
        ("", "/opt/venv", True),
    ],
)
def test_a_bare_name_is_what_path_has_of_it(tmp_path: Path, argument: str, environment: str, *, found: bool) -> None:
    """As Python itself finds out whether it is in a virtual environment."""
    made(
        tmp_path,
        {
            "/usr/bin/python3.9": b"\x7fELF",
            "/usr/bin/python3": Path("python3.9"),
            "/opt/venv/bin/python": Path("python3"),
            "/opt/venv/bin/python3": Path("/usr/bin/python3.9"),
        },
    )
    path = f"{environment}/bin:/usr/bin"
    started = start(argument, "app.py", executable="/usr/bin/python3.9", root=tmp_path, PATH=path)
    assert ("/opt/venv" in started.prefixes()) is found


def test_the_first_place_of_path_counts(tmp_path: Path) -> None:
    made(tmp_path, {"/usr/bin/python3": b"\x7fELF", "/opt/venv/bin/python3": Path("/usr/bin/python3")})
    started = start("python3", executable="/usr/bin/python3", root=tmp_path, PATH="/none:/usr/bin::/opt/venv/bin")
    assert started.prefixes() == ("/usr",)


def test_a_title_says_nothing_where_path_has_another_program_of_that_language(tmp_path: Path) -> None:
    made(tmp_path, {"/usr/bin/python3.9": b"\x7fELF", "/opt/venv/bin/python3": b"\x7fELF"})
    started = start("worker: 1", executable="/usr/bin/python3.9", root=tmp_path, PATH="/opt/venv/bin")
    assert "/opt/venv" not in started.prefixes()


def test_whoever_looks_up_in_his_own_way_is_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    def first(paths: Iterable[str]) -> str | None:
        asked.extend(paths)
        return "/opt/venv/bin/python"

    started = start("python", executable="/usr/bin/python3", root=tmp_path, PATH="/opt/venv/bin:rel")
    assert (started.prefixes(first), asked) == (("/opt/venv",), ["/opt/venv/bin/python", "/srv/rel/python"])
