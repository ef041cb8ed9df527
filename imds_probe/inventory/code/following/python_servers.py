"""Programs of Python that are told what to load: servers and workers by the name of a module, runners by a file.

They put the working directory, or one that an option names, where the interpreter looks first. Which of a command line's words are
names is told by what is there: no list has all options of all servers. Source: the manual of each.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import joined
from imds_probe.inventory.sdks.start import Start

WORDS_MAX, NAMES_MAX, PROGRAMS_MAX, ABOVE_MAX = 300, 50, 3, 6
SETTINGS_MAX_BYTES = 64 * 1024
STARTER_MAX_BYTES = 4096  # of what an installer writes to start a module


@dataclass(frozen=True)
class Server:
    """What one program is told. `behind`: names come after one of these words. `words`: words by themselves are names. `options`
    have a name as their value, or several with commas, `directories` one to look in, `settings` a file of Python that may name
    all of these. `variables` have a name, and `more` has further arguments. Without any name it is one of the `usual`. `parts`
    of what is named are loaded with it. `by_name`: anything in these directories may be asked for by others. `command`: the
    words are another program. `files` are settings that are read where they are there, in the
    directory or in that which the variable `home` names.
    """

    behind: tuple[str, ...] = ()
    words: bool = True
    options: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    more: str = ""
    usual: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    by_name: bool = False
    command: bool = False
    files: tuple[str, ...] = ()
    home: str = ""


_APP, _PATH, _MODULE = ("-A", "--app"), ("-P", "--path", "-p"), ("-m", "--module")
_PLAIN, _FILE, _RUN, _COMMAND = (
    Server(),
    Server(options=_MODULE),
    Server(behind=("run",), options=_MODULE),
    Server(command=True),
)
_CELERY = Server(
    words=False,
    options=(*_APP, "-I", "--include"),
    directories=("--workdir",),
    variables=("APP", "CELERY_APP", "CELERY_CONFIG_MODULE"),
    usual=("celeryconfig",),
    parts=("celery", "tasks", "tasks.*"),
)
_QUEUE = Server(words=False, options=("-c", "--config"), directories=_PATH, by_name=True)
_DAGSTER = Server(
    words=False, options=("-f", "--python-file", *_MODULE, "--module-name"), directories=("-d", "--working-directory")
)
_DJANGO = Server(
    words=False, options=("--settings",), directories=("--pythonpath",), variables=("DJANGO_SETTINGS_MODULE",)
)
SERVERS: Mapping[str, Server] = {
    "gunicorn": Server(
        options=("--paste", "--paster"),
        directories=("--chdir", "--pythonpath"),
        settings=("-c", "--config"),
        more="GUNICORN_CMD_ARGS",
        files=("gunicorn.conf.py",),
    ),
    "uvicorn": Server(directories=("--app-dir",), variables=("UVICORN_APP",)),
    "hypercorn": Server(settings=("-c", "--config")),
    "granian": Server(directories=("--working-dir",), variables=("GRANIAN_APP",)),
    **dict.fromkeys(("daphne", "waitress", "waitress-serve", "sanic", "robyn", "cheroot", "pserve", "arq"), _PLAIN),
    "flask": Server(
        words=False, options=_APP, variables=("FLASK_APP",), usual=("wsgi", "app"), files=(".flaskenv", ".env")
    ),
    "quart": Server(words=False, options=_APP, variables=("QUART_APP",), usual=("app",), files=(".flaskenv", ".env")),
    "litestar": Server(
        words=False,
        options=("--app",),
        directories=("--app-dir",),
        variables=("LITESTAR_APP",),
        usual=("app", "application", "asgi", "main"),
    ),
    "fastapi": Server(
        behind=("run", "dev"), options=_APP, usual=("main", "app", "api", "app.main", "app.app", "app.api")
    ),
    **dict.fromkeys(("django-admin", "django-admin.py"), _DJANGO),
    **dict.fromkeys(("celery", "celeryd", "celerybeat", "flower"), _CELERY),
    "faust": Server(words=False, options=_APP, directories=("-W", "--workdir"), variables=("FAUST_APP",)),
    **dict.fromkeys(("dramatiq", "dramatiq-gevent"), Server(directories=_PATH)),
    **dict.fromkeys(("huey", "huey_consumer", "huey_consumer.py"), _PLAIN),
    **dict.fromkeys(("rq", "rqworker", "rqscheduler"), _QUEUE),
    "taskiq": Server(behind=("worker", "scheduler"), directories=("--app-dir",)),
    "nameko": Server(behind=("run",)),
    "procrastinate": Server(words=False, options=("-a", "--app"), variables=("PROCRASTINATE_APP",)),
    "luigi": Server(words=False, options=("--module",)),
    "scrapy": Server(behind=("runspider", "crawl"), files=("scrapy.cfg",)),
    **dict.fromkeys(("streamlit", "kopf", "chainlit", "coverage", "memray"), _RUN),
    **dict.fromkeys(("bokeh", "panel"), Server(behind=("serve",))),
    "locust": Server(
        words=False, options=("-f", "--locustfile"), variables=("LOCUST_LOCUSTFILE",), usual=("locustfile",)
    ),
    **dict.fromkeys(
        ("fab", "invoke", "inv"),
        Server(
            words=False,
            options=("-c", "--collection", "-f", "--fabfile"),
            directories=("-r", "--search-root"),
            usual=("fabfile", "tasks"),
        ),
    ),
    **dict.fromkeys(("dagster", "dagster-daemon", "dagster-webserver", "dagit"), _DAGSTER),
    "twistd": Server(words=False, options=("-y", "--python", "-ny", "-noy", "-no", "--wsgi")),
    "odoo": Server(words=False, directories=("--addons-path",), by_name=True),
    "airflow": Server(words=False, home="AIRFLOW_HOME", files=("airflow.cfg",)),
    **dict.fromkeys(("scalene", "viztracer", "kernprof", "pyinstrument", "ipython", "torchrun", "deepspeed"), _FILE),
    "accelerate": Server(behind=("launch",), options=_MODULE),
    **dict.fromkeys(("ddtrace-run", "opentelemetry-instrument", "watchmedo", "watchfiles"), _COMMAND),
    "newrelic-admin": Server(behind=("run-program",), command=True),
    "dotenv": Server(behind=("run",), command=True),
}
# Modules that are started by their names alone: some have names that anybody may give to a script.
MODULES: Mapping[str, Server] = {
    **dict.fromkeys(("cProfile", "profile", "pdb", "trace", "runpy", "debugpy", "torch"), _FILE),
    **{"aiohttp": _PLAIN, "django": _DJANGO, "ddtrace": _COMMAND},
}
# They read what they are given and run nothing of it.
_READERS = frozenset(
    (
        "autopep8",
        "bandit",
        "black",
        "codespell",
        "flake8",
        "isort",
        "mypy",
        "pip",
        "pycodestyle",
        "pylint",
        "ruff",
        "vulture",
        "yapf",
        "py_compile",
        "compileall",
        "ast",
    )
)
_NAMED = re.compile(
    r"(?:(?:asgi|wsgi|python):)?([A-Za-z_]\w{0,100}(?:\.[A-Za-z_]\w{0,100}){0,20}(?:\.\*)?)(:[A-Za-z_][\w.]{0,200}(?:\(.*\))?)?",
    re.DOTALL,
)
_FILE_NAMED = re.compile(r"(?:(?:asgi|wsgi|file):)?([^:]{1,400})(?::[A-Za-z_].{0,300})?", re.DOTALL)
_SET = re.compile(
    rb"^[ \t]{0,20}(?:export[ \t]{1,9})?(\w{1,60})[ \t]{0,20}=[ \t]{0,20}[rbu]?[\"']?([^\"'\n#]{1,400})", re.MULTILINE
)
# What a line of settings says by its key.
_NAMES_SET = ("wsgi_app", "FLASK_APP", "QUART_APP")
_DIRECTORIES_SET = ("chdir", "pythonpath")
_WHOLE_SET = ("dags_folder", "plugins_folder", "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER")
_TITLE = re.compile(
    r"gunicorn: (?:master|worker) \[([^\[\]]{1,400})\]\s*|\[celeryd: [^\]]{1,200}\][^(]{0,60}\(([^()]{1,1000})\)\s*"
)
_STARTER = re.compile(rb"^(?:from|import)[ \t]|load_entry_point", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """What a program was told: to look in these directories first, and to load these. `modules` and `files`: one of them at least;
    `usual`: the first that is there. `whole` are directories all of which it loads, and `distributions` are loaded by their entry
    points. `must`: it runs nothing without; `is_sure`: these are surely names of modules. `parts`, `by_name`
    and `commands` as of Server.
    """

    directories: tuple[str, ...]
    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    must: bool = False
    is_sure: bool = False
    by_name: bool = False


def as_started(arguments: Sequence[str]) -> Sequence[str]:
    """The command line of a server that has put a title in its place."""
    title = _TITLE.fullmatch(arguments[0]) if arguments and arguments[0][:1] in ("g", "[") else None
    if title is None:
        return arguments
    return ("python", "-m", "gunicorn", title[1]) if title[1] else ("python", "-m", "celery", *title[2].split())


def told(start: Start, script: str, module: str | None, rest: Sequence[str], ground: Ground) -> Told | None:
    """What a script, or a module that was started as one, is told by these words and by its environment. None of a program that is
    told nothing.
    """
    name = (module or "").partition(".")[0] if module is not None else posixpath.basename(script)
    server = SERVERS.get(name) or SERVERS.get(name.rstrip("0123456789.-"))
    if module is not None:
        server = server or MODULES.get(name)
    elif server is not None and not _is_starter(script, ground):
        server = None
    words = tuple(rest[:WORDS_MAX])
    if server is None:
        return None if name in _READERS else _of_other(start, script, words, ground)
    if server.command:
        return Told((start.directory,), commands=tuple(_commands(server, words)))
    reading = _Reading(start, server, ground)
    reading.take(_split(start.environment.get(server.more, "")) if server.more else [])
    reading.take(words)
    return reading.told()


def _is_starter(script: str, ground: Ground) -> bool:
    """Whether a script is what an installer writes to start a module."""
    text = ground.small(script, STARTER_MAX_BYTES + 1)
    return len(text) <= STARTER_MAX_BYTES and _STARTER.search(text) is not None


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote without an end
        return text.split()


def _behind(server: Server, words: Sequence[str]) -> Sequence[str]:
    at = next((at for at, word in enumerate(words) if word in server.behind), len(words)) if server.behind else -1
    return words[at + 1 :]


def _commands(server: Server, words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The program that words are: what stands before it may be the value of an option."""
    words = _behind(server, words)
    words = words[words.index("--") + 1 :] if "--" in words else words
    begins = [at for at, word in enumerate(words) if word and not word.startswith("-")]
    yield from (tuple(words[at:]) for at in begins[:PROGRAMS_MAX])


