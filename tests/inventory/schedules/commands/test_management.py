from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands import management, trees
from imds_probe.inventory.schedules.commands.project_asked import Held, Run
from imds_probe.inventory.schedules.commands.projects import run_of
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

FILES = {
    "/srv/salt/web/init.sls": "",
    "/srv/salt/top.sls": "",
    "/m/site.pp": "",
    "/etc/puppetlabs/code/environments/production/modules/a/manifests/init.pp": "",
    "/c/cookbooks/a/recipes/default.rb": "",
    "/c/solo.rb": "",
}
CATALOG = "/opt/puppetlabs/puppet/cache/client_data/catalog/host.json"
EXECS = [
    {
        "type": "Exec",
        "title": "/x a",
        "parameters": {"cwd": "/w", "path": "/usr/bin:/opt/bin", "unless": ["/y b", "/z"]},
    },
    {
        "type": "Exec",
        "title": "tag",
        "parameters": {"command": ["/v", "b c"], "path": ["/opt/bin", "x"], "onlyif": [["/u", "d"]]},
    },
    {"type": "File", "title": "/not", "parameters": {"content": "/not"}},
    {"type": "Exec", "title": "odd", "parameters": [1]},
    {"type": "Exec", "title": 7},
    "x",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SystemFiles:
    return SystemFiles(made(tmp_path_factory.mktemp("root"), FILES))


def run(command: str, files: SystemFiles, directory: str = "/") -> Run | None:
    program, *arguments = command.split()
    return run_of(program, arguments, directory, files)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_agent_of_puppet_runs_what_its_server_has_compiled(tmp_path: Path, wrapped: bool) -> None:
    catalog = {"resources": EXECS}
    files = SystemFiles(made(tmp_path, {CATALOG: json.dumps({"data": catalog} if wrapped else catalog)}))
    found = run("puppet agent --no-daemonize", files)
    assert found is not None and found.texts == (
        Held(CATALOG, "/x a", "/w", ("/usr/bin", "/opt/bin")),
        Held(CATALOG, "'/y b' /z", "/w", ("/usr/bin", "/opt/bin")),
        Held(CATALOG, "/y b", "/w", ("/usr/bin", "/opt/bin")),
        Held(CATALOG, "/v 'b c'", "/", ("/opt/bin",)),
        Held(CATALOG, "b c", "/", ("/opt/bin",)),
        Held(CATALOG, "/u d", "/", ("/opt/bin",)),
        Held(CATALOG, "odd", "/", ()),
    )
    assert (
        run("puppet agent -t --vardir /v", SystemFiles(made(tmp_path / "own", {"/v/client_data/catalog/h.json": "{}"})))
        is None
    )


def test_a_catalog_may_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [{"type": "File", "title": str(each), "parameters": {"content": "x" * 1000}} for each in range(1200)]
    content = json.dumps({"resources": [*files, {"type": "Exec", "title": "/x"}]})
    system = SystemFiles(made(tmp_path, {CATALOG: content}))
    found = run("puppet agent", system)
    assert found is not None and [each.text for each in found.texts] == ["/x"]
    assert system.troubles == []
    (system.root / CATALOG[1:]).write_bytes(content.encode().replace(b"xx", b"\xff\xfe", 1))
    assert run("puppet agent", system) == found
    monkeypatch.setattr(management, "CATALOG_MAX", 1_000_000)
    assert run("puppet agent", system) is None
    assert system.take_left_out() == (LeftOut(CATALOG, unread.MORE),)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[",
        "[]",
        "{}",
        '{"resources": [{"type": "Exec", "parameters": [}]}',
        '{"resources": {}}',
        '{"data": []}',
        "[" * 100_000,
    ],
)
def test_a_catalog_that_is_none(tmp_path: Path, content: str) -> None:
    assert run("puppet agent", SystemFiles(made(tmp_path, {CATALOG: content}))) is None


@pytest.mark.parametrize(
    ("command", "settings", "kept"),
    [
        ("salt-minion", {}, "/var/cache/salt/minion/files/base/web/init.sls"),
        ("salt-call state.apply", {"/etc/salt/minion": "cachedir: /c\n"}, "/c/files/base/a.sls"),
        ("salt-minion -c /s", {"/s/minion": "cachedir: '/c'\n"}, "/c/files/base/a.sls"),
        ("chef-client", {}, "/var/cache/chef/cookbooks/a/recipes/x.rb"),
        ("cinc-client", {"/etc/cinc/client.rb": 'x 1\nfile_cache_path "/c"\n'}, "/c/cookbooks/a/recipes/x.rb"),
        ("chef-client -c /s.rb", {"/s.rb": "cookbook_path ['/c']\n"}, "/c/a/recipes/x.rb"),
    ],
)
def test_what_an_agent_has_kept_of_its_server(
    tmp_path: Path, command: str, settings: dict[str, str], kept: str
) -> None:
    without = run(command, SystemFiles(made(tmp_path / "none", settings)))
    assert without is None or without.some_of == ()
    found = run(command, SystemFiles(made(tmp_path, {kept: ""} | settings)))
    assert found is not None and found.some_of == (kept,)


def test_trees_of_which_some_is_done(files: SystemFiles) -> None:
    salt = run("salt-call --local state.apply", files)
    assert salt == Run(some_of=("/srv/salt/top.sls", "/srv/salt/web/init.sls"))
    assert run("salt-call state.apply", files) is None
    puppet = run("puppet apply /m/site.pp", files)
    assert puppet is not None and puppet.files == ("/m/site.pp",)
    assert puppet.some_of == ("/etc/puppetlabs/code/environments/production/modules/a/manifests/init.pp",)
    assert run("puppet agent -t", files) is None
    chef = run("chef-client -z -c solo.rb", files, "/c")
    assert chef == Run(files=("/c/solo.rb",), some_of=("/c/cookbooks/a/recipes/default.rb",))


@pytest.mark.parametrize(
    ("command", "at", "end"),
    [
        ("salt-call --local state.apply", "/srv/salt", ".sls"),
        ("salt-minion", "/var/cache/salt/minion/files/base", ".sls"),
        ("puppet apply /m/site.pp", "/etc/puppetlabs/code/modules", ".pp"),
        ("chef-client", "/var/chef/cache/cookbooks", ".rb"),
    ],
)
def test_all_files_of_a_large_tree_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, at: str, end: str
) -> None:
    """Companies have some hundred of them. What is beyond the limit is left out, and said."""
    system = SystemFiles(made(tmp_path, {f"{at}/m{number}/x{end}": "" for number in range(150)}))
    found = run(command, system)
    assert found is not None and (len(found.some_of), system.take_left_out()) == (150, ())
    monkeypatch.setattr(trees, "FILES_MAX", 100)
    found = run(command, system)
    assert found is not None and len(found.some_of) == 100
    assert [each.why for each in system.take_left_out()] == [unread.MORE]


def test_of_a_catalog_as_many_commands_are_followed_as_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = SystemFiles(made(tmp_path, {CATALOG: json.dumps({"resources": EXECS})}))
    monkeypatch.setattr(management, "EXECS_MAX", 2)
    found = run("puppet agent", system)
    assert found is not None and len(found.texts) == 2
    assert system.take_left_out() == (LeftOut(CATALOG, unread.MORE),)
