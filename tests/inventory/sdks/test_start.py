"""How programs were started. Processes that really run are in test_running.py."""

from __future__ import annotations

from pathlib import Path

from program_starts import start


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
