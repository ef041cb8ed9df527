"""What Salt, Puppet and Chef do on this host: the files that say so, also those kept of a server. Source: the manuals of each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import msgspec

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands.project_asked import Asked, Held, Run
from imds_probe.inventory.schedules.commands.trees import tree
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX, TEXT_MAX, EXECS_MAX = 60, 256 * 1024, 1000
CATALOG_MAX = 8 * 1024 * 1024  # of some thousand resources, with what the files have in them
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


def salt(asked: Asked) -> Run | None:
    """The states of a minion: of its own files, or what it has kept of its master's. Which of them it applies is not known."""
    at = f"{asked.value('-c', '--config-dir') or '/etc/salt'}/minion"
    minion = "".join(asked.files.text(path, TEXT_MAX) or "" for path in asked.files.files([at]))
    if "--local" not in asked.arguments and not _SALT_LOCAL.search(minion):
        cache = named[1] if (named := _SALT_CACHE.search(minion)) else "/var/cache/salt/minion"
        kept = tree([f"{cache}/files", f"{cache}/extrn_files"], (".sls",), asked.files)
        return Run(some_of=kept) if kept else None
    tops = [asked.value("--file-root") or "/srv/salt", "/srv/pillar"]
    return Run(some_of=tree([asked.at(top) for top in tops], (".sls",), asked.files))


def puppet(asked: Asked) -> Run | None:
    """The manifests that are applied, and modules of which they may declare some. An agent applies what its server has compiled."""
    words = asked.plain(("--modulepath", "--environment", "--confdir", "-e", "--execute", "--logdest", "-l"))
    if words[:1] == ["agent"]:
        execs: list[Held] = []
        for path in _catalogs(asked):
            execs += asked.files.some(path, list(_execs(path, asked.files)), EXECS_MAX, "commands")
        return Run(texts=tuple(execs)) if execs else None
    if words[:1] != ["apply"]:
        return None
    named = [asked.at(each) for each in words[1:]]
    tops = [*named, *asked.value("--modulepath").split(":"), "/etc/puppetlabs/code", "/etc/puppet"]
    modules = tree([asked.at(each) for each in tops if each], (".pp",), asked.files)
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
        read = asked.files.some(f"{top}/catalog", names, FILES_MAX, "catalogs")
        yield from asked.files.files([f"{top}/catalog/{name}" for name in read])


class _Catalog(msgspec.Struct, gc=False):
    """Puppet 3 has it within "data". What it says of files and packages, which is nearly all, stays as it stands there."""

    data: msgspec.Raw = msgspec.Raw()
    resources: list[msgspec.Raw] = []


class _Resource(msgspec.Struct, gc=False):
    type: object = None
    title: object = None
    parameters: msgspec.Raw = msgspec.Raw()


def _resources(path: str, files: SystemFiles) -> Iterator[_Resource]:
    """The Execs of a catalog."""
    content = files.content(path, CATALOG_MAX) or b"{}"
    if len(content) == CATALOG_MAX:
        files.leave_out(path, unread.MORE, f"{path} is longer than {CATALOG_MAX} bytes, and was not read")
        return
    try:
        # Puppet before 6 wrote bytes that are no text.
        catalog = msgspec.json.decode(content.decode(errors="replace"), type=_Catalog)
        for _ in range(2):
            if catalog.data:
                catalog = msgspec.json.decode(catalog.data, type=_Catalog)
        for each in catalog.resources:
            resource = msgspec.json.decode(each, type=_Resource)
            if resource.type == "Exec":
                yield resource
    except (ValueError, RecursionError, msgspec.MsgspecError):
        files.say(f"{path} is no catalog of Puppet")


def _execs(path: str, files: SystemFiles) -> Iterator[Held]:
    """The commands of a catalog: each Exec with the commands that say whether it is run."""
    for resource in _resources(path, files):
        parameters = msgspec.json.decode(resource.parameters) if resource.parameters else None
        given = parameters if isinstance(parameters, dict) else {}
        directory = given.get("cwd")
        places = given.get("path")
        listed = places if isinstance(places, list) else [places]
        at = tuple(
            place for each in listed if isinstance(each, str) for place in each.split(":") if place.startswith("/")
        )
        for key in ("command", "onlyif", "unless", "refresh"):
            default = resource.title if key == "command" else None
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
    return Run(files=tuple(asked.files.files(named)), some_of=tree(tops, (".rb",), asked.files))
