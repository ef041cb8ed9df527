from __future__ import annotations

import pytest
from small_roots import made

from imds_probe.inventory.schedules.commands.project_asked import Run
from imds_probe.inventory.schedules.commands.projects import run_of
from imds_probe.inventory.schedules.system_files import SystemFiles

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
    "/srv/salt/web/init.sls": "",
    "/srv/salt/top.sls": "",
    "/m/site.pp": "",
    "/etc/puppetlabs/code/environments/production/modules/a/manifests/init.pp": "",
    "/c/cookbooks/a/recipes/default.rb": "",
    "/c/solo.rb": "",
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
