from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


@pytest.mark.parametrize(
    ("program", "line", "loaded"),
    [
        ("/usr/bin/dart", "dart run /app/x.dart a", ["/app/x.dart", "/app/lib/y.dart"]),
        ("/usr/bin/guile3.0", "guile -l /app/x.scm", ["/app/x.scm"]),
        ("/usr/bin/sbcl", "sbcl --script /app/plain", ["/app/plain"]),
        ("/usr/bin/swipl", "swipl -g main x.pl", ["/app/x.pl"]),
        ("/usr/bin/wasmtime", "wasmtime run --dir=. /app/x.wasm", ["/app/x.wasm"]),
        ("/usr/bin/gjs-console", "gjs --module=/app/x.js", ["/app/x.js"]),
        ("/usr/bin/rare", "rare -q /app/x.rare", ["/usr/bin/rare", "/app/x.rare"]),
        ("/usr/bin/runner", "runner /app/x.wasm", ["/usr/bin/runner", "/app/x.wasm"]),
        ("/usr/bin/strings", "strings /app/x.wasm", ["/usr/bin/strings"]),
        ("/usr/bin/vim", "vim /app/x.dart", ["/usr/bin/vim"]),
    ],
)
def test_the_script_is_read_with_what_lies_beside_it(root: Root, program: str, line: str, loaded: list[str]) -> None:
    names = ("x.dart", "lib/y.dart", "x.scm", "plain", "x.pl", "x.js", "x.rare")
    root.put({program: "", "/app/x.wasm": b"\0asm", **{f"/app/{name}": "x\n" for name in names}})
    found = root.follow(*line.split(), directory="/app", executable=program)
    assert [load.path for load in found.files] == loaded
    assert not found.cut_short


def test_one_whose_program_is_not_to_be_seen_is_not_read(root: Root) -> None:
    root.put({"/usr/bin/dart": "", "/usr/bin/guile": "", "/usr/bin/elixir": "#!/bin/sh\nexec erl\n", "/bin/sh": ""})
    assert root.follow("dart", "run", "app:main").cut_short == unread.NO_SCRIPT
    assert root.follow("guile").cut_short == root.follow("guile", "-q").cut_short == ""  # somebody types into it
    found = root.follow("guile", "-c", "(display 1)")
    assert not found.cut_short and [text.content for text in found.texts] == [b"(display 1)"]


def test_a_script_that_starts_a_machine_with_what_it_is_given(root: Root) -> None:
    root.put({"/usr/bin/elixir": "#!/bin/sh\nexec x\n", "/bin/sh": "", "/opt/x.exs": "", "/opt/y.exs": ""})
    assert set(root.loaded("elixir", "--erl", "x", "/opt/x.exs", "in")) == {"/usr/bin/elixir", "/opt/x.exs"}
