"""What Ansible, Salt, Puppet and Chef do on this host itself: the files that say so. Source: the manuals of each."""

from __future__ import annotations

import itertools
import json
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator

from imds_probe.inventory.schedules.commands.project_asked import Asked, Held, Run
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX, TEXT_MAX, DEPTH_MAX, EXECS_MAX = 60, 256 * 1024, 6, 500
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
_ROLES_IN_LINE = re.compile(r"\broles[ \t]{0,9}:[ \t]{0,9}\[([^\]]{0,2000})")
_NAME = re.compile(r"[\w.-]{1,80}")
_ROLES_PATH = re.compile(r"^[ \t]{0,9}roles_path[ \t]{0,9}[=:]([^\n]{1,1000})", re.MULTILINE)
_LOCAL_IN_YAML = re.compile(r"\bansible_connection['\"]?[ \t]{0,9}:[ \t]{0,9}['\"]?local\b")
_LOCAL_HOST = re.compile(
    r"\bansible_connection[ \t]{0,9}=[ \t]{0,9}['\"]?local\b|\bansible_host[ \t]{0,9}=[ \t]{0,9}['\"]?(?:localhost|127\.0\.0\.1)\b|"
    r"^(?:localhost|127\.0\.0\.1)\b"
)
_PULLED = "/root/.ansible/pull"
_LOCAL_WORDS = frozenset(("-clocal", "-ilocalhost,"))
_SALT_LOCAL = re.compile(r"^file_client[ \t]{0,9}:[ \t]{0,9}['\"]?local\b", re.MULTILINE)
_SALT_CACHE = re.compile(r"^cachedir[ \t]{0,9}:[ \t]{0,9}['\"]?(/[\w./-]{1,300})", re.MULTILINE)
_PUPPET_STATES = ("/opt/puppetlabs/puppet/cache", "/var/lib/puppet", "/var/cache/puppet")
_CHEF_CACHES = (
    "/var/chef/cache",
    "/var/cinc/cache",
    "/var/cache/chef",
    "/var/cache/cinc",
    "/root/.chef/cache",
    "/root/.cinc/cache",
)
_CHEF_SETTINGS = ("/etc/chef/client.rb", "/etc/cinc/client.rb", "/etc/chef/solo.rb", "/etc/cinc/solo.rb")
_CHEF_PATH = re.compile(
    r"^[ \t]{0,80}(?:(file_cache_path)|cookbook_path)[ \t(]{1,9}\[?[ \t]{0,9}['\"](/[\w./-]{1,300})['\"]", re.MULTILINE
)
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
    pulls = asked.program == "ansible-pull"
    if pulls and not waiting:
        waiting = _pulled(asked, own=bool(directory))
    found: dict[str, None] = {}
    here, others = _in_inventory(asked)
    here_only = pulls or _is_for_this_host(asked) or (here and not others)
    plays: list[bool] = []
    partly = here
    more_roles = _role_places(asked)
    for path in waiting:
        if path in found or len(found) >= FILES_MAX or not asked.files.has_file(path):
            continue
        found[path] = None
        text = (asked.files.text(path, TEXT_MAX) or "") if path.endswith(_YAML) else ""
        plays += _plays(text)
        partly = partly or any(plays) or _DELEGATED.search(text) is not None
        at = posixpath.dirname(path)
        named = [match[1] or match[2] for match in _NAMED_IN_PLAY.finditer(text)]
        beside = (at, f"{at}/tasks", f"{posixpath.dirname(at)}/files", f"{posixpath.dirname(at)}/tasks")
        waiting += [posixpath.normpath(f"{place}/{each}") for each in named[:FILES_MAX] for place in beside]
        waiting += _of_roles(text, at, asked.files, more_roles)
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


def _pulled(asked: Asked, *, own: bool) -> list[str]:
    """What ansible-pull plays that is told of no playbook: the first of these that is there, of what it has fetched last time."""
    host = (asked.files.text("/etc/hostname", TEXT_MAX) or "").strip()
    names = [f"{each}.yml" for each in (host, host.partition(".")[0], "local") if each and "/" not in each]
    kept = [asked.directory] if own else [f"{_PULLED}/{each}" for each in asked.files.names(_PULLED)[:FILES_MAX]]
    return [path for each in kept for path in list(asked.files.files([f"{each}/{name}" for name in names]))[:1]]