def _of_other(start: Start, script: str, words: Sequence[str], ground: Ground) -> Told | None:
    """Of a program that is not known: a name in a module that it is given and, of what an installer wrote, a file of Python. Where
    there is such a one, it is what runs.
    """
    given = [word for word in words if not word.startswith("-")][:NAMES_MAX]
    modules = tuple(
        match[1]
        for word in given
        if (match := _NAMED.fullmatch(word)) and match[2] and _is_there(match[1], start.directory, ground)
    )
    ends = [word for word in given if word.endswith(".py")]
    installed = posixpath.basename(posixpath.dirname(script)) == "bin" and _is_starter(script, ground)
    files = tuple(_files(ends, start.directory, ground)) if ends and installed else ()
    return Told((start.directory,), modules=modules, files=files) if modules or files else None


def _is_there(module: str, directory: str, ground: Ground) -> bool:
    path = joined(directory, module.replace(".", "/"))
    return ground.first((f"{path}.py", f"{path}/__init__.py")) is not None


def _files(words: Sequence[str], directory: str, ground: Ground) -> Iterator[str]:
    """Those of them that are files, with or without their end; of a directory what it is started by."""
    for word in words:
        if match := _FILE_NAMED.fullmatch(word):
            path = joined(directory, match[1])
            ends = (path,) if path.endswith(".py") else (f"{path}.py", f"{path}/main.py") if "/" in match[1] else ()
            if found := ground.first(ends):
                yield found


