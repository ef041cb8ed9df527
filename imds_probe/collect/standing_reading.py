"""What the parser reads for later: the schedules of a system as they are now, a digest a kind."""

from __future__ import annotations

import hashlib
import itertools
import posixpath
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from imds_probe.escape import encodable
from imds_probe.facts.standing import SchedulesSeen
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.programs import SHELLS, Started
from imds_probe.inventory.schedules.keys import key_of, named_files
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.sources import SOURCES, Source, of_source
from imds_probe.inventory.schedules.system_files import EXECUTABLE, SystemFiles
from imds_probe.system import rootfs
from imds_probe.system.door import FileStatus

VERSION = "0123456789."
# A file that a schedule writes into, such as a log, changes all the time. Code has one of these names, or may be executed, or
# stands where an interpreter has its script. These are the languages whose code is judged (inventory/code/forms), which a run that
# only confirms a verdict does not load.
OF_CODE = tuple(
    """
    .sh .bash .ksh .zsh .awk .py .pyw .pyc .pyo .pyz .pyx .wsgi .tac .xsh .pl .pm .plx .psgi .rb .rake .ru .rbw .thor .gemspec
    .php .phar .phtml .inc .php5 .php7 .module .js .mjs .cjs .jsx .ts .mts .cts .tsx .vue .svelte .coffee .lua .tcl .exp .r .jl
    .ex .exs .erl .beam .cr .nim .raku .p6 .ps1 .psm1 .clj .scm .lisp .lsp .rkt .ss .swift .dart .jar .war .ear .class .java .kt
    .kts .scala .groovy .gradle .jsp .jspx .gsp .go .rs .c .h .cc .cpp .hpp .cxx .cs .dll .exe
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
# Without the number of a version.
RUN_BY = frozenset(
    """
    python pypy node nodejs deno bun ruby jruby perl php java dotnet mono kotlin scala groovy lua luajit tclsh wish expect jimsh
    R Rscript julia elixir escript crystal swift dart guile sbcl clojure pwsh powershell awk gawk mawk
    """.split()  # noqa: SIM905
) | {each.rstrip(VERSION) for each in SHELLS}
DIGEST_DIGITS = 32
ARGUMENTS_MAX = 100  # of one program
PATH_MAX = 4096


def read_schedules(root: str) -> Iterator[SchedulesSeen]:
    """Each kind, also one of which there is nothing. Raises nothing for what stands in the files."""
    files = SystemFiles(Path(root))
    following = Following(files)
    for source in SOURCES:
        yield _seen(source, files, following)


def _seen(source: Source, files: SystemFiles, following: Following) -> SchedulesSeen:
    found = [(each, named_files(each), _code(each, following)) for each in of_source(source, files)]
    paths = list(dict.fromkeys(path for _, named, code in found for path in (*named, *code)))
    status = dict(zip(paths, rootfs.statuses(files.root, paths), strict=True)) if paths else {}
    lines = list[str]()
    for each, named, code in found:
        stamped = {*code, *(path for path in named if _is_code(path, status[path]))}
        lines.append(" ".join((key_of(each), *(f"{path} {_stamp(status[path])}" for path in sorted(stamped)))))
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:DIGEST_DIGITS]
    return SchedulesSeen(source.what, len(found), digest)


def _code(scheduled: Scheduled, following: Following) -> tuple[str, ...]:
    """Paths of what a schedule starts by whatever name: from its PATH, from the directory that it goes to, as the script of an
    interpreter. A program that only a script starts is left out where it is no script: packages bring it.
    """
    started = following.follow(scheduled).started
    found = (path for each in started for path in _code_of(each, following.files))
    return tuple(dict.fromkeys(encodable(path) for path in found if len(path) < PATH_MAX and "\0" not in path))


def _code_of(started: Started, files: SystemFiles) -> Iterator[str]:
    program, *arguments = started.arguments[:ARGUMENTS_MAX]
    base = posixpath.basename(program)
    if base.rstrip(VERSION) not in RUN_BY:
        if not started.script:
            yield program
        yield from _named_as_code(arguments, started.directory)
        return
    # The first that is a file: before it stand values of options, as in "bash -o pipefail job".
    words = (each for each in arguments if each and each[0] not in "-+" and len(each) < PATH_MAX)
    paths = (posixpath.normpath(posixpath.join(started.directory, each)) for each in words if "\0" not in each)
    yield from itertools.islice(filter(files.has_file, paths), 1)
    yield from _named_as_code(arguments, started.directory)


def _named_as_code(arguments: Iterable[str], directory: str) -> Iterator[str]:
    """Such as the archives of a class path, which stand in one argument."""
    for each in (part for argument in arguments for part in argument.split(":")):
        name = each.rpartition("=")[2]
        if name.lower().endswith(OF_CODE):
            yield posixpath.normpath(posixpath.join(directory, name))


def _is_code(path: str, status: FileStatus | None) -> bool:
    return status is not None and (bool(status.st_mode & EXECUTABLE) or path.lower().endswith(OF_CODE))


def _stamp(status: FileStatus | None) -> str:
    """What changes with a program or script, and is empty for what is no file."""
    if status is None or not stat.S_ISREG(status.st_mode):
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"
