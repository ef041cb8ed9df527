"""Following one program: from how it was started to all files that it loads, in whatever languages."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import field, replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following import served
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Loads, Text, Way, joined, package_of
from imds_probe.inventory.code.following.named_files import ENV_FILE
from imds_probe.inventory.code.following.trail import Trails, key_of
from imds_probe.inventory.sdks.start import Start, can_be_opened

FILES_MAX = 8000  # of one program; the largest applications of Node have some thousand
PROGRAMS_MAX, DEPTH_MAX = 150, 8  # that a script calls, and that those call
WHOLE_MAX = 3000  # files of a package that loads some of them by name
PROGRAMS = frozenset(
    ("bin", "sbin", "libexec", "", "tmp", "root", "home")
)  # whose files have nothing to do with each other
_QUESTIONS = frozenset(("-v", "-V", "-version", "--version", "-h", "--help"))
_QUESTIONS_OF_PHP = frozenset(("-m", "--modules", "-i", "--info", "--ini"))
# Interpreters of languages that are not followed, by the ends of their scripts: of a script the text itself is read.
_INTERPRETED = {
    **{".lua": ("resty",), ".ps1": ("pwsh", "powershell"), ".fish": ("fish",)},
    ".mk": ("make", "gmake"),
    ".awk": ("awk", "gawk", "mawk", "nawk"),
}
# Of these, what stands behind an option is the script, whatever it is called.
_SCRIPT_OPTIONS = dict.fromkeys(("awk", "gawk", "mawk", "nawk", "original-awk"), ("-f", "--file"))
# Of Erlang, .NET and Windows, WebAssembly and Lua: with such a file a machine is started, but for what looks at any file.
_BYTE_CODE = (b"FOR1", b"MZ", b"\0asm", b"\x1bLua", b"\x1bLJ")
_ONLY_LOOK = frozenset(
    (
        "file",
        "strings",
        "less",
        "cat",
        "cp",
        "mv",
        "rm",
        "clamscan",
        "clamdscan",
        "unzip",
        "gzip",
        "scp",
        "rsync",
        "curl",
    )
)
SCRIPT_WORDS_MAX, SETTINGS_MAX, ABOVE_MAX = 6, 20, 4
# Modules without a file, and those of other versions, for which code has another name where they are missing.
COMES_WITH_PYTHON = sys.stdlib_module_names | frozenset(
    """
    thread strop cStringIO cPickle exceptions sitecustomize usercustomize
    BaseHTTPServer CGIHTTPServer ConfigParser Cookie HTMLParser Queue SimpleHTTPServer SimpleXMLRPCServer SocketServer StringIO
    Tkinter UserDict UserList UserString anydbm commands cookielib copy_reg dummy_thread dumbdbm htmlentitydefs httplib md5
    mimetools new popen2 rfc822 robotparser sets sha sgmllib urllib2 urlparse user whichdb xmlrpclib
    aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib ossaudiodev
    pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
OF_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib", "/lib", "/usr/share/", "/etc/")
NAMES_MAX = 1000  # of programs whose language is known by their names
AGAIN_MAX = 3  # that all is looked up anew, because there was another place to look
# Ecosystems by directories that only they have, and by what their files are called.
_PLACES = {"/site-packages/": "pypi", "/dist-packages/": "pypi", "/node_modules/": "npm", "/gems/": "gem"}
_ENDS = {
    **dict.fromkeys((".py", ".pyc", ".so"), "pypi"),
    **dict.fromkeys((".js", ".cjs", ".mjs", ".node"), "npm"),
    **{".rb": "gem", ".php": "composer", ".jar": "maven", ".dll": "nuget"},
}
# What is mapped and is code. Fonts, locales and databases are mapped, too.
CODE = re.compile(r".*(?:\.so(?:\.[\d.]{1,20})?|\.[jwe]ar|\.dll|\.node)")
# The machines themselves, by the beginnings of their names: what they run is what matters.
MACHINES = re.compile(r"(?:ld-|lib(?:python|perl|ruby|node|php|jvm|coreclr|hostfxr|hostpolicy|clrjit)\b)[^/]*")


@dataclass
class _Program:
    """What is found of one program, on the way. `root` stands for the package of its own code, where others call it. `whole` are
    directories all files of which are waiting or were visited, with the packages that these belong to.
    """

    language: Language
    way: Way
    root: str | None
    waiting: list[Load]
    asked: list[tuple[Asked, Load]] = field(default_factory=list)
    whole: set[tuple[str, str | None]] = field(default_factory=set)