class _Reading:
    """The arguments of one server, on the way."""

    def __init__(self, start: Start, server: Server, ground: Ground) -> None:
        self._start, self._server, self._ground = start, server, ground
        self._words: list[str] = []
        self._named: list[str] = []
        self._directories: list[str] = []
        self._settings: list[str] = []
        self._whole: list[str] = []
        self._distributions: list[str] = []

    def take(self, arguments: Sequence[str]) -> None:
        """More of them: the values of the server's options, and words by themselves."""
        server, ahead = self._server, list(arguments)
        valued = (*server.options, *server.directories, *server.settings)
        while ahead:
            word = ahead.pop(0)
            if not word.startswith("-"):
                self._words += [word] if word else []
                continue
            option, sign, value = word.partition("=")
            if option not in valued and word[:2] in valued and not word.startswith("--"):
                option, sign, value = word[:2], "=", word[2:]
            if option in valued:
                value = value if sign else ahead.pop(0) if ahead else ""
                self._take(option, [each.strip() for each in value.split(",") if each.strip()])

    def _take(self, option: str, values: list[str]) -> None:
        if option in self._server.options:
            self._named += values
        elif option in self._server.settings:
            self._settings += values
        else:
            self._directories += [part for each in values for part in each.split(":") if part]

    def told(self) -> Told:
        """What all of it comes to."""
        server, here = self._server, self._start.directory
        self._named += [value for name in server.variables if (value := self._start.environment.get(name))]
        words = list(_behind(server, self._words)) if server.words else []
        settings = tuple(self._read_settings([*self._named, *words]))
        directories = [joined(here, each) for each in self._directories]
        named = [*self._named, *words][:NAMES_MAX]
        files = tuple(
            dict.fromkeys(
                path for at in dict.fromkeys((*directories, here)) for path in _files(named, at, self._ground)
            )
        )
        modules = [(match[1], match[2] or "") for each in named if (match := _NAMED.fullmatch(each))]
        # Among words may be the values of options: what has a name behind it is none.
        sure = [name for name, behind in modules if behind or name in self._named]
        beside = [at for path in files for at in _places_of(path, self._ground)]
        return Told(
            tuple(dict.fromkeys((*directories, *beside, here))),
            tuple(dict.fromkeys(sure or [name for name, _ in modules])),
            files,
            () if named else server.usual,
            settings,
            server.parts,
            (*self._whole, *(f"{posixpath.dirname(path)}/pages" for path in files if server is _RUN)),
            tuple(self._distributions),
            must=bool(_behind(server, self._words)) and not server.home and not server.by_name,
            is_sure=any(behind or "." in name for name, behind in modules),
            by_name=server.by_name,
        )

    def _read_settings(self, named: Sequence[str]) -> Iterator[str]:
        """Files of settings, which may say the same as options do."""
        home = (
            self._start.environment.get(self._server.home) or f"{self._start.environment.get('HOME', '/root')}/airflow"
        )
        here = home if self._server.home else self._start.directory
        if self._server.home:
            variables = (self._start.environment.get(name) for name in _WHOLE_SET)
            self._whole += [f"{home}/dags", f"{home}/plugins", *(value for value in variables if value)]
        given = [each.removeprefix("file:") for each in self._settings if not each.startswith("python:")]
        inis = [each.partition("#")[0] for each in named if each.partition("#")[0].endswith(".ini")]
        paths = [joined(self._start.directory, each) for each in (*given, *inis)]
        for name in self._server.files if not given else ():
            above = _above(here) if name == "scrapy.cfg" else (here,)
            paths += [path] if (path := self._ground.first(f"{at.rstrip('/')}/{name}" for at in above)) else []
        for path in paths:
            self._take_settings(path)
            if path.endswith(".py"):
                yield path

    def _take_settings(self, path: str) -> None:
        here = posixpath.dirname(path)
        for match in _SET.finditer(self._ground.small(path, SETTINGS_MAX_BYTES)):
            key, value = match[1].decode(), match[2].decode("utf-8", "replace").strip()
            if key in _NAMES_SET:
                self._named.append(value)
            elif key in _DIRECTORIES_SET:
                self._directories += value.split(",")
            elif key in _WHOLE_SET:
                self._whole.append(value)
            elif key == "default" and path.endswith(".cfg"):  # of Scrapy: the module of its settings
                self._named += [value, f"{value.partition('.')[0]}.*"]
                self._directories.append(here)
            elif key == "use" and path.endswith(".ini"):
                kind, _, name = value.partition(":")
                self._distributions += [name.partition("#")[0]] if kind == "egg" else []
                self._named += [name] if kind == "call" else []


def _above(directory: str) -> Iterator[str]:
    for _ in range(ABOVE_MAX):
        yield directory
        if directory == "/":
            return
        directory = posixpath.dirname(directory)


def _places_of(path: str, ground: Ground) -> Iterator[str]:
    """Where modules beside a file are looked for: in its directory, and in the one that the package is in."""
    yield posixpath.dirname(path)
    for at in _above(posixpath.dirname(path)):
        if not ground.has(f"{at}/__init__.py"):
            yield at
            return