def _in_inventory(asked: Asked) -> tuple[bool, bool]:
    """Whether the inventory has this host as one to be done without a connection, and whether it has others."""
    named = [asked.at(each) for each in asked.values("-i", "--inventory") if "," not in each] or ["/etc/ansible/hosts"]
    inside = [f"{each}/{name}" for each in named for name in asked.files.names(each)[:FILES_MAX]]
    here = others = False
    for path in list(asked.files.files([*named, *inside]))[:FILES_MAX]:
        text = asked.files.text(path, TEXT_MAX) or ""
        if path.endswith(_YAML):
            here = here or _LOCAL_IN_YAML.search(text) is not None
            others = True
            continue
        section = ""
        for line in (each.strip() for each in text.split("\n")):
            section = line if line.startswith("[") else section
            if not line or line.startswith(("#", ";", "[")) or section.endswith(":children]"):
                continue
            local = _LOCAL_HOST.search(line) is not None
            here = here or local
            others = others or (not local and not section.endswith(":vars]"))
            if local and section == "[all:vars]":
                return True, False
    return here, others


def _role_places(asked: Asked) -> list[str]:
    """Where roles lie besides the playbook: by default, and as ansible.cfg says."""
    found = []
    for path in list(asked.files.files([asked.at("ansible.cfg"), "/etc/ansible/ansible.cfg"]))[:1]:
        for match in _ROLES_PATH.finditer(asked.files.text(path, TEXT_MAX) or ""):
            found += [
                posixpath.normpath(posixpath.join(posixpath.dirname(path), each))
                for each in match[1].strip().split(":")
                if each
            ]
    return [*found, "/root/.ansible/roles", "/usr/share/ansible/roles"]


def _plays(text: str) -> Iterator[bool]:
    """Of each play whether it is done on the host that it is started on."""
    for play in _PLAY.split(text):
        if hosts := _HOSTS.search(f"  {play}"):
            yield _THIS_HOST.search(hosts[1]) is not None or _LOCAL.search(f"  {play}") is not None


def _of_roles(text: str, here: str, files: SystemFiles, more: Iterable[str]) -> Iterator[str]:
    above = posixpath.dirname(posixpath.dirname(here))
    tops = dict.fromkeys((f"{here}/roles", *([above] if "/roles" in above else []), "/etc/ansible/roles", *more))
    there = {top: frozenset(files.names(top)) for top in tops}
    listed = (name for flow in _ROLES_IN_LINE.findall(text) for name in _NAME.findall(flow))
    for name in dict.fromkeys((*(match[1] for match in _ROLE.finditer(text)), *itertools.islice(listed, FILES_MAX))):
        roles = [f"{top}/{name}" for top in there if name in there[top]]
        parts = name.split(".")
        if len(parts) == 3:  # of a collection
            at = (*_FACTS_AT, f"{here}/collections/ansible_collections/{{}}")
            roles += [f"{each.format(f'{parts[0]}/{parts[1]}')}/roles/{parts[2]}" for each in at]
        for role in roles:
            for part in ("tasks", "handlers", "defaults", "vars", "meta"):
                yield from (f"{role}/{part}/{file}" for file in files.names(f"{role}/{part}") if file.endswith(_YAML))


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
    """The states of a minion: of its own files, or what it has kept of its master's. Which of them it applies is not known."""
    at = f"{asked.value('-c', '--config-dir') or '/etc/salt'}/minion"
    minion = "".join(asked.files.text(path, TEXT_MAX) or "" for path in asked.files.files([at]))
    if "--local" not in asked.arguments and not _SALT_LOCAL.search(minion):
        cache = named[1] if (named := _SALT_CACHE.search(minion)) else "/var/cache/salt/minion"
        kept = _tree([f"{cache}/files", f"{cache}/extrn_files"], (".sls",), asked.files)
        return Run(some_of=kept) if kept else None
    tops = [asked.value("--file-root") or "/srv/salt", "/srv/pillar"]
    return Run(some_of=_tree([asked.at(top) for top in tops], (".sls",), asked.files))


