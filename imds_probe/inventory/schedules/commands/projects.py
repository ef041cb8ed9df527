"""What a command runs whose project says so: npm run, make, rake, composer, ansible-playbook and their like.

The project is a directory, its file names commands or is itself what is run. Source: the manuals of each.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping, Sequence

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.accounts import ROOT
from imds_probe.inventory.schedules.commands import management, playbooks
from imds_probe.inventory.schedules.commands.project_asked import Asked, Held, Run
from imds_probe.inventory.schedules.commands.recipes import Rules, goals_of
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.system import toml

FILES_MAX, TEXT_MAX, INCLUDED_MAX, SCRIPTS_MAX = 1000, 256 * 1024, 100, 500
Words = Sequence[str | None]


def run_of(program: str, arguments: Words, directory: str, files: SystemFiles, home: str = ROOT.home) -> Run | None:
    """What a program runs whose project says so; None of any other program, and where there is no such project."""
    runner = _RUNNERS.get(program)
    return (
        runner(Asked(program, tuple(word or "" for word in arguments), directory, files, home))
        if runner is not None
        else None
    )


def is_runner(program: str) -> bool:
    """Whether a program may run what a project says."""
    return program in _RUNNERS


def _document(path: str, files: SystemFiles) -> object:
    """The document of JSON or TOML in a file, which may be anything."""
    text = files.text(path, TEXT_MAX) if path else None
    try:
        return (toml.loads if path.endswith(".toml") or posixpath.basename(path) == "Pipfile" else json.loads)(
            text or ""
        )
    except (ValueError, RecursionError):
        return None


def _of(document: object, *keys: str) -> object:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _table(document: object, *keys: str) -> Mapping[str, object]:
    found = _of(document, *keys)
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> list[str]:
    """The commands of a script, which is a text, a list of texts, or has them by such a key."""
    if isinstance(value, dict):
        value = next(
            (value[key] for key in ("cmd", "shell", "commands", "composite", "cmds", "sequence") if key in value), ""
        )
    listed = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, str)]


def _held(
    path: str, texts: Sequence[str], files: SystemFiles, directory: str, places: Sequence[str] = ()
) -> Run | None:
    """Texts for a shell that stand in a file, as many as are followed; None where there are none."""
    kept = files.some(path, texts, SCRIPTS_MAX, "commands")
    return Run(tuple(Held(path, text, directory, tuple(places)) for text in kept)) if kept else None


def _of_package(asked: Asked) -> Run | None:
    """Scripts of package.json, with what runs before and after each."""
    asked = asked.within(asked.value("--prefix", "-C", "--cwd", "--dir"))
    words = asked.plain(("--prefix", "-C", "--cwd", "--dir", "-w", "--workspace", "--loglevel", "--filter", "-F"))
    name = words[0] if words else ""
    if name in ("run", "run-script", "rum", "urn"):
        name, words = (words[1] if len(words) > 1 else ""), words[1:]
    path = asked.above("package.json")
    name = {"t": "test", "tst": "test"}.get(name, name)
    scripts = _table(_document(path, asked.files), "scripts")
    more = asked.behind(words[0]) if words else ""
    names = [each for each in (f"pre{name}", name, f"post{name}") if isinstance(scripts.get(each), str)]
    if not names or name not in names:
        return None
    directory = posixpath.dirname(path)
    places = (f"{directory}/node_modules/.bin",)
    texts = [f"{scripts[each]} {more}" if each == name and more else str(scripts[each]) for each in names]
    return Run(tuple(Held(path, text, directory, places) for text in texts))


def _of_composer(asked: Asked) -> Run | None:
    """Scripts of composer.json; one that begins with "@" is another one, or Composer's own PHP."""
    asked = asked.within(asked.value("-d", "--working-dir"))
    words = asked.plain(("-d", "--working-dir", "--timeout"))
    if words[:1] in (["run"], ["run-script"], ["exec"]):
        words = words[1:]
    path = asked.above("composer.json")
    scripts = _table(_document(path, asked.files), "scripts")
    found: list[str] = []
    waiting = words[:1]
    for name in waiting:
        for text in _texts(scripts.get(name)):
            other = text.removeprefix("@").partition(" ")[0]
            if text.startswith("@") and other in scripts:
                waiting += [other] if other not in waiting else []
            elif "::" not in text:
                found.append(text.removeprefix("@putenv ").removeprefix("@"))
    directory = posixpath.dirname(path)
    return _held(path, found, asked.files, directory, [f"{directory}/vendor/bin"])


