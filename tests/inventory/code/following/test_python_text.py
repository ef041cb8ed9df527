from __future__ import annotations

import time

import pytest

from imds_probe.inventory.code.following.loads import NAMES_MAX
from imds_probe.inventory.code.following.python_text import FILE, asked_by


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a", ["a"]),
        ("import a.b as c, d", ["a.b", "d"]),
        ("from a import b", ["a", "a.b"]),
        ("from a import (b,  # why\n    c,\n)", ["a", "a.b", "a.c"]),
        ("from . import b", [".", ".b"]),
        ("from ..a import b as c", ["..a", "..a.b"]),
        ("from a import *", ["a"]),
        ("try:\n    import a\nexcept ImportError: import b", ["a", "b"]),
        ("if x: from a import b; import c", ["a", "a.b", "c"]),
        ("from a \\\n    import b", ["a", "a.b"]),
        ("print 'python 2'; import a", ["a"]),
        ("'''\nimport a\n'''\nimport b  # import c\n", ["b"]),
        ('x = """import a\n\\""" import b\n"""\nimport c', ["c"]),
        ("raise Error('cannot\\'t import a')\nimport b", ["b"]),
        ("x = 'unclosed\nimport a", ["a"]),
        ('"""unclosed\nimport a', []),
        ("important = 1; reimport = 2", []),
        ("yield from a\nimport b", ["b"]),
    ],
)
def test_what_is_imported(text: str, names: list[str]) -> None:
    assert list(asked_by(text.encode()).names) == names


@pytest.mark.parametrize(
    ("text", "names", "dynamic"),
    [
        ("import_module('a.b')", ["a.b"], False),
        ("__import__(name)", [], True),
        ("import_module(f'a.{x}')", ["a.*"], False),
        ("import_module('a.' + x)", ["a.*"], False),
        ("import_module('.b', __package__)", [".b"], False),
        ("import_module('.' + x, __package__)", ["..*"], False),
    ],
)
def test_what_is_imported_by_a_text(text: str, names: list[str], dynamic: bool) -> None:
    found = asked_by(text.encode())
    assert (list(found.names), found.dynamic) == (names, dynamic)


@pytest.mark.parametrize("piece", ['"""\\', "'", '"', "from . import (", "import a,", "(", "\\", '""" """', "import "])
def test_nonsense_takes_time_in_proportion(piece: str) -> None:
    times = []
    for size in (100_000, 800_000):
        text = (piece * (size // len(piece))).encode()
        began = time.process_time()
        asked_by(text)
        times.append(time.process_time() - began)
    # Eight times as long a text; one whose time grows with the square takes 64 times as long.
    assert times[1] < 30 * max(times[0], 0.02)


def test_ten_thousand_imports_are_no_more_than_somebodys_joke() -> None:
    found = asked_by("\n".join(f"import m{number}" for number in range(10_000)).encode())
    assert len(found.names) == NAMES_MAX
    assert found.dynamic


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b"exec(open('/opt/job.txt').read())", "/opt/job.txt"),
        (b"execfile('job.py')", ""),
        (b"execfile('/opt/job.py', {})", "/opt/job.py"),
        (b"runpy.run_path('/opt/job.py', run_name='x')", "/opt/job.py"),
        (b"exec(open(os.path.join(os.path.dirname(__file__), 'job.py')).read())", "{here}/job.py"),
        (b"P = '/opt/job'\nexec(compile(open(P).read(), P, 'exec'))", "/opt/job"),
        (b"exec(code)", ""),
    ],
)
def test_files_that_are_run_as_code(text: bytes, path: str) -> None:
    found = [name for name in asked_by(text).names if name.startswith(FILE) and "/" in name]
    assert found[:1] == ([FILE + path] if path else [])
