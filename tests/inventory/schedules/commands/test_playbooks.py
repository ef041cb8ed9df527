from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands import playbooks
from imds_probe.inventory.schedules.commands.project_asked import Run
from imds_probe.inventory.schedules.commands.projects import run_of
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

MODULE = "/usr/lib/python3/dist-packages/ansible_collections/amazon/aws/plugins/modules/ec2_metadata_facts.py"
FILES = {
    "/p/local.yml": "- hosts: localhost\n  roles:\n  - web\n  - { role: db }\n  tasks:\n  - include_tasks: more.yml\n"
    "  - script: x.sh\n  - amazon.aws.ec2_metadata_facts:\n",
    "/p/more.yml": "- shell: x\n",
    "/p/x.sh": "",
    "/p/roles/web/tasks/main.yml": "",
    "/p/roles/db/defaults/main.yml": "",
    "/p/roles/other/tasks/main.yml": "",
    "/p/remote.yml": "- hosts: web\n  tasks: [{shell: x}]\n",
    "/p/made.yml": "- hosts: localhost\n  connection: local\n  tasks: [{ec2_instance: x}]\n- hosts: made\n  tasks: [{shell: x}]\n",
    "/p/waits.yml": "- hosts: web\n  tasks:\n  - wait_for: x\n    delegate_to: localhost\n  - shell: x\n",
    "/p/was.yml": "- hosts: web\n  # hosts: localhost\n  tasks: [{shell: x}]\n",
    "/p/all.yml": "- hosts: all\n  connection: local\n  tasks: [{shell: x}]\n",
    "/p/site.yml": "- import_playbook: local.yml\n",
    MODULE: "",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> SystemFiles:
    return SystemFiles(made(tmp_path_factory.mktemp("root"), FILES))


def run(command: str, files: SystemFiles, directory: str = "/") -> Run | None:
    program, *arguments = command.split()
    return run_of(program, arguments, directory, files)


def test_a_playbook_with_what_it_includes(files: SystemFiles) -> None:
    found = run("ansible-playbook -i hosts.yml /p/local.yml", files)
    assert found is not None and found.files == (
        *("/p/local.yml", "/p/more.yml", "/p/x.sh", "/p/roles/web/tasks/main.yml", "/p/roles/db/defaults/main.yml"),
        MODULE,
    )
    site = run("ansible-pull -U https://x -d /p site.yml", files)
    assert site is not None and site.files[:2] == ("/p/site.yml", "/p/local.yml")


def test_other_hosts_ask_for_themselves(files: SystemFiles) -> None:
    assert run("ansible-playbook /p/remote.yml", files) is None
    assert run("ansible-playbook /p/none.yml", files) is None
    assert run("ansible-playbook -t local -u local /p/remote.yml", files) is None
    for options in ("-c local", "-i localhost,", "--connection=local", "-l localhost", "-e ansible_connection=local"):
        found = run(f"ansible-playbook {options} /p/remote.yml", files)
        assert found is not None and found.files == ("/p/remote.yml",)


@pytest.mark.parametrize(
    ("command", "files_", "some_of"),
    [
        ("ansible-playbook /p/made.yml", (), ("/p/made.yml",)),
        ("ansible-playbook /p/waits.yml", (), ("/p/waits.yml",)),
        ("ansible-playbook -c local /p/made.yml", ("/p/made.yml",), ()),
        ("ansible-playbook /p/all.yml", ("/p/all.yml",), ()),
    ],
)
def test_what_is_partly_done_on_other_hosts(
    command: str, files_: tuple[str, ...], some_of: tuple[str, ...], files: SystemFiles
) -> None:
    found = run(command, files)
    assert found is not None and (found.files, found.some_of) == (files_, some_of)
    assert run("ansible-playbook /p/was.yml", files) is None


PLAY = "- hosts: web\n  tasks: [{shell: x}]\n"


@pytest.mark.parametrize(
    ("roles", "files", "directory"),
    [
        ("[a]", {"/p/roles/a/tasks/main.yml": ""}, "/"),
        ("[\n  b, {role: 'a'}]", {"/p/roles/a/tasks/main.yml": ""}, "/"),
        ("[a]", {"/root/.ansible/roles/a/tasks/main.yml": ""}, "/"),
        ("[a]", {"/w/ansible.cfg": "[defaults]\nroles_path = mine:/x\n", "/w/mine/a/tasks/main.yml": ""}, "/w"),
        ("[n.c.a]", {"/usr/share/ansible/collections/ansible_collections/n/c/roles/a/tasks/main.yml": ""}, "/"),
        ("\n  - role: n.c.a", {"/p/collections/ansible_collections/n/c/roles/a/tasks/main.yml": ""}, "/"),
    ],
)
def test_roles_wherever_they_are_named_and_lie(
    tmp_path: Path, roles: str, files: dict[str, str], directory: str
) -> None:
    play = {"/p/site.yml": f"- hosts: localhost\n  roles: {roles}\n"}
    found = run("ansible-playbook /p/site.yml", SystemFiles(made(tmp_path, play | files)), directory)
    assert found is not None and found.files == (
        "/p/site.yml",
        next(each for each in files if each.endswith("main.yml")),
    )


@pytest.mark.parametrize(
    ("command", "names", "played"),
    [
        ("ansible-pull -U u -d /p", ("/p/local.yml",), "/p/local.yml"),
        ("ansible-pull -U u -d /p", ("/p/h.yml", "/p/local.yml"), "/p/h.yml"),
        ("ansible-pull -U u -d /p", ("/p/h.example.com.yml", "/p/h.yml"), "/p/h.example.com.yml"),
        ("ansible-pull -U u", ("/root/.ansible/pull/h/local.yml",), "/root/.ansible/pull/h/local.yml"),
        ("ansible-pull -U u -d /p x.yml", ("/p/x.yml", "/p/local.yml"), "/p/x.yml"),
        ("ansible-pull -U u y/x.yml", ("/root/.ansible/pull/h/y/x.yml", "/y/x.yml"), "/root/.ansible/pull/h/y/x.yml"),
    ],
)
def test_a_pull_has_a_playbook_of_its_own(tmp_path: Path, command: str, names: tuple[str, ...], played: str) -> None:
    files = {"/etc/hostname": "h.example.com\n", **dict.fromkeys(names, PLAY)}
    found = run(command, SystemFiles(made(tmp_path, files)))
    assert found is not None and found.files == (played,)


def test_a_pull_of_a_user_fetches_to_their_home(tmp_path: Path) -> None:
    path = "/home/x/.ansible/pull/h/local.yml"
    files = SystemFiles(made(tmp_path, {path: PLAY, "/root/.ansible/pull/h/local.yml": PLAY}))
    found = run_of("ansible-pull", ("-U", "u"), "/", files, "/home/x")
    assert found is not None and found.files == (path,)


@pytest.mark.parametrize(
    ("command", "place"),
    [("ansible-pull -U u x.yml", "/root/.ansible/pull"), ("ansible-pull -U u -d /p", "/p")],
)
def test_a_pull_whose_playbook_is_not_there_was_not_read(tmp_path: Path, command: str, place: str) -> None:
    files = SystemFiles(made(tmp_path, {"/x.yml": PLAY, "/etc/hostname": "h\n"}))
    assert run(command, files) is None
    assert files.take_left_out() == (LeftOut(place, unread.NO_SCRIPT),)


@pytest.mark.parametrize(
    ("inventory", "all_here", "some_here"),
    [
        ("[web]\n127.0.0.1 ansible_connection=local\n", True, False),
        ("[web]\nself ansible_host=localhost\n", True, False),
        ("[web]\nself\n[all:vars]\nansible_connection = local\n", True, False),
        ("[web]\nself ansible_connection=local\n[db]\nother\n[all:children]\nweb\n", False, True),
        ("# localhost\n[web]\nother ansible_connection=ssh\n[web:vars]\nx=1\n", False, False),
        ("", False, False),
    ],
)
@pytest.mark.parametrize("at", ["/i/hosts", "/etc/ansible/hosts"])
def test_an_inventory_may_have_this_host(
    tmp_path: Path, inventory: str, all_here: bool, some_here: bool, at: str
) -> None:
    files = SystemFiles(made(tmp_path, {"/p/site.yml": PLAY, at: inventory}))
    option = "" if at.startswith("/etc") else f"-i {at} "
    found = run(f"ansible-playbook {option}/p/site.yml", files) or Run()
    assert (bool(found.files), bool(found.some_of)) == (all_here, some_here)


CONTROLLER = (
    "localhost ansible_connection=local\n[web]\nother\n[near]\nself ansible_connection=local\n[site:children]\nnear\n"
)


@pytest.mark.parametrize(
    ("hosts", "here"),
    [
        *(("web", False), ("'web:db'", False), ("[web, db]", True), ("all", True), ("near", True), ("site,db", True)),
        *(("ungrouped", True), ("self", True), ("'{{ x }}'", True), ("web*", True), ("\n  - near", True)),
    ],
)
def test_plays_for_other_hosts_of_an_inventory_do_nothing_here(tmp_path: Path, hosts: str, here: bool) -> None:
    play = f"- hosts: {hosts}\n  tasks: [{{shell: x}}]\n"
    files = SystemFiles(made(tmp_path, {"/p/site.yml": play, "/etc/ansible/hosts": CONTROLLER}))
    assert (run("ansible-playbook /p/site.yml", files) is not None) == here


def test_inventories_may_be_yaml_or_a_directory(tmp_path: Path) -> None:
    files = SystemFiles(
        made(tmp_path, {"/p/site.yml": PLAY, "/i/x.yml": "all:\n  vars:\n    ansible_connection: local\n"})
    )
    assert run("ansible-playbook -i /i /p/site.yml", files) == Run(some_of=("/p/site.yml",))
    assert run("ansible-playbook -i /i/x.yml /p/site.yml", files) == Run(some_of=("/p/site.yml",))
    assert run("ansible-playbook -i a,b /p/site.yml", files) is None


def test_of_a_playbook_that_draws_in_too_much_the_rest_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = "".join(f"  - include_tasks: t{number}.yml\n" for number in range(150))
    content = {"/p/local.yml": f"- hosts: localhost\n  tasks:\n{tasks}"}
    system = SystemFiles(made(tmp_path, content | {f"/p/t{number}.yml": "" for number in range(150)}))
    found = run("ansible-playbook /p/local.yml", system)
    assert found is not None and (len(found.files), system.take_left_out()) == (151, ())
    monkeypatch.setattr(playbooks, "FILES_MAX", 100)
    found = run("ansible-playbook /p/local.yml", system)
    assert found is not None and len(found.files) == 100
    assert system.take_left_out() == (LeftOut("/p/local.yml", unread.MORE),)


def test_so_is_the_rest_of_an_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which hosts are this one: without that, nothing of a playbook would count."""
    hosts = {f"/i/h{number:03}": "web\n" for number in range(99)} | {"/i/here": "web ansible_connection=local\n"}
    system = SystemFiles(made(tmp_path, {"/p/remote.yml": FILES["/p/remote.yml"]} | hosts))
    assert run("ansible-playbook -i /i /p/remote.yml", system) is not None
    monkeypatch.setattr(playbooks, "FILES_MAX", 50)
    run("ansible-playbook -i /i /p/remote.yml", system)
    assert system.take_left_out() == (LeftOut("/i", unread.MORE),)