@dataclass
class Following:
    """Follows the programs of one system. `left` are libraries that are left to those who know them, each by the id of its
    ecosystem and its name, "pypi botocore", and may change from one program to the next: a file that is loaded as a part of one
    is not gone into. Nor is the probe's own package: `own` says whether a path is in it. `shown` are interpreters that
    processes run: what a script starts by them in the end, though only running tells what, is read by these.
    """

    ground: Ground
    languages: Collection[Language]
    left: Collection[str] = ()
    trails: Trails | None = None
    own: Callable[[str], bool] = lambda _: False
    shown: Collection[str] = ()
    _by_name: dict[str, Language | None] = field(default_factory=dict)  # of programs that have loaded nothing yet

    def follow(self, start: Start) -> Loads:
        """What a program loads, by how it was started."""
        if self.trails is None or self.language_of(start) is None:
            return _Followed(self, start).loads()
        return self.trails.loads(key_of(start, self.left), lambda: _Followed(self, start).loads())

    def language_of(self, start: Start) -> Language | None:
        """The language of what runs there; None for a program by itself."""
        name = posixpath.basename(start.executable)
        if name == "busybox" and start.arguments:  # which is many programs, and is told by its first argument
            name = posixpath.basename(start.arguments[0]).lstrip("-")
        name = name.rstrip("0123456789.")
        if start.mapped:
            return self._language(
                name, frozenset(posixpath.basename(path).partition(".so")[0] for path in start.mapped)
            )
        if name in served.APACHE and served.has_php(self.ground):
            return self._language("php", frozenset())  # as a library that it will map
        if name not in self._by_name:
            if len(self._by_name) >= NAMES_MAX:
                self._by_name.clear()
            self._by_name[name] = self._language(name, frozenset())
        return self._by_name[name]

    def script_of(self, start: Start) -> str:
        """The script that was started of a language which is not followed; empty where there is none."""
        # What a script names may be a link: "awk" leads to one of several.
        called = (start.executable, *start.arguments[:1])
        names = {posixpath.basename(each).rstrip("0123456789.") for each in called}
        before = ""
        for word in start.arguments[1:SCRIPT_WORDS_MAX]:
            option, before = before, word
            path = start.path(word)
            if word.startswith("-") or not can_be_opened(path):
                continue
            first = self.ground.head(path).partition(b"\n")[0]
            by_line = set(re.split(rb"[/ \t\d.]", first)) if first[:2] == b"#!" else set()
            by_end = _INTERPRETED.get(posixpath.splitext(path)[1], ()) if first else ()
            by_option = any(option in _SCRIPT_OPTIONS.get(name, ()) for name in names) if first else False
            named = any(name.encode("utf-8", "replace") in by_line for name in names)
            if named or by_option or not names.isdisjoint(by_end) or self._is_for(names, path, first):
                return self.ground.real(path)
        return ""

    def _is_for(self, names: set[str], path: str, first: bytes) -> bool:
        """Whether a file has the end of the program's name, as scripts of rare interpreters have, or is byte code."""
        if posixpath.splitext(path)[1][1:] in names - {""}:
            return bool(first) and b"\0" not in self.ground.head(path)
        return first.startswith(_BYTE_CODE) and names.isdisjoint(_ONLY_LOOK)

    def _language(self, name: str, libraries: frozenset[str]) -> Language | None:
        return next((each for each in self.languages if each.runs(name, libraries)), None)

    def is_own(self, load: Load) -> bool:
        """Whether a file is the probe's own."""
        return self.own(load.path)

    def is_left(self, load: Load) -> bool:
        """Whether a file belongs to a library that is left to its recogniser."""
        if not self.left:
            return False
        if load.package_root is None:
            return self._is_left_copy(load.path)
        if load.package_root == load.path and not load.path.endswith((".jar", ".py")):
            return False
        ecosystem = _ecosystem_of(load)
        return not {f"{ecosystem} {name}" for name in known_as(load.package_root)}.isdisjoint(self.left)

    def _is_left_copy(self, path: str) -> bool:
        """Whether a file of a program's own code belongs to such a library that was copied into it."""
        directories = path.split("/")[:-1] if path.endswith(".py") and self.left else []
        return any(
            f"pypi {name.lower().replace('_', '-')}" in self.left
            and self.ground.has(f"{'/'.join(directories[: count + 1])}/__init__.py")
            for count, name in enumerate(directories)
        )


