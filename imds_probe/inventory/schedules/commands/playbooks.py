"""What Ansible, Salt, Puppet and Chef do on this host itself: the files that say so. Source: the manuals of each."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from imds_probe.inventory.schedules.commands.project_asked import Asked, Run
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX, TEXT_MAX, DEPTH_MAX = 60, 256 * 1024, 6
_PLAYBOOK_VALUED = ("-i", "--inventory", "-e", "--extra-vars", "-l", "--limit", "-t", "--tags", "--skip-tags", "-f", "--forks",
                    "-u", "--user", "-c", "--connection", "--private-key", "--vault-password-file", "--become-user", "-U",
                    "--url", "-d", "--directory", "-C", "--checkout", "-M", "--module-path", "--start-at-task")  # fmt: skip
_YAML = (".yml", ".yaml")
_NAMED_IN_PLAY = re.compile(
    r"\b(?:import_playbook|(?:include|import)_tasks|include|include_vars|vars_files|script|file)[ \t]{0,9}:[ \t]{0,9}['\"]?"
    r"([\w./-]{1,200}\.\w{1,8})|^[ \t]{0,80}-[ \t]{1,9}['\"]?([\w./-]{1,200}\.ya?ml)",
    re.MULTILINE,
)
_ROLE = re.compile(
    r"(?:^[ \t]{0,80}-(?:[ \t]{1,9}(?:\{[ \t]{0,9})?(?:role|name)[ \t]{0,9}:)?|"
    r"_role[ \t]{0,9}:(?:[ \t]{0,9}\n[ \t]{1,80}name[ \t]{0,9}:)?)[ \t]{1,9}['\"]?([\w.-]{1,80})['\"]?[ \t]{0,9}(?=[,}\n]|\Z)",
    re.MULTILINE,
)
# What is done on the host that the playbook runs on: for all others it is those that ask. Where only some plays or tasks are done
# here, it is not known which of the files.
_HOSTS = re.compile(r"^[ \t]{0,80}(?:-[ \t]{1,9})?hosts[ \t]{0,9}:([^\n#]{0,200})", re.MULTILINE)
_THIS_HOST = re.compile(r"\b(?:localhost|127\.0\.0\.1)\b")
_PLAY = re.compile(r"^-[ \t]", re.MULTILINE)
_LOCAL = re.compile(r"^[ \t]{0,3}(?:-[ \t]{1,9})?connection[ \t]{0,9}:[ \t]{0,9}['\"]?local\b", re.MULTILINE)
_DELEGATED = re.compile(
    r"^[ \t]{0,80}(?:-[ \t]{1,9})?(?:local_action\b|connection[ \t]{0,9}:[ \t]{0,9}['\"]?local\b|"
    r"delegate_to[ \t]{0,9}:[ \t]{0,9}['\"]?(?:localhost|127\.0\.0\.1))",
    re.MULTILINE,
)
_LOCAL_WORDS = frozenset(("-clocal", "-ilocalhost,"))
_SALT_LOCAL = re.compile(r"^file_client[ \t]{0,9}:[ \t]{0,9}['\"]?local\b", re.MULTILINE)
_FACTS = re.compile(r"\b(ec2(?:_metadata)?_facts)[ \t]*:")
_FACTS_AT = (
    "/usr/share/ansible/collections/ansible_collections/{}",
    "/root/.ansible/collections/ansible_collections/{}",
    "/usr/lib/python3/dist-packages/ansible_collections/{}",
)
_MODULES = ("amazon/aws/plugins/modules", "community/aws/plugins/modules")


def playbook(asked: Asked) -> Run | None:
    """A playbook with what it includes: tasks, roles, scripts, and the module of Ansible that itself asks the service."""
    if directory := asked.value("-d", "--directory"):
        asked = asked.within(directory)
    waiting = [asked.at(each) for each in asked.plain(_PLAYBOOK_VALUED) if each.endswith(_YAML)]
    found: dict[str, None] = {}
    here_only = asked.program == "ansible-pull" or _is_for_this_host(asked)
    plays: list[bool] = []
    partly = False
    for path in waiting:
        if path in found or len(found) >= FILES_MAX or not asked.files.has_file(path):
            continue
        found[path] = None
        text = (asked.files.text(path, TEXT_MAX) or "") if path.endswith(_YAML) else ""
        plays += _plays(text)
        partly = partly or any(plays) or _DELEGATED.search(text) is not None
        here = posixpath.dirname(path)
        named = [match[1] or match[2] for match in _NAMED_IN_PLAY.finditer(text)]
        beside = (here, f"{here}/tasks", f"{posixpath.dirname(here)}/files", f"{posixpath.dirname(here)}/tasks")
        waiting += [posixpath.normpath(f"{at}/{each}") for each in named[:FILES_MAX] for at in beside]
        waiting += _of_roles(text, here, asked.files)
        waiting += _of_modules(text, asked.files)
    if here_only or (plays and all(plays)):
        return Run(files=tuple(found)) if found else None
    return Run(some_of=tuple(found)) if found and partly else None


def _is_for_this_host(asked: Asked) -> bool:
    """Whether the command line itself has all plays done here."""
    hosts = (*asked.values("-i", "--inventory"), *asked.values("-l", "--limit"))
    return (
        asked.value("-c", "--connection") == "local"
        or any(each.rstrip(",") in ("localhost", "127.0.0.1") for each in hosts)
        or not _LOCAL_WORDS.isdisjoint(asked.arguments)
        or any("ansible_connection=local" in each for each in asked.arguments)
    )


def _plays(text: str) -> Iterator[bool]:
    """Of each play whether it is done on the host that it is started on."""
    for play in _PLAY.split(text):
        if hosts := _HOSTS.search(f"  {play}"):
            yield _THIS_HOST.search(hosts[1]) is not None or _LOCAL.search(f"  {play}") is not None


def _of_roles(text: str, here: str, files: SystemFiles) -> Iterator[str]:
    tops = dict.fromkeys((f"{here}/roles", f"{posixpath.dirname(posixpath.dirname(here))}", "/etc/ansible/roles"))
    there = {top: frozenset(files.names(top)) for top in tops if "/roles" in top}
    for name in dict.fromkeys(match[1] for match in _ROLE.finditer(text)):
        for role in (f"{top}/{name}" for top in there if name in there[top]):
            for part in ("tasks", "handlers", "defaults", "vars", "meta"):
                yield from (f"{role}/{part}/{name}" for name in files.names(f"{role}/{part}") if name.endswith(_YAML))


def _of_modules(text: str, files: SystemFiles) -> Iterator[str]:
    for name in dict.fromkeys(_FACTS.findall(text)):
        yield from (f"{at.format(modules)}/{name}.py" for at in _FACTS_AT for modules in _MODULES)
        for top in ("/usr/lib", "/usr/local/lib"):
            for python in [each for each in files.names(top) if each.startswith("python")][:FILES_MAX]:
                for site in ("site-packages", "dist-packages"):
                    at = f"{top}/{python}/{site}"
                    yield from (f"{at}/ansible_collections/{modules}/{name}.py" for modules in _MODULES)
                    yield f"{at}/ansible/modules/cloud/amazon/{name}.py"


def _tree(tops: Iterable[str], ends: tuple[str, ...], files: SystemFiles) -> tuple[str, ...]:
    """Files below directories whose names end so, those of the directories above first."""
    found: list[str] = []
    waiting = [(top, 0) for top in dict.fromkeys(tops)]
    looked = 0
    while waiting and len(found) < FILES_MAX and looked < 4 * FILES_MAX:
        at, depth = waiting.pop(0)
        looked += 1
        for name in files.names(at):
            if name.endswith(ends):
                found.append(f"{at}/{name}")
            elif "." not in name and depth < DEPTH_MAX:
                waiting.append((f"{at}/{name}", depth + 1))
    return tuple(files.files(found[:FILES_MAX]))


def salt(asked: Asked) -> Run | None:
    """The states of a minion without a master: which of them are its own is not known."""
    minion = "".join(asked.files.text(path, TEXT_MAX) or "" for path in asked.files.files(["/etc/salt/minion"]))
    if "--local" not in asked.arguments and not _SALT_LOCAL.search(minion):
        return None
    tops = [asked.value("--file-root") or "/srv/salt", "/srv/pillar"]
    return Run(some_of=_tree([asked.at(top) for top in tops], (".sls",), asked.files))


def puppet(asked: Asked) -> Run | None:
    """The manifests that are applied, and modules of which they may declare some."""
    words = asked.plain(("--modulepath", "--environment", "--confdir", "-e", "--execute", "--logdest", "-l"))
    if words[:1] != ["apply"]:
        return None
    named = [asked.at(each) for each in words[1:]]
    tops = [*named, *asked.value("--modulepath").split(":"), "/etc/puppetlabs/code", "/etc/puppet"]
    modules = _tree([asked.at(each) for each in tops if each], (".pp",), asked.files)
    return Run(files=tuple(asked.files.files(named)), some_of=modules)


def chef(asked: Asked) -> Run | None:
    """The recipes that are named, and cookbooks of which the run list may have some."""
    named = [asked.at(each) for each in asked.plain() if each.endswith(".rb")]
    tops = [asked.at("cookbooks"), "/var/chef/cookbooks", "/etc/chef/cookbooks", "/var/chef/cache/cookbooks"]
    return Run(files=tuple(asked.files.files(named)), some_of=_tree(tops, (".rb",), asked.files))
