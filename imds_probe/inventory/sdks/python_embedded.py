"""Python inside of a server that is no Python by itself: its application and virtual environment stand in settings or options.

Source: uWSGI's documentation, "Options", "Configuring uWSGI" (placeholders) and "The Emperor"; mod_wsgi's documentation of its
directives.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.sdks.start import Start, can_be_opened

FILES_MAX, DEPTH_MAX, VALUES_MAX, LINES_MAX = 60, 4, 200, 5000
APACHE = frozenset({"apache2", "httpd"})
_APACHE_SETTINGS = (
    *(
        "/etc/apache2/apache2.conf",
        "/etc/apache2/httpd.conf",
        "/etc/apache2/mods-enabled/",
        "/etc/apache2/conf-enabled/",
    ),
    *("/etc/apache2/sites-enabled/", "/etc/apache2/conf.d/", "/etc/apache2/vhosts.d/", "/etc/httpd/conf/httpd.conf"),
    *("/etc/httpd/conf.d/", "/etc/httpd/conf.modules.d/", "/usr/local/apache2/conf/httpd.conf"),
)
# Where distributions have the settings of uWSGI's applications, for one that has written a title over its arguments.
_UWSGI_SETTINGS = ("/etc/uwsgi/apps-enabled/", "/etc/uwsgi/vassals/", "/etc/uwsgi.d/")
_ENDS = (".ini", ".yml", ".yaml", ".json", ".xml")
_INCLUDING = frozenset({"ini", "yaml", "yml", "json", "js", "xml", "inherit", "include"})
_EMPERORS = frozenset({"emperor", "vassals"})
_ENVIRONMENTS = frozenset({"virtualenv", "venv", "home", "pyhome"})
_PLACES = frozenset({"pythonpath", "python-path", "pp"})
_MODULES = frozenset(
    {"module", "wsgi", "import", "pyimport", "py-import", "python-import", "shared-import", "spooler-import"}
)
_FILES = frozenset({"wsgi-file", "file", "mule", "worker-exec"})
_SHORT: Mapping[str, str] = {"-H": "virtualenv", "-w": "module"}
_VALUED = _INCLUDING | _EMPERORS | _ENVIRONMENTS | _PLACES | _MODULES | _FILES | {"chdir", "chdir2", "mount"}
_TAG = re.compile(r"<([\w-]{1,60})>([^<\n]{0,1000})</")
_SECTION = re.compile(r"[ \t]{0,80}\[([^\]\n]{0,200})\]")
_PLACEHOLDER = re.compile(r"%\(([\w.-]{1,60})\)|\$\((\w{1,60})\)|%([dnspc%])")
_MODULE = re.compile(r"[A-Za-z_][\w.]{0,200}")
_WSGI_FILES: Mapping[str, int] = {  # of directives, by which of their words is the file
    **{"wsgiscriptalias": 1, "wsgiscriptaliasmatch": 1, "wsgiimportscript": 0, "wsgidispatchscript": 0},
    **{"wsgihandlerscript": 1, "wsgiaccessscript": 0, "wsgiauthuserscript": 0, "wsgiauthgroupscript": 0},
}
Read = Callable[[str], bytes]
Names = Callable[[str], Collection[str]]


@dataclass(frozen=True)
class Embedded:
    """What settings say: virtual `environments`, `places` to look for modules in, the first of which is the application's own, and
    `modules` and `files` that are loaded. `is_open`: there is more that only running tells.
    """

    environments: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    is_open: bool = False


def is_server(program: str) -> bool:
    """Whether a program of this name has Python inside of it, if it has any."""
    return is_uwsgi(program) or program in APACHE


def is_uwsgi(program: str) -> bool:
    """Whether it is uWSGI, as distributions and PyPI call it."""
    return program == "uwsgi" or program.startswith(("uwsgi-", "uwsgi_", "pyuwsgi"))


def has_python(libraries: Iterable[str]) -> bool:
    """Whether something of Python is among what a program has mapped."""
    return any(posixpath.basename(each).startswith("libpython") or ".cpython-" in each for each in libraries)


def embedded(start: Start, read: Read, names: Names) -> Embedded | None:
    """What the settings of a server say of its Python; None of what is no such server. `read` has the content of a small file,
    empty where there is none, and `names` what lies in a directory.
    """
    program = posixpath.basename(start.executable)
    if program in APACHE:
        return _of_apache(start, read, names)
    return _Uwsgi(start, read, names).found() if is_uwsgi(program) else None


@dataclass
class _Uwsgi:
    """All settings of one uWSGI, as they come up; those of an Emperor's vassals with their own directories."""

    start: Start
    read: Read
    names: Names
    _environments: dict[str, None] = field(default_factory=dict)
    _places: dict[str, None] = field(default_factory=dict)
    _modules: dict[str, None] = field(default_factory=dict)
    _loaded: dict[str, None] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)
    _is_open: bool = False

    def found(self) -> Embedded:
        options = list(_options(self.start.arguments))
        if options:
            self._apply(list(self._expanded(options, self.start.directory, 0)))
        else:
            for path in _listed(_UWSGI_SETTINGS, self.names):
                self._vassal(path)
        return Embedded(
            tuple(self._environments), tuple(self._places), tuple(self._modules), tuple(self._loaded), self._is_open
        )

    def _vassal(self, path: str) -> None:
        self._apply(list(self._expanded([("include", path)], posixpath.dirname(path), 0)))

    def _expanded(self, options: Iterable[tuple[str, str]], directory: str, depth: int) -> Iterator[tuple[str, str]]:
        """Options, with those of the files that some of them name in their place."""
        for key, value in options:
            if key in _EMPERORS:
                at = posixpath.join(directory, value)
                for path in _listed([f"{at.rstrip('/')}/"], self.names):
                    self._vassal(path)
            elif key in _INCLUDING:
                yield from self._of_file(value, directory, depth)
            else:
                yield key, value

    def _of_file(self, named: str, directory: str, depth: int) -> Iterator[tuple[str, str]]:
        name, _, section = named.partition(":")
        path = posixpath.normpath(posixpath.join(directory, name))
        content = self.read(path) if can_be_opened(path) and "\0" not in path else b""
        if not content or path in self._done or len(self._done) >= FILES_MAX or depth > DEPTH_MAX:
            self._is_open = self._is_open or path not in self._done
            return
        self._done.add(path)
        text = content.decode("utf-8", "replace")
        set_there: dict[str, str] = {}
        pairs = []
        for key, raw in _pairs(text, section or "uwsgi", path):
            value = self._filled(raw, path, set_there)
            set_there.setdefault(key, value)
            pairs.append((key, value))
        yield from self._expanded(pairs, directory, depth + 1)

    def _filled(self, value: str, path: str, set_there: Mapping[str, str]) -> str:
        """A value with what its placeholders stand for; as it is where that is not known."""
        directory, name = posixpath.split(path)
        known = {"d": f"{directory}/", "n": name.partition(".")[0], "s": name, "p": path, "%": "%"}
        known["c"] = posixpath.basename(directory)

        def meant(match: re.Match[str]) -> str:
            if match[1]:
                return set_there.get(match[1], match[0])
            if match[2]:
                return self.start.environment.get(match[2], match[0])
            return known[match[3]]

        return _PLACEHOLDER.sub(meant, value)

    def _apply(self, options: Iterable[tuple[str, str]]) -> None:
        """What options come to, all those of one application."""
        options = list(options)
        at = self.start.directory
        for key, value in options:
            if key in ("chdir", "chdir2"):
                at = posixpath.normpath(posixpath.join(at, value))
        loads = False
        for key, value in options:
            if key in _VALUED and ("%(" in value or "$(" in value):
                self._is_open = True
            elif key in _ENVIRONMENTS:
                self._environments[posixpath.normpath(posixpath.join(at, value))] = None
            elif key in _PLACES:
                self._places[posixpath.normpath(posixpath.join(at, value))] = None
            elif key == "mount":
                loads = self._load(value.partition("=")[2], at) or loads
            elif key in _MODULES or key in _FILES:
                loads = self._load(value, at, is_file=key in _FILES) or loads
        if loads:
            self._places[at] = None

    def _load(self, named: str, at: str, *, is_file: bool = False) -> bool:
        """A module, with the name of what is called in it, or a file: those of Django's projects are called PROJECT.wsgi."""
        name = named.partition(":")[0].strip()
        if name and (is_file or "/" in name or name.endswith(".py")):
            self._loaded[posixpath.normpath(posixpath.join(at, name))] = None
        elif _MODULE.fullmatch(name):
            self._modules[name] = None
        else:
            return False
        return True


