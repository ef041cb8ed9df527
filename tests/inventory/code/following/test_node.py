from __future__ import annotations

import json
from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.node import asked_by

APP = "/srv/app/node_modules"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path).put({"/usr/bin/node": ""})


def test_files_and_packages_that_a_script_requires(root: Root) -> None:
    root.put(
        {
            "/srv/app/dist/main.js": 'const fs = require("fs"), own = require("./own"); import("@scope/esm")',
            "/srv/app/dist/own/index.js": "import {x} from 'plain'\nexport * from 'plain/deep'\n",
            f"{APP}/plain/package.json": '{"main": "lib/start"}',
            f"{APP}/plain/lib/start.js": "require('nested')",
            f"{APP}/plain/deep.js": "",
            f"{APP}/plain/never.js": "",
            f"{APP}/plain/node_modules/nested/index.js": "",
            f"{APP}/nested/index.js": "",
            f"{APP}/@scope/esm/package.json": '{"exports": {".": {"import": "./esm.mjs", "require": "./cjs.cjs"}}}',
            f"{APP}/@scope/esm/esm.mjs": "",
            f"{APP}/@scope/esm/cjs.cjs": "",
        }
    )
    nested = f"{APP}/plain/node_modules/nested"
    assert root.loaded("node", "--max-old-space-size=100", "-r", "plain", "dist/main.js", directory="/srv/app") == {
        "/srv/app/dist/main.js": None,
        "/srv/app/dist/own/index.js": None,
        f"{APP}/plain/lib/start.js": f"{APP}/plain",
        f"{APP}/plain/deep.js": f"{APP}/plain",
        f"{APP}/@scope/esm/esm.mjs": f"{APP}/@scope/esm",
        f"{APP}/@scope/esm/cjs.cjs": f"{APP}/@scope/esm",
        f"{nested}/index.js": nested,
    }


def test_packages_that_yarn_leaves_in_their_archives_are_loaded_as_wholes(root: Root) -> None:
    needs = [["a", "npm:1.0"], ["b", "npm:2.0"]]
    of_a = {"packageLocation": "./.yarn/cache/a.zip/node_modules/a/", "packageDependencies": needs}
    of_b = {"packageLocation": "./.yarn/unplugged/b/node_modules/b/", "packageDependencies": []}
    never = {"packageLocation": "./.yarn/cache/never.zip/node_modules/never/", "packageDependencies": []}
    packages = [["a", [["npm:1.0", of_a]]], ["b", [["npm:2.0", of_b]]], ["never", [["npm:1.0", never]]]]
    unplugged = "/srv/app/.yarn/unplugged/b/node_modules/b"
    root.put(
        {
            "/srv/app/.pnp.data.json": json.dumps({"__info": [], "packageRegistryData": packages}),
            "/srv/app/lib/main.js": "require('a')",
            f"{unplugged}/index.js": "",
        }
    )
    assert root.loaded("node", "/srv/app/lib/main.js") == {
        "/srv/app/lib/main.js": None,
        "/srv/app/.yarn/cache/a.zip": "/srv/app/.yarn/cache/a.zip/node_modules/a",
        f"{unplugged}/index.js": unplugged,
    }


@pytest.mark.parametrize(
    "words",
    [("bun", "main.ts"), ("bun", "run", "main.ts"), ("deno", "run", "-A", "main.ts"), ("node", "main.ts")],
)
def test_deno_and_bun_are_followed(root: Root, words: tuple[str, ...]) -> None:
    root.put(
        {
            **{f"/usr/bin/{name}": "" for name in ("bun", "deno")},
            "/srv/app/main.ts": "import a from 'npm:plain@1'; import './own.ts'",
            "/srv/app/own.ts": "",
            f"{APP}/plain/index.js": "",
        }
    )
    assert set(root.loaded(*words, directory="/srv/app")) == {
        "/srv/app/main.ts",
        "/srv/app/own.ts",
        f"{APP}/plain/index.js",
    }