def _of_make(asked: Asked) -> Run | None:
    for directory in asked.values("-C", "--directory"):
        asked = asked.within(directory)
    named = [asked.at(each) for each in asked.values("-f", "--file", "--makefile")]
    usual = [asked.at(each) for each in ("GNUmakefile", "makefile", "Makefile")]
    valued = ("-C", "--directory", "-f", "--file", "--makefile", "-I", "-o", "-W", "-l", "--include-dir")
    goals, given = goals_of(asked.arguments, valued)
    return _of_rules(named or usual, [goal for goal in goals if not goal.isdigit()], given, asked, just=False)


def _of_just(asked: Asked) -> Run | None:
    file = asked.value("-f", "--justfile")
    if directory := asked.value("-d", "--working-directory"):
        asked = asked.within(directory)
    path = asked.at(file) if file else asked.above("justfile", "Justfile", ".justfile")
    goals, given = goals_of(asked.arguments, ("-f", "--justfile", "-d", "--working-directory", "--shell"))
    return _of_rules([path], goals[:1], given, asked.within(posixpath.dirname(path)), just=True) if path else None


def _of_rules(paths: list[str], goals: list[str], given: Mapping[str, str], asked: Asked, *, just: bool) -> Run | None:
    path = next(asked.files.files(paths), "")
    if not path:
        return None
    rules = Rules(just)
    rules.add(asked.files.text(path, TEXT_MAX) or "")
    done = {path}
    for included in rules.included:
        at = asked.at(included)
        if at not in done and asked.files.has_file(at):
            if len(done) >= INCLUDED_MAX:
                asked.files.leave_out(path, unread.MORE, f"{path} includes more than {INCLUDED_MAX} files")
                break
            done.add(at)
            rules.add(asked.files.text(at, TEXT_MAX) or "")
    return Run((Held(path, rules.text(goals, given), asked.directory),))


def _of_rake(asked: Asked) -> Run | None:
    """The Rakefile, and of the files of tasks beside it those that name a task that is asked for. The others are loaded, too, but
    it is not known of their tasks which are run.
    """
    file = asked.value("-f", "--rakefile")
    path = asked.at(file) if file else asked.above("Rakefile", "rakefile", "Rakefile.rb", "rakefile.rb")
    if not path:
        return None
    directory = posixpath.dirname(path)
    places = [f"{directory}/{name}" for name in ("rakelib", "lib/tasks", "tasks")]
    named = [f"{at}/{name}" for at in places for name in asked.files.names(at) if name.endswith(".rake")]
    tasks = asked.files.some(directory, named, FILES_MAX, "files of tasks")
    words = asked.plain(("-f", "--rakefile", "-e", "--environment"))
    names = [word.partition("[")[0].rpartition(":")[2] for word in words] or ["default"]
    run = [each for each in tasks if any(name in (asked.files.text(each, TEXT_MAX) or "") for name in names)]
    return Run(
        words=tuple(("ruby", each) for each in [path, *run]),
        some_of=tuple(each for each in tasks if each not in run),
        directory=directory,
    )


# Commands of Rails itself, which load no task.
_NO_TASKS = frozenset(
    ("server", "s", "console", "c", "dbconsole", "db", "generate", "g", "destroy", "d", "new", "test", "t")
)


def _of_rails(asked: Asked) -> Run | None:
    words = asked.plain(("-e", "--environment"))
    if words[:1] not in (["runner"], ["r"]):
        return None if words[:1] and words[0] in _NO_TASKS else _of_rake(asked)
    path = asked.above("config/environment.rb")
    directory = posixpath.dirname(posixpath.dirname(path)) if path else asked.directory
    code = words[1] if len(words) > 1 else ""
    named = asked.at(code) if code and asked.files.has_file(asked.at(code)) else ""
    own: tuple[str, ...] = ("ruby", named) if named else ("ruby", "-e", code)
    started: list[tuple[str, ...]] = [own if code else (), ("ruby", path) if path else ()]
    return Run(words=tuple(each for each in started if each), directory=directory)


def _of_tox(asked: Asked) -> Run | None:
    """The commands of the environments that are named, else of all."""
    path = asked.at(asked.value("-c", "--conf")) if asked.value("-c", "--conf") else asked.above("tox.ini", "setup.cfg")
    named = [each for value in asked.values("-e", "--env", "run") for each in value.split(",")]
    found: list[str] = []
    section, listed = "", False
    for line in asked.files.lines(path) if path else ():
        if line.startswith("["):
            section, listed = line.strip().strip("[]").removeprefix("tox:"), False
        elif line[:1].isspace():
            found += [line.strip().lstrip("- ")] if listed and line.strip() else []
        else:
            key, _, value = line.partition("=")
            wanted = section == "testenv" or (section.startswith("testenv:") and (not named or section[8:] in named))
            listed = wanted and key.strip() in ("commands", "commands_pre", "commands_post")
            found += [value.strip().lstrip("- ")] if listed and value.strip() else []
    return _held(path, found, asked.files, posixpath.dirname(path))


