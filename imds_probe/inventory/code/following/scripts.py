"""Scripts of Tcl, Lua, R and Julia: the files that they load by their paths.

Source: Tcl's manual, source; Lua's, dofile, loadfile and require; R's, source; Julia's, include.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.arguments import Options, read
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language, of_text
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Text, Way, asked, joined
from imds_probe.inventory.sdks.start import Start

ENDS = (".tcl", ".exp", ".lua", ".R", ".r", ".jl")
INTERPRETERS = frozenset(("tclsh", "wish", "expect", "lua", "luajit", "R", "Rscript", "julia"))
HERE = "{here}"
_OPTIONS = Options(values=("-encoding", "-l", "-L", "-c", "-E"), text="-e", required=("-f", "--file"))
_APPLICATION = ("app.R", "server.R", "ui.R", "global.R")  # of Shiny, whose server starts R where it lies
_LOADED = re.compile(
    rb"^[ \t]{0,80}(?:source[ \t]{1,9}|(?:\w{1,60}[ \t]{0,9}=[ \t]{0,9})?"
    rb"(?:dofile|loadfile|include|source)[ \t]{0,9}\()([^\n]{1,300})",
    re.MULTILINE,
)
_MODULE = re.compile(rb"\brequire[ \t]{0,9}\(?[ \t]{0,9}[\"']([\w./-]{1,100})[\"']")
_FILE = re.compile(rb"[\w./@+-]{1,200}\.(?:tcl|exp|lua|[Rr]|jl|itcl|tm)\b")
_BESIDE = (b"info script", b"argv0", b"@__DIR__", b"debug.getinfo")


def _runs(program: str, libraries: frozenset[str]) -> bool:
    del libraries
    return program in INTERPRETERS


def _begins(start: Start, ground: Ground) -> Begun:
    given = read(start.arguments, _OPTIONS)
    named = [value for _, value in given.required] or [given.script]
    script = ground.real(start.path(named[0])) if named[0] else ""
    way = Way(start.directory)
    if given.text is not None:
        text = given.text.encode("utf-8", "replace")
        return Begun(way, asked=asked_by(text), texts=(Text("script", text),))
    # One that somebody types into has no file to read.
    loads = [Load(script)] if script and ground.has(script) else []
    if posixpath.basename(start.executable) == "R" and ground.first(f"{way.own}/{name}" for name in _APPLICATION):
        loads += [Load(path) for path in ground.walked(way.own, (".R", ".r"), of_program=True)]
    return Begun(way, tuple(loads), unknown=bool(given.required) and not loads)


def asked_by(text: bytes) -> Asked:
    """The files that a script loads; one whose name is put together is not known."""
    names, dynamic = [], False
    for match in _LOADED.finditer(text):
        file = _FILE.search(match[1])
        dynamic = dynamic or file is None
        if file is not None:
            beside = any(word in match[1] for word in _BESIDE)
            names.append((f"{HERE}/" if beside else "") + file[0].decode("ascii"))
    names += [f"{match[1].decode('ascii').replace('.', '/')}.lua" for match in _MODULE.finditer(text)]
    return asked(names, dynamic=dynamic)


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load]:
    here = posixpath.dirname(load.path)
    for name in given.names:
        places = [name.replace(HERE, here)] if name.startswith(HERE) else [joined(way.own, name), joined(here, name)]
        if path := ground.first(map(posixpath.normpath, places)):
            yield Load(path, load.package_root)


LANGUAGE = Language("script", _runs, _begins, of_text(asked_by), _found, ENDS, whole=False)