def _ecosystem_of(load: Load) -> str:
    """Whose names a library has, by where it lies, else by what the file is; empty where that does not tell. Each language has
    libraries that are called as those of another are.
    """
    by_place = next((each for mark, each in _PLACES.items() if mark in f"{load.package_root}/"), "")
    end = posixpath.splitext(load.path.rstrip("/"))[1]
    return _ENDS.get(end, "") if end == ".jar" else by_place or _ENDS.get(end, "")


def known_as(package_root: str) -> set[str]:
    """What a package may be called, by where it lies: its directory, with the one above where names have two parts, and without
    its version.
    """
    above, name = package_root.rstrip("/").split("/")[-2:] if package_root.count("/") > 1 else ["", package_root]
    name = name.removesuffix(".py")
    bare = re.sub(r"-\d[0-9A-Za-z.+_-]{0,100}$", "", name.removesuffix(".jar"))
    return {each.lower().replace("_", "-") for each in (name, bare, f"{above}/{name}", f"{above}-{name}")}


class _Followed:
    def __init__(self, following: Following, start: Start) -> None:
        self._following, self._ground, self._start = following, following.ground, start
        self._files: dict[str, Load] = {}
        self._unresolved: dict[str, None] = {}
        self._environment: dict[str, None] = {}
        self._texts: list[Text] = []
        self._settings: dict[str, None] = {}
        self._script, self._cut_short = "", ""
        self._started: set[tuple[str, tuple[str, ...]]] = set()

    def loads(self) -> Loads:
        self._ground.kept_from = self._ground.more = False
        self._begin(self._start, 0)
        if self._ground.kept_from:
            self._cut_short = self._cut_short or unread.HIDDEN
        if self._ground.more:
            self._cut_short = self._cut_short or unread.MORE
        return Loads(
            tuple(self._files.values()),
            tuple(self._unresolved),
            tuple(self._environment),
            tuple(self._texts),
            self._script,
            self._cut_short,
            tuple(self._settings),
        )

    def _begin(self, start: Start, depth: int) -> None:
        """One program, and those that it calls."""
        key = start.executable, start.arguments
        if key in self._started:
            return
        if len(self._started) >= PROGRAMS_MAX or depth > DEPTH_MAX:
            self._ground.more = self._ground.more or self._is_own_script(start)
            return
        self._started.add(key)
        for path in sorted(start.mapped):
            if CODE.fullmatch(path) and not MACHINES.fullmatch(posixpath.basename(path)):
                self._add([Load(path, package_of(path))])
        language = self._following.language_of(start)
        if language is None:
            self._add([Load(start.executable, start.executable if depth else None)])
            if script := self._following.script_of(start):
                self._script = self._script or ("" if depth else script)
                self._add([Load(script, script if depth else None)])
            return
        begun = language.begins(start, self._ground)
        if not depth:
            self._script = begun.loads[0].path if begun.loads else ""
        self._texts += begun.texts
        self._environment.update(dict.fromkeys(begun.way.environment))
        # An interpreter that a script calls with nothing reads what the script hands it, which was read there; and asked for its
        # version it runs nothing.
        told = depth and (not start.arguments[1:] or start.executable in self._following.shown)
        if begun.unknown and not told and not _only_asks(start):
            self._cut_short = self._cut_short or unread.NO_SCRIPT
        self._go(language, begun, depth)

    def _is_own_script(self, start: Start) -> bool:
        """Whether it is one that came with no distribution and was not read yet: what those start, packages have."""
        language = self._following.language_of(start)
        loads = language.begins(start, self._ground).loads if language is not None else ()
        return any(load.path not in self._files and not load.path.startswith(OF_DISTRIBUTION) for load in loads)

    def _go(self, language: Language, begun: Begun, depth: int) -> None:
        own = Load(posixpath.join(begun.way.own, "-"))  # what is asked for on the command line
        root = begun.loads[0].path if depth and begun.loads else None
        program = _Program(language, begun.way, root, self._add(begun.loads, root), [(begun.asked, own)])
        calls = list(self._found(program, program.asked))
        for _ in range(AGAIN_MAX):
            places = len(program.way.places)
            while program.waiting and not self._cut_short_by_limits():
                wave, program.waiting = program.waiting, []
                self._ground.ahead([load.path for load in wave])
                new = [(self._visited(program, load), load) for load in wave]
                program.asked += new
                calls += self._found(program, new)
            if len(program.way.places) == places:
                break
            calls += self._found(program, program.asked)
        if program.way.is_open and _misses(program):
            self._cut_short = self._cut_short or unread.BY_NAME
        for start in calls:
            self._begin(start, depth + 1)

    def _cut_short_by_limits(self) -> bool:
        if len(self._files) >= FILES_MAX:
            self._cut_short = self._cut_short or unread.TOO_LONG
        elif self._ground.limits.spent:
            self._cut_short = self._cut_short or unread.NO_TIME
        return bool(self._cut_short) and self._cut_short != unread.NO_SCRIPT

    def _visited(self, program: _Program, load: Load) -> Asked:
        if self._following.is_left(load) or self._following.is_own(load):
            return Asked()
        of_itself = load.package_root in (None, program.root)
        own = (
            load.path in program.way.executed
            or load.path.endswith(program.language.ends)
            or (of_itself and _has_no_end(load.path))
        )
        known = self._ground.visit(load.path, program.language if own else None)
        if known.asked.dynamic:
            self._dynamic(program, load)
        return known.asked

    def _dynamic(self, program: _Program, load: Load) -> None:
        """It loads something by a name that only running tells: any of its package, or of what lies beside a script."""
        self._unresolved[load.path] = None
        root = program.way.own if load.package_root in (None, program.root) else load.package_root
        if root is None or not program.language.whole or posixpath.basename(root) in PROGRAMS:
            return
        if (root, load.package_root) not in program.whole:
            program.whole.add((root, load.package_root))
            own = load.package_root in (None, program.root)
            paths = self._ground.walked(root, program.language.ends, WHOLE_MAX, of_program=own)
            program.waiting += self._add(Load(path, load.package_root) for path in paths)

    def _found(self, program: _Program, asked: Iterable[tuple[Asked, Load]]) -> Iterator[Start]:
        for given, load in asked:
            if load.package_root in (None, program.root):
                self._name_settings(given, load)
            # What libraries start is their own affair.
            its_own = not given.commands or load.package_root in (None, program.root)
            its = given if its_own else replace(given, commands=())
            for found in program.language.found(its, load, program.way, self._ground):
                if isinstance(found, Load):
                    program.waiting += self._add([found], program.root)
                else:
                    yield found

    def _name_settings(self, given: Asked, load: Load) -> None:
        """Files of settings that are there, beside who names them or where the program was started."""
        for name in given.settings:
            beside = posixpath.dirname(load.path)
            places = (*(_and_above(beside) if name == ENV_FILE else (beside,)), self._start.directory)
            path = self._ground.first(dict.fromkeys(joined(place, name) for place in places))
            if path is not None and len(self._settings) < SETTINGS_MAX:
                self._settings[path] = None

    def _add(self, loads: Iterable[Load], root: str | None = None) -> list[Load]:
        """Those that are new; those of no package are of `root`."""
        new = []
        for each in loads:
            load = Load(each.path, root) if root and each.package_root is None else each
            if load.path in self._files:
                continue
            if len(self._files) >= FILES_MAX:
                self._cut_short = self._cut_short or unread.TOO_LONG
                break
            self._files[load.path] = load
            new.append(load)
        return new


def _and_above(directory: str) -> Iterator[str]:
    """A directory and those that it lies in, the nearest first."""
    for _ in range(ABOVE_MAX):
        yield directory
        directory = posixpath.dirname(directory)


def _misses(program: _Program) -> bool:
    """Whether the program's own code asks for something that lies in none of the places that are known."""
    own = (name for given, load in program.asked if load.package_root in (None, program.root) for name in given.names)
    tops = {name.partition(".")[0] for name in own if name in program.way.missed}
    return bool({top for top in tops if not top.startswith("_")} - COMES_WITH_PYTHON)


def _has_no_end(path: str) -> bool:
    """A script is of its interpreter's language, however it is called."""
    return "." not in posixpath.basename(path)


def _only_asks(start: Start) -> bool:
    """Whether an interpreter is asked for its version, or for what it is made of."""
    asked = frozenset(start.arguments[1:])
    of_php = _QUESTIONS_OF_PHP if posixpath.basename(start.executable).startswith("php") else frozenset()
    return bool(asked) and asked <= _QUESTIONS | of_php
