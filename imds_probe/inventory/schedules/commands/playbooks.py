"""What Ansible does on this host itself: the files that say so. Source: its manual."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands.project_asked import Asked, Run
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX, TEXT_MAX = 1000, 256 * 1024
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
_PLAIN_HOSTS = re.compile(
    r"[\w.,:'\" \t-]{1,200}"
)  # neither a variable nor a pattern, nor a list in the lines that follow
_ANY = "*"  # stands for the groups of an inventory in YAML, which are not looked at
_ROLES_PATH = re.compile(r"^[ \t]{0,9}roles_path[ \t]{0,9}[=:]([^\n]{1,1000})", re.MULTILINE)
_LOCAL_IN_YAML = re.compile(r"\bansible_connection['\"]?[ \t]{0,9}:[ \t]{0,9}['\"]?local\b")
_LOCAL_HOST = re.compile(
    r"\bansible_connection[ \t]{0,9}=[ \t]{0,9}['\"]?local\b|\bansible_host[ \t]{0,9}=[ \t]{0,9}['\"]?(?:localhost|127\.0\.0\.1)\b|"
    r"^(?:localhost|127\.0\.0\.1)\b"
)
_PULLED = ".ansible/pull"  # below the home of who pulls
_LOCAL_WORDS = frozenset(("-clocal", "-ilocalhost,"))
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
    named_first = [each for each in asked.plain(_PLAYBOOK_VALUED) if each.endswith(_YAML)]
    pulls = asked.program == "ansible-pull"
    waiting = _pulled(asked, named_first, own=bool(directory)) if pulls else [asked.at(each) for each in named_first]
    found: dict[str, None] = {}
    here, others = _in_inventory(asked)
    here_only = pulls or _is_for_this_host(asked) or (bool(here) and not others)
    plays: list[bool] = []
    partly = False
    more_roles = _role_places(asked)
    done: set[str] = set()
    for path in waiting:
        if path in done or not asked.files.has_file(path):
            done.add(path)
            continue
        done.add(path)
        if len(found) >= FILES_MAX:
            at = next(iter(found))
            asked.files.leave_out(
                at, unread.MORE, f"{at} draws in more than {FILES_MAX} files, and the rest was not read"
            )
            break
        found[path] = None
        text = (asked.files.text(path, TEXT_MAX) or "") if path.endswith(_YAML) else ""
        plays += _plays(text)
        partly = partly or any(plays) or _DELEGATED.search(text) is not None or _names_one_of(here, text)
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


def _pulled(asked: Asked, named: Sequence[str], *, own: bool) -> list[str]:
    """What ansible-pull plays of what it has fetched last time: the playbooks that it is told of, else the first of its own names
    that is there.
    """
    host = (asked.files.text("/etc/hostname", TEXT_MAX) or "").strip()
    names = [f"{each}.yml" for each in (host, host.partition(".")[0], "local") if each and "/" not in each]
    place = asked.directory if own else posixpath.join(asked.home, _PULLED)
    pulled = () if own else asked.files.some(place, asked.files.names(place), FILES_MAX, "directories")
    kept = [place] if own else [f"{place}/{each}" for each in pulled]
    if named:
        found = list(asked.files.files([posixpath.normpath(posixpath.join(at, each)) for at in kept for each in named]))
    else:
        found = [path for at in kept for path in list(asked.files.files([f"{at}/{each}" for each in names]))[:1]]
    if not found:
        asked.files.leave_out(place, unread.NO_SCRIPT, f"the playbook that ansible-pull plays is not in {place}")
    return found


def _names_one_of(here: frozenset[str], text: str) -> bool:
    """Whether a play may be for this host, of which `here` are the names and groups: what is no plain name may be for any."""
    return _ANY in here or any(
        not _PLAIN_HOSTS.fullmatch(hosts.strip()) or not here.isdisjoint(_NAME.findall(hosts))
        for hosts in (_HOSTS.findall(text) if here else ())
    )


def _in_inventory(asked: Asked) -> tuple[frozenset[str], bool]:
    """The names and groups by which the inventory has this host as one to be done without a connection, none where it has not,
    and whether it has others.
    """
    named = [asked.at(each) for each in asked.values("-i", "--inventory") if "," not in each] or ["/etc/ansible/hosts"]
    names = {each: asked.files.some(each, asked.files.names(each), FILES_MAX, "files") for each in named}
    inside = [f"{each}/{name}" for each in named for name in names[each]]
    here, others = set[str](), False
    above: dict[str, set[str]] = {}
    for path in asked.files.files([*named, *inside]):
        text = asked.files.text(path, TEXT_MAX) or ""
        if path.endswith(_YAML):
            here |= {_ANY} if _LOCAL_IN_YAML.search(text) else set()
            others = True
            continue
        section = ""
        for line in (each.strip() for each in text.split("\n")):
            section = line.strip("[] ") if line.startswith("[") else section
            if not line or line.startswith(("#", ";", "[")):
                continue
            group, _, kind = section.partition(":")
            first = line.split()[0]
            if kind == "children":
                above.setdefault(first, set()).add(group)
                continue
            local = _LOCAL_HOST.search(line) is not None
            if local and section == "all:vars":
                return frozenset((_ANY,)), False
            here |= {group or "ungrouped", "all", *(() if kind else (first,))} if local else set()
            others = others or (not local and kind != "vars")
    waiting = list(here)
    for group in waiting:
        waiting += above.pop(group, ())
    return frozenset(waiting), others


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
