from __future__ import annotations

from pathlib import Path

from program_starts import start

from imds_probe.ecosystems.ecosystem import Ecosystem
from imds_probe.inventory.sdks.recogniser import Recogniser, Runtime

TWO = Recogniser((Ecosystem("one"), Ecosystem("two")))


def test_one_look_may_find_what_is_of_two_ecosystems() -> None:
    assert TWO.key == "one"
    assert list(TWO.wanted({"two": ("b",), "one": ("a",), "three": ("c",)})) == ["a", "b"]
    assert list(TWO.wanted({"three": ("c",)})) == []


def test_a_runtime_has_only_what_is_said_of_it() -> None:
    runtime = Runtime(frozenset({"perl"}), lambda program, libraries: program == "perl", lambda start: ["/lib"])
    started = start("perl", root=Path("/none"))
    assert (runtime.base(started), runtime.prefixes(started), runtime.without_tls(started)) == ((), (), "")
    assert (runtime.variables, runtime.holds_open, runtime.reads_scripts) == (frozenset(), (), False)