def puppet(asked: Asked) -> Run | None:
    """The manifests that are applied, and modules of which they may declare some. An agent applies what its server has compiled."""
    words = asked.plain(("--modulepath", "--environment", "--confdir", "-e", "--execute", "--logdest", "-l"))
    if words[:1] == ["agent"]:
        execs = tuple(held for path in _catalogs(asked) for held in _execs(path, asked.files))
        return Run(texts=execs[:EXECS_MAX]) if execs else None
    if words[:1] != ["apply"]:
        return None
    named = [asked.at(each) for each in words[1:]]
    tops = [*named, *asked.value("--modulepath").split(":"), "/etc/puppetlabs/code", "/etc/puppet"]
    modules = _tree([asked.at(each) for each in tops if each], (".pp",), asked.files)
    return Run(files=tuple(asked.files.files(named)), some_of=modules)


def _catalogs(asked: Asked) -> Iterator[str]:
    """The catalogs that an agent keeps of its server."""
    own = asked.value("--vardir")
    tops = [f"{asked.at(own)}/client_data"] if own else []
    tops += [f"{each}/client_data" for each in _PUPPET_STATES]
    if directory := asked.value("--client_datadir"):
        tops.insert(0, asked.at(directory))
    for top in tops:
        names = [name for name in asked.files.names(f"{top}/catalog") if name.endswith(".json")]
        yield from asked.files.files([f"{top}/catalog/{name}" for name in names[:FILES_MAX]])


def _execs(path: str, files: SystemFiles) -> Iterator[Held]:
    """The commands of a catalog: each Exec with the commands that say whether it is run."""
    try:
        catalog = json.loads(files.text(path) or "{}")
    except (ValueError, RecursionError):
        files.say(f"{path} is not JSON")
        return
    for _ in range(2):  # Puppet 3 has it within "data"
        if isinstance(catalog, dict) and isinstance(catalog.get("data"), dict):
            catalog = catalog["data"]
    resources = catalog.get("resources") if isinstance(catalog, dict) else None
    for resource in resources if isinstance(resources, list) else ():
        if not isinstance(resource, dict) or resource.get("type") != "Exec":
            continue
        parameters = resource.get("parameters")
        given = parameters if isinstance(parameters, dict) else {}
        directory = given.get("cwd")
        places = given.get("path")
        listed = places if isinstance(places, list) else [places]
        at = tuple(
            place for each in listed if isinstance(each, str) for place in each.split(":") if place.startswith("/")
        )
        for key in ("command", "onlyif", "unless", "refresh"):
            default = resource.get("title") if key == "command" else None
            for command in _commands(given.get(key, default)):
                own = directory if isinstance(directory, str) and directory.startswith("/") else "/"
                yield Held(path, command, own, at)


def _commands(value: object) -> Iterator[str]:
    """A text, or a list of texts or of lists of words. Of a list of texts, each is taken for a command, and all for one."""
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, list):
        words = [each for each in value if isinstance(each, str)]
        if words:
            yield shlex.join(words)
            yield from (each for each in words if " " in each)
        yield from (shlex.join(map(str, each)) for each in value if isinstance(each, list) and each)


def chef(asked: Asked) -> Run | None:
    """The recipes that are named, and cookbooks of which the run list may have some."""
    named = [asked.at(each) for each in asked.plain() if each.endswith(".rb")]
    tops = [
        asked.at("cookbooks"),
        "/var/chef/cookbooks",
        "/etc/chef/cookbooks",
        *(f"{each}/cookbooks" for each in _CHEF_CACHES),
    ]
    settings = asked.value("-c", "--config")
    for path in asked.files.files([*([asked.at(settings)] if settings else []), *_CHEF_SETTINGS]):
        text = asked.files.text(path, TEXT_MAX) or ""
        tops += [f"{match[2]}/cookbooks" if match[1] else match[2] for match in _CHEF_PATH.finditer(text)]
    return Run(files=tuple(asked.files.files(named)), some_of=_tree(tops, (".rb",), asked.files))