def _of_taskfile(asked: Asked) -> Run | None:
    """Commands of the tasks of Taskfile.yml that are named."""
    asked = asked.within(asked.value("-d", "--dir"))
    path = asked.above("Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "Taskfile.dist.yml")
    text = asked.files.text(path, TEXT_MAX) if path else None
    tasks = _table(asked.files.yaml(text, path) if text else None, "tasks")
    names = asked.plain(("-d", "--dir")) or ["default"]
    found: list[str] = []
    for task in (_of(tasks, name) for name in names):
        commands = _of(task, "cmds") or [_of(task, "cmd") or task]
        for each in commands if isinstance(commands, list) else [commands]:
            one: object = each.get("cmd") if isinstance(each, dict) else each
            found += [one] if isinstance(one, str) else []
    return _held(path, found, asked.files, posixpath.dirname(path))


def _of_procfile(asked: Asked) -> Run | None:
    """All processes of a Procfile, or the one that is named."""
    words = asked.plain(("-f", "--procfile", "-e", "--env", "-p", "--port", "-d", "--root"))
    if words[:1] != ["start"]:
        return None
    asked = asked.within(asked.value("-d", "--root"))
    path = asked.at(asked.value("-f", "--procfile") or "Procfile")
    pairs = [line.partition(":") for line in asked.files.lines(path)] if asked.files.has_file(path) else []
    found = [
        text.strip()
        for name, sign, text in pairs
        if sign and not name.startswith("#") and (not words[1:] or name in words[1:])
    ]
    return _held(path, found, asked.files, posixpath.dirname(path))


_SCRIPTS_OF = (
    ("pyproject.toml", ("tool", "pdm", "scripts")),
    ("pyproject.toml", ("tool", "poe", "tasks")),
    ("pyproject.toml", ("tool", "taskipy", "tasks")),
    ("pyproject.toml", ("tool", "pixi", "tasks")),
    ("pixi.toml", ("tasks",)),
    ("Pipfile", ("scripts",)),
)
_ENTRIES = (("project", "scripts"), ("tool", "poetry", "scripts"))
_OF_PYTHON = ("-C", "--directory", "-P", "--project", "--manifest-path")


def _of_python(asked: Asked) -> Run | None:
    """A script of pyproject.toml and its like, by its name; another program is none of these."""
    asked = asked.within(asked.value(*_OF_PYTHON))
    words = asked.plain(_OF_PYTHON)
    words = words[1:] if words[:1] == ["run"] else words
    name = words[0].rpartition(":")[2] if words else ""
    for file, keys in _SCRIPTS_OF if name else ():
        path = asked.above(file)
        if found := _texts(_of(_document(path, asked.files), *keys, name)) if path else []:
            return Run(
                tuple(Held(path, f"{each} {asked.behind(words[0])}", posixpath.dirname(path)) for each in found if each)
            )
    path = asked.above("pyproject.toml", "hatch.toml") if name else ""
    document = _document(path, asked.files) if path else None
    environments = _of(document, "tool", "hatch", "envs") or _of(document, "envs")
    for each in environments.values() if isinstance(environments, dict) else ():
        if found := [text for text in _texts(_of(each, "scripts", name)) if text]:
            return Run(tuple(Held(path, text, posixpath.dirname(path)) for text in found))
    for table in _ENTRIES:
        if isinstance(entry := _of(document, *table, name), str):
            directory = posixpath.dirname(path)
            return Run(words=(("python3", "-m", entry.partition(":")[0]),), directory=directory)
    return None


_RUNNERS: Mapping[str, Callable[[Asked], Run | None]] = {
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun", "yarnpkg"), _of_package),
    **dict.fromkeys(("make", "gmake"), _of_make),
    **dict.fromkeys(("foreman", "honcho", "overmind", "hivemind"), _of_procfile),
    **dict.fromkeys(("ansible-playbook", "ansible-pull"), playbooks.playbook),
    **dict.fromkeys(
        ("chef-client", "chef-solo", "chef-apply", "cinc-client", "cinc-solo", "cinc-apply"), management.chef
    ),
    **dict.fromkeys(("poetry", "pipenv", "uv", "pdm", "rye", "hatch", "pixi", "poe"), _of_python),
    "composer": _of_composer,
    "just": _of_just,
    "rake": _of_rake,
    "rails": _of_rails,
    "tox": _of_tox,
    "task": _of_taskfile,
    **dict.fromkeys(("salt-call", "salt-minion"), management.salt),
    "puppet": management.puppet,
}
