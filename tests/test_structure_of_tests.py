"""Tests stand beside their module, one to one: imds_probe/a/b.py has its own in tests/a/test_b.py."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "imds_probe"
# Those whose own tests stand elsewhere, or that have nothing to run, and why.
ELSEWHERE = {
    "config/settings.py": "values and their defaults, which test_loading.py reads from files and test_printing.py back",
    "inventory/sdks/found.py": "one dataclass, which each ecosystem's tests compare with",
    "inventory/sdks/recogniser.py": "a dataclass and a Protocol, which each ecosystem's tests go through",
    "service/daemon.py": "needs a lab to watch: tests/lab/test_daemon.py",
}


def without_test() -> set[str]:
    modules = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__")}
    return {str(path) for path in modules if not (TESTS / path.parent / f"test_{path.name}").exists()}


def test_each_module_has_its_tests_beside_it() -> None:
    assert without_test() - set(ELSEWHERE) == set()


def test_no_exception_outlives_its_reason() -> None:
    assert set(ELSEWHERE) <= without_test()
    assert all(ELSEWHERE.values())


def test_no_test_stays_behind_where_its_folder_is_gone() -> None:
    ours = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    of_no_module = {"lab", "install", "packaging"}  # whole runs, the packages, and what is in packaging/
    assert {str(path) for path in ours if not (PACKAGE / path).is_dir() and path.parts[0] not in of_no_module} == set()
