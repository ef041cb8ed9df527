"""Interpreters and virtual machines of languages whose programs are not followed: their files are read as they are.

Which file one loads of those that lie beside its script, only running tells: all of its language count. One whose program is not
to be seen, as it is in an image of memory or comes by a pipe, is not read.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.language import Language
from imds_probe.inventory.code.following.loads import NOTHING, Asked, Begun, Load, Text, Way
from imds_probe.inventory.sdks.start import Start, can_be_opened

WORDS_MAX, FILES_MAX, BESIDE_MAX = 60, 20, 1000
OF_ANYBODY = frozenset(
    ("bin", "sbin", "libexec", "", "tmp", "root", "home")
)  # directories of files that are no one program
_SCHEME, _LISP, _SCRIPTED = (".scm", ".ss", ".sld"), (".lisp", ".lsp", ".cl", ".fasl"), (".js", ".mjs", ".cjs")
MACHINES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("dart", "dartvm", "dartaotruntime"), (".dart",)),
    **dict.fromkeys(("guile", "csi", "gosh", "chibi-scheme", "scheme", "petite", "gsi", "bigloo"), _SCHEME),
    "racket": (".rkt", *_SCHEME),
    **dict.fromkeys(("sbcl", "clisp", "ecl", "ccl", "lx86cl", "abcl"), _LISP),
    **dict.fromkeys(("swipl", "gprolog", "yap"), (".pl", ".pro", ".prolog", ".qlf")),
    **dict.fromkeys(("wasmtime", "wasmer", "wasmedge", "iwasm", "wasm", "wazero"), (".wasm", ".wat", ".cwasm")),
    **dict.fromkeys(("gjs", "gjs-console", "qjs", "quickjs", "d8", "mujs", "duk", "txiki", "tjs"), _SCRIPTED),
    **dict.fromkeys(("octave", "octave-cli", "octave-gui", "matlab", "MATLAB"), (".m",)),
    **dict.fromkeys(("ocaml", "ocamlrun", "utop"), (".ml",)),
    **dict.fromkeys(("runghc", "runhaskell", "ghci"), (".hs", ".lhs")),
    **dict.fromkeys(("raku", "rakudo", "moar", "rakudo-m"), (".raku", ".rakumod", ".p6", ".pl6", ".pm6")),
    **dict.fromkeys(("regina", "rexx"), (".rexx", ".rex")),
    **dict.fromkeys(("qml", "qmlscene"), (".qml", ".js", ".mjs")),
    **dict.fromkeys(("micropython", "circuitpython"), (".py", ".mpy")),
    **{"pike": (".pike",), "janet": (".janet", ".jimage"), "gforth": (".fs", ".fth", ".4th")},
    **{"neko": (".n",), "newlisp": (".lsp",), "smlnj": (".sml",), "gst": (".st",), "pharo": (".image", ".st")},
    **{"crystal": (".cr",), "nim": (".nim", ".nims"), "swift": (".swift",)},
}
# Scripts that only start such a machine with what they are given, or one that is followed.
FRONT_ENDS = frozenset(
    (
        *(
            "R",
            "elixir",
            "iex",
            "mix",
            "erl",
            "escript",
            "groovy",
            "groovyclient",
            "jruby",
            "jython",
            "scala",
            "kotlin",
        ),
        *("kotlinc", "clojure", "clj", "bb", "lein", "raku", "guile", "octave", "mono-service", "rhino", "bsh", "jjs"),
    )
)
_CODE = frozenset(("-c", "-e", "-g", "-E", "--eval", "-eval"))
_ENDS = tuple(dict.fromkeys(end for ends in MACHINES.values() for end in ends))


def _runs(program: str, libraries: frozenset[str]) -> bool:
    del libraries
    return program in MACHINES


def _begins(start: Start, ground: Ground) -> Begun:
    name = posixpath.basename(start.executable).rstrip("0123456789.")
    ends = MACHINES.get(name, _ENDS)
    given = given_files(start, start.arguments[1:], ground)
    scripts = [path for path in given if path.endswith(ends)] or given[:1]
    own = posixpath.dirname(scripts[0]) if scripts else start.directory
    beside = (
        ground.walked(own, ends, BESIDE_MAX, of_program=True)
        if scripts and posixpath.basename(own) not in OF_ANYBODY
        else ()
    )
    pairs = itertools.pairwise(start.arguments[:WORDS_MAX])
    texts = tuple(Text("script", code.encode("utf-8", "replace")) for option, code in pairs if option in _CODE)
    # One that somebody types into has no file to read.
    is_told = any(not word.startswith("-") for word in start.arguments[1:])
    is_missed = is_told and not scripts and not texts
    return Begun(Way(own), tuple(map(Load, dict.fromkeys((*scripts, *beside)))), texts=texts, unknown=is_missed)


def given_files(start: Start, words: Sequence[str], ground: Ground) -> list[str]:
    """The files among these arguments of a program, also behind an option: --file=x."""
    found: dict[str, None] = {}
    for word in words[:WORDS_MAX]:
        value = word.partition("=")[2] if word.startswith("-") else word
        path = start.path(value) if value else ""
        if path and can_be_opened(path) and not path.startswith(("/dev/", "/proc/")) and ground.first([path]):
            found[ground.real(path)] = None
    return list(found)[:FILES_MAX]


def _asked_by(file: BinaryIO) -> Asked:
    """Nothing that is followed."""
    del file
    return NOTHING


def _found(given: Asked, load: Load, way: Way, ground: Ground) -> Iterator[Load]:
    del given, load, way, ground
    yield from ()


LANGUAGE = Language("machine", _runs, _begins, _asked_by, _found, _ENDS, whole=False)