def _options(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Options of a command line that matter, with their values, and files of settings that are named without one."""
    waiting = ""
    for argument in list(arguments)[1:VALUES_MAX]:
        if waiting:
            yield waiting, argument
            waiting = ""
        elif argument.startswith("-"):
            key, equals, value = argument.partition("=")
            name = _SHORT.get(key, key.lstrip("-").replace("_", "-"))
            if name in _VALUED and equals:
                yield name, value
            elif name in _VALUED:
                waiting = name
        elif argument.partition(":")[0].endswith(_ENDS):
            yield "include", argument
        elif argument.endswith((".py", ".wsgi")):
            yield "wsgi-file", argument


def _pairs(text: str, section: str, path: str) -> Iterator[tuple[str, str]]:
    """Keys and values of a file of settings, whatever its format."""
    if path.endswith(".xml"):
        yield from ((match[1].replace("_", "-"), match[2].strip()) for match in _TAG.finditer(text))
        return
    here = True
    for line in text.splitlines()[:LINES_MAX]:
        if match := _SECTION.match(line):
            here = match[1].strip() == section
        elif here and not line.lstrip().startswith(("#", ";")):
            at = next((at for at, sign in enumerate(line) if sign in "=:"), len(line))
            key, value = line[:at].strip().strip('"'), line[at + 1 :].strip().rstrip(",").strip().strip("\"'")
            if value:
                yield key.replace("_", "-"), value


def _listed(places: Iterable[str], names: Names) -> list[str]:
    """Files of settings: as they are named, or those in a directory."""
    found: list[str] = []
    for place in places:
        if place.endswith("/"):
            found += [f"{place}{name}" for name in sorted(names(place.rstrip("/"))) if not name.startswith(".")]
        else:
            found.append(place)
    return found[:FILES_MAX]


def _of_apache(start: Start, read: Read, names: Names) -> Embedded:
    """What mod_wsgi is told in the settings of Apache."""
    arguments = list(start.arguments)
    own = [start.path(value) for key, value in itertools.pairwise(arguments) if key == "-f"]
    environments: dict[str, None] = {}
    places: dict[str, None] = {}
    files: dict[str, None] = {}
    for path in (own or _listed(_APACHE_SETTINGS, names))[:FILES_MAX]:
        for name, words in wsgi_directives(read(path).decode("utf-8", "replace")):
            if name == "wsgidaemonprocess":
                for key, _, value in (word.partition("=") for word in words):
                    environments.update({value: None} if key == "python-home" else {})
                    if key in ("python-path", "home"):
                        places.update(dict.fromkeys(value.split(":")))
            elif name == "wsgipythonhome":
                environments.update(dict.fromkeys(words[:1]))
            elif name == "wsgipythonpath":
                places.update(dict.fromkeys(part for word in words[:1] for part in word.split(":")))
            elif len(words) > _WSGI_FILES[name]:
                files[words[_WSGI_FILES[name]]] = None
    scripts = [each for path in files for each in _scripts(path, names)]
    whole = [tuple(filter(_is_whole, each)) for each in (environments, places, scripts)]
    return Embedded(whole[0], whole[1], files=whole[2])


def wsgi_directives(text: str) -> Iterator[tuple[str, list[str]]]:
    """The directives of mod_wsgi that say what is loaded and from where, with their words."""
    lines = text.replace("\\\r\n", " ").replace("\\\n", " ")
    for line in lines.splitlines()[:LINES_MAX]:
        name = (line.split(None, 1) or [""])[0].lower()
        if name in _WSGI_FILES or name in ("wsgidaemonprocess", "wsgipythonhome", "wsgipythonpath"):
            try:
                yield name, shlex.split(line)[1:]
            except ValueError:
                yield name, line.split()[1:]


def _scripts(path: str, names: Names) -> list[str]:
    """A file, or all files of a directory."""
    if not path.endswith("/"):
        return [path]
    return [f"{path}{name}" for name in sorted(names(path.rstrip("/"))) if name.endswith((".py", ".wsgi"))][:FILES_MAX]


def _is_whole(path: str) -> bool:
    return path.startswith("/") and "$" not in path and "\0" not in path and can_be_opened(path)
