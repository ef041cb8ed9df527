from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands import projects
from imds_probe.inventory.schedules.commands.project_asked import Run
from imds_probe.inventory.schedules.commands.projects import run_of
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

FILES: dict[str, str] = {
    "/app/package.json": '{"scripts": {"x": "node x.js", "prex": "a", "test": "t", "odd": 1}}',
    "/app/composer.json": '{"scripts": {"x": ["@y", "A::b", "@php z.php"], "y": "curl"}}',
    "/app/pyproject.toml": "[tool.pdm.scripts]\nx.cmd = 'a'\n[tool.poe.tasks]\ny = 'b'\n[project.scripts]\nz = 'pkg.mod:main'\n"
    "[tool.hatch.envs.default.scripts]\nh = ['c', 'd']\n",
    "/app/Pipfile": "[scripts]\np = 'python p.py'\n",
    "/app/Makefile": "include more.mk\nall:\n\tcurl $(A)\n",
    "/app/more.mk": "A = b\n",
    "/app/justfile": "x:\n  curl\n",
    "/app/Rakefile": "",
    "/app/lib/tasks/t.rake": "task :x do end",
    "/app/lib/tasks/other.rake": "task :y do end",
    "/app/config/environment.rb": "",
    "/app/job.rb": "",
    "/app/tox.ini": "[testenv]\ncommands =\n    a\n    - b\n[testenv:c]\ncommands = d\ndeps = e\n[testenv:f]\ncommands = g\n",
    "/app/Taskfile.yml": "tasks:\n  default: a\n  x:\n    cmds: [b, {cmd: c}, {task: d}]\n",
    "/app/Procfile": "# old: curl\nweb: a\nworker: b\n",
    "/loop/composer.json": json.dumps({"scripts": {name: ["@a", "@b", "x"] * 10 for name in "ab"}}),
    "/broken/package.json": "{",
    "/broken/pyproject.toml": "[",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SystemFiles:
    return SystemFiles(made(tmp_path_factory.mktemp("root"), FILES))


def run(command: str, files: SystemFiles, directory: str = "/app") -> Run | None:
    program, *arguments = command.split()
    return run_of(program, arguments, directory, files)


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        ("npm run x", ["a", "node x.js"]),
        ("npm run x -- --now", ["a", "node x.js --now"]),
        ("yarn x", ["a", "node x.js"]),
        ("pnpm run-script x", ["a", "node x.js"]),
        ("npm t", ["t"]),
        ("composer run-script x", ["php z.php", "curl"]),
        ("composer y", ["curl"]),
        ("pdm run x --y", ["a --y"]),
        ("poe y", ["b "]),
        ("hatch run default:h", ["c", "d"]),
        ("pipenv run p", ["python p.py "]),
        ("make", ["curl b"]),
        ("make all A=c", ["curl c"]),
        ("gmake -f more.mk", [""]),
        ("just x", ["curl"]),
        ("tox -e c", ["a", "b", "d"]),
        ("tox", ["a", "b", "d", "g"]),
        ("task", ["a"]),
        ("task x", ["b", "c"]),
        ("foreman start", ["a", "b"]),
        ("honcho start worker", ["b"]),
    ],
)
def test_commands_of_a_project(files: SystemFiles, command: str, texts: list[str]) -> None:
    found = run(command, files)
    assert found is not None
    assert [each.text for each in found.texts] == texts
    assert all(each.directory == "/app" and each.path.startswith("/app/") for each in found.texts)


@pytest.mark.parametrize(
    "command",
    [
        "npm run",
        "npm install",
        "npm run odd",
        "npm run none",
        "composer install",
        "poetry run a",
        "foreman run a",
        "pip x",
    ],
)
def test_what_a_project_does_not_say(files: SystemFiles, command: str) -> None:
    assert run(command, files) is None
    assert run(command, files, "/broken") is None


def test_a_directory_may_be_named_and_a_file_may_lie_above(files: SystemFiles) -> None:
    for command in (
        "npm --prefix /app run x",
        "yarn --cwd /app x",
        "make -C /app",
        "composer -d /app y",
        "task -d /app",
    ):
        assert run(command, files, "/") is not None, command
    assert run("npm run x", files, "/app/lib/tasks") is not None


def test_programs_of_a_project(files: SystemFiles) -> None:
    rake = (("ruby", "/app/Rakefile"), ("ruby", "/app/lib/tasks/t.rake"))
    environment = ("ruby", "/app/config/environment.rb")
    for command, words in {
        "rake x": rake,
        "rails x": rake,
        "rails runner job.rb": (("ruby", "/app/job.rb"), environment),
        "rails runner Job.run": (("ruby", "-e", "Job.run"), environment),
        "poetry run z": (("python3", "-m", "pkg.mod"),),
    }.items():
        found = run(command, files)
        assert found is not None and found.words == words and found.directory == "/app"


@pytest.mark.parametrize(
    ("command", "tasks"), [("rails server -p 80", False), ("rails c", False), ("rails app:x", True)]
)
def test_tasks_are_loaded_by_commands_that_are_tasks(command: str, tasks: bool, files: SystemFiles) -> None:
    found = run(command, files)
    assert (found is not None and ("ruby", "/app/lib/tasks/t.rake") in found.words) is tasks


def test_scripts_of_composer_that_name_each_other(files: SystemFiles) -> None:
    found = run("composer a", files, "/loop")
    assert found is not None and [each.text for each in found.texts] == ["x"] * 20


def test_tasks_of_other_files_may_be_run(files: SystemFiles) -> None:
    found = run("rake app:x[1]", files)
    assert found is not None and found.words[1:] == (("ruby", "/app/lib/tasks/t.rake"),)
    assert found.some_of == ("/app/lib/tasks/other.rake",)


MANY = {
    "composer.json": (json.dumps({"scripts": {"x": ["a"] * 9}}), "composer x"),
    "tox.ini": ("[testenv]\ncommands =\n" + "    a\n" * 9, "tox"),
    "Taskfile.yml": (f"tasks:\n  x:\n    cmds: {['a'] * 9}\n", "task x"),
    "Procfile": ("".join(f"a{number}: b\n" for number in range(9)), "foreman start"),
    "Makefile": ("".join(f"include m{number}\n" for number in range(9)) + "all:\n\ta\n", "make"),
    "Rakefile": ("", "rake a"),
}


@pytest.mark.parametrize("name", MANY)
def test_what_is_too_much_of_a_project_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    content, command = MANY[name]
    more = {f"/app/m{number}": "" for number in range(9)} | {f"/app/tasks/{number}.rake": "" for number in range(9)}
    system = SystemFiles(made(tmp_path, {f"/app/{name}": content} | more))
    assert run(command, system) is not None
    assert system.take_left_out() == ()
    for limit in ("SCRIPTS_MAX", "INCLUDED_MAX", "FILES_MAX"):
        monkeypatch.setattr(projects, limit, 5)
    assert run(command, system) is not None
    assert system.take_left_out() == (LeftOut("/app" if name == "Rakefile" else f"/app/{name}", unread.MORE),)
