"""What compilers, supervisors and servers of Node run that are told so on their command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.loads import Loads

MODULES = "/srv/app/node_modules"
RUN = {"/srv/app/src/tag.ts", "/srv/app/src/beside.ts"}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / f"{MODULES.lstrip('/')}/.bin").mkdir(parents=True)
    return Root(tmp_path).put(
        {
            "/usr/bin/node": "",
            "/usr/bin/env": "",
            "/srv/app/src/tag.ts": "import { x } from './beside';\n",
            "/srv/app/src/beside.ts": "",
            "/srv/app/src/never.ts": "",
            "/srv/app/tsconfig.json": "{}",
            "/srv/app/.env": "A=b\n",
        }
    )


def started(
    root: Root, name: str, *arguments: str, package: str = "", environment: Mapping[str, str] | None = None
) -> Loads:
    """What a program of a package loads that npm has linked into the project's own."""
    package = package or name
    link = root.path / f"{MODULES.lstrip('/')}/.bin/{name}"
    root.put({f"{MODULES}/{package}/dist/bin.js": "#!/usr/bin/env node\n", f"{MODULES}/{package}/package.json": "{}"})
    if not link.is_symlink():
        link.symlink_to(f"../{package}/dist/bin.js")
    return root.follow(f"{MODULES}/.bin/{name}", *arguments, directory="/srv/app", environment=environment)


def paths(loads: Loads) -> set[str]:
    """The project's own files among those that are loaded."""
    return {load.path for load in loads.files if "/node_modules/" not in load.path and load.path != "/usr/bin/node"}


@pytest.mark.parametrize(
    "line",
    [
        "ts-node src/tag.ts",
        "ts-node -P tsconfig.json --files src/tag",
        "ts-node-esm ./src/tag.ts --more 1",
        "tsx src/tag.ts",
        "tsx watch --env-file .env src/tag.ts",
        "ts-node-dev --respawn src/tag.ts",
        "babel-node src/tag.ts",
        "nodemon --watch . src/tag.ts",
        "forever start src/tag.ts",
        "pm2-runtime src/tag.ts -i 2",
        "pm2 start src/tag.ts --name tag",
        # No list has them all: what belongs to a package and is given a script runs it.
        "somebodys-runner --fast src/tag.ts",
    ],
)
def test_the_script_behind_a_runner(root: Root, line: str) -> None:
    loads = started(root, *line.split())
    assert (paths(loads), loads.cut_short, loads.script) == (RUN, "", "/srv/app/src/tag.ts")


def test_a_runner_that_is_told_by_its_package_or_lies_elsewhere(root: Root) -> None:
    assert paths(started(root, "babel", "src/tag.ts", package="@babel/node")) == RUN
    root.put({"/usr/local/bin/tsx": "#!/usr/bin/env node\n"})
    assert paths(root.follow("/usr/local/bin/tsx", "/srv/app/src/tag.ts")) == RUN | {"/usr/local/bin/tsx"}


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("pm2 start eco.config.js", {"/srv/app/eco.config.js": "module.exports = {apps: [{script: './src/tag.ts'}]}"}),
        ("pm2 start apps.json", {"/srv/app/apps.json": '{"apps": [{"name": "x", "cwd": "src", "script": "tag.ts"}]}'}),
        ("pm2 start apps.yml", {"/srv/app/apps.yml": "apps:\n  - script: ./src/tag.ts\n    name: x\n"}),
        ("nodemon", {"/srv/app/package.json": '{"main": "src/tag.ts"}'}),
    ],
)  # fmt: skip
def test_scripts_that_settings_name(root: Root, line: str, files: Mapping[str, str]) -> None:
    root.put(files)
    loads = started(root, *line.split())
    assert paths(loads) >= RUN
    assert (loads.cut_short, "/srv/app/src/never.ts" in paths(loads)) == ("", False)


@pytest.mark.parametrize(
    "line",
    ["cross-env A=b ts-node src/tag.ts", "dotenv -e .env -- ts-node src/tag.ts", "nodemon --exec ts-node src/tag.ts"],
)
def test_what_runs_another_program(root: Root, line: str) -> None:
    started(root, "ts-node", "--version")
    assert paths(started(root, *line.split())) >= RUN


def test_what_a_framework_has_built(root: Root) -> None:
    root.put({"/srv/app/.next/server/pages/api/tag.js": "", "/srv/app/.next/static/x.js": ""})
    assert paths(started(root, "next", "start", "-p", "80")) == {"/srv/app/.next/server/pages/api/tag.js"}
    title = root.follow("next-server (v14.1.0)", executable="/usr/bin/node", directory="/srv/app")
    assert (paths(title), title.cut_short) == ({"/srv/app/.next/server/pages/api/tag.js"}, "")


@pytest.mark.parametrize(
    "line", ["ts-node gone.ts", "tsx src/gone", "pm2 start gone.js", "next start", "babel-node -x .ts gone"]
)
def test_one_whose_script_is_not_found_was_not_read(root: Root, line: str) -> None:
    assert started(root, *line.split()).cut_short == unread.NO_SCRIPT


@pytest.mark.parametrize(
    "line",
    ["ts-node --version", "pm2 save", "pm2 resurrect", "pm2 stop tag", "eslint src/tag.ts", "prettier src/tag.ts"],
)
def test_what_runs_nothing_leaves_nothing_open(root: Root, line: str) -> None:
    loads = started(root, *line.split())
    assert (paths(loads), loads.cut_short) == (set(), "")


def test_a_script_of_ones_own_is_handed_files_for_other_purposes(root: Root) -> None:
    root.put({"/srv/app/own.js": ""})
    assert paths(root.follow("node", "own.js", "src/tag.ts", directory="/srv/app")) == {"/srv/app/own.js"}


def test_what_pm2_runs_is_named_in_its_environment(root: Root) -> None:
    script = {"pm_exec_path": "/srv/app/src/tag.ts"}
    root.put({"/usr/lib/node_modules/pm2/lib/ProcessContainerFork.js": ""})
    container = ("node", "/usr/lib/node_modules/pm2/lib/ProcessContainerFork.js")
    for argv in (container, ("node /srv/app/src/tag.ts",)):
        assert paths(root.follow(*argv, executable="/usr/bin/node", environment=script)) == RUN
    # What such a script starts in turn has the same environment.
    child = root.follow("node", "/srv/app/src/never.ts", executable="/usr/bin/node", environment=script)
    assert paths(child) == {"/srv/app/src/never.ts"}
    daemon = root.follow("PM2 v5.3.0: God Daemon (/root/.pm2)", executable="/usr/bin/node", directory="/")
    assert (paths(daemon), daemon.cut_short) == (set(), "")