def test_a_store_of_packages_that_are_links_has_neighbours_of_its_own(root: Root) -> None:
    store = f"{APP}/.pnpm/a@1.0.0/node_modules"
    root.put({f"{store}/a/index.js": "require('b')", f"{store}/b/index.js": "", "/srv/app/main.js": "require('a')"})
    (root.path / f"{APP}/a".lstrip("/")).symlink_to(".pnpm/a@1.0.0/node_modules/a")
    assert set(root.loaded("node", "/srv/app/main.js")) == {
        "/srv/app/main.js",
        f"{store}/a/index.js",
        f"{store}/b/index.js",
    }


def test_one_that_calls_itself_otherwise_is_known_by_its_directory(root: Root) -> None:
    root.put({"/srv/app/package.json": '{"main": "server.js"}', "/srv/app/server.js": ""})
    assert root.loaded("my own title", executable="/usr/bin/node", directory="/srv/app") == {"/srv/app/server.js": None}
    assert root.follow("title", executable="/usr/bin/node").cut_short == "its script is not known"


def test_a_package_that_loads_by_name_is_loaded_whole(root: Root) -> None:
    root.put(
        {
            "/usr/lib/node_modules/tool/bin/cli.js": "#!/usr/bin/node\nrequire('../lib/' + process.argv[2])",
            "/usr/lib/node_modules/tool/lib/ask.js": "",
        }
    )
    (root.path / "usr/bin/tool").symlink_to("../lib/node_modules/tool/bin/cli.js")
    loads = root.follow("tool", "ask")
    assert loads.unresolved == ("/usr/lib/node_modules/tool/bin/cli.js",)
    assert "/usr/lib/node_modules/tool/lib/ask.js" in {load.path for load in loads.files}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("require('a')", ["a"]),
        ("// require('a')\n/* require('b') */ require('c')", ["c"]),
        ("x = 'http://y'; require('a')", ["a"]),
        ("import a from 'a'; import 'b'; import {c,\n d} from \"c\"", ["a", "b", "c"]),
        ("glob('src/**/*.js'); require('a')", ["a"]),
        ("/* unclosed require('a')", []),
    ],
)
def test_what_is_required(text: str, names: list[str]) -> None:
    assert list(asked_by(text.encode()).names) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("new Worker(__dirname + '/w.js')", ["./w.js"]),
        ("new Worker(new URL('./w.js', import.meta.url))", ["./w.js"]),
        ("require('child_process').fork(path.join(__dirname, '../w'), ['a'])", ["child_process", "../w"]),
        ("new worker_threads.Worker('/opt/w.js')", ["./opt/w.js", "/opt/w.js"]),
    ],
)
def test_workers_and_forks(text: str, names: list[str]) -> None:
    assert list(asked_by(text.encode()).names) == names


def test_a_worker_by_a_name_that_only_running_tells() -> None:
    assert asked_by(b"import { Worker } from 'worker_threads'; new Worker(file)").dynamic
    assert asked_by(b"require('child_process').fork(path)").dynamic


@pytest.mark.parametrize(
    "text",
    [
        "repo.fork()",
        "require('cluster').fork({PORT: 1})",
        "const cluster = require('cluster'), p = require('child_process'); cluster.fork({PORT: 1})",
        "const {Worker} = require('bullmq'); new Worker(QUEUE, async (job) => {})",
        "import {fork} from 'redux-saga/effects'; function* all() { yield fork(watch) }",
        "const {Worker} = require('worker_threads'); new Worker(__filename, {workerData: 1})",
        "const {fork} = require('child_process'); fork(process.argv[1], [])",
        "import {Worker} from 'node:worker_threads'; new Worker(new URL(import.meta.url))",
    ],
)
def test_workers_and_forks_that_load_nothing_else(text: str) -> None:
    assert not asked_by(text.encode()).dynamic


@pytest.mark.parametrize(
    "described", ["[]", "{", '{"main": 7}', '{"exports": [[[[[[[[["./x.js"]]]]]]]]]}', "[" * 100_000]
)
def test_a_description_that_makes_no_sense(root: Root, described: str) -> None:
    root.put({f"{APP}/a/package.json": described, f"{APP}/a/index.js": "", "/srv/app/m.js": "require('a')"})
    assert f"{APP}/a/index.js" in root.loaded("node", "/srv/app/m.js")
