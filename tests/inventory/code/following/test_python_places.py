from __future__ import annotations

import time

import pytest

from imds_probe.inventory.code.following.python_places import ADDED_MAX, ELSEWHERE, HERE, VARIABLE, WAYS_MAX, places_in

VENDOR = f"{HERE}/vendor"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('sys.path.insert(0, "/opt/lib")', ["/opt/lib"]),
        ("sys.path.append('lib')", ["lib"]),
        ('sys.path = ["/opt/a", "/opt/b"] + sys.path', ["/opt/a", "/opt/b"]),
        ('sys.path[0:0] = [\n  "/eggs/boto-2.49.0-py2.7.egg",\n  "/six.egg",\n  ]', ["/eggs/boto-2.49.0-py2.7.egg", "/six.egg"]),
        ('sys.path.insert(\n    0,  # first (of all\n    "/opt/lib",\n)', ["/opt/lib"]),
        ('sys.path += [\n "/a/b",\n]\nx = "/c/d"', ["/a/b"]),
        ('site.addsitedir("/opt/lib")', ["/opt/lib"]),
        ('sys.path.insert(0, os.path.join(os.path.dirname(__file__), "vendor"))', [VENDOR]),
        ('sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vendor"))', [f"{HERE}/../vendor"]),
        ("sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))", [f"{HERE}/.."]),
        ('sys.path.insert(0, os.path.join(__file__, "..", "vendor"))', [f"{HERE}/_/../vendor"]),
        ('sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir, "vendor"))', [f"{HERE}/../vendor"]),
        ('sys.path.append(str(Path(__file__).resolve().parent / "vendor"))', [VENDOR]),
        ('sys.path.append(str(Path(__file__).parents[1] / "vendor"))', [f"{HERE}/../vendor"]),
        ('sys.path.append(os.path.join(sys.path[0], "vendor"))', [VENDOR]),
        ('sys.path.append(os.path.join(os.path.dirname(sys.argv[0]), "vendor"))', [VENDOR]),
        ('VENDOR = os.path.join(os.path.dirname(__file__), "vendor")\nsys.path.insert(0, VENDOR)', [VENDOR]),
        ('HERE: str = os.path.dirname(__file__)\nsys.path.insert(0, os.path.join(HERE, "vendor"))', [VENDOR]),
        ('BASE = Path(__file__).parent\nsys.path.insert(0, str(BASE / "vendor"))', [VENDOR]),
        ('BASE = Path(__file__)\nsys.path.insert(0, str(BASE.parent / "vendor"))', [VENDOR]),
        ('BASE = "/opt/tool"\nsys.path.insert(0, BASE + "/vendor")', ["/opt/tool/vendor"]),
        ('BASE = "/opt/tool"\nsys.path.insert(0, f"{BASE}/vendor")', ["/opt/tool/vendor"]),
        ('DIRS = [\n  "/opt/a",\n  "/opt/b",\n]\nsys.path.extend(DIRS)', ["/opt/a", "/opt/b"]),
        ('for name in ("a", "b"):\n    sys.path.insert(0, os.path.join("/opt", name))', ["/opt/a", "/opt/b"]),
        ('if x:\n    lib = "/opt/a"\nelse:\n    lib = "/opt/b"\nsys.path.insert(0, lib)', ["/opt/a", "/opt/b"]),
        ('sys.path.insert(0, os.environ.get("APP_LIB", "/opt/lib"))', [f"{VARIABLE}APP_LIB|/opt/lib"]),
        ("sys.path.insert(0, found_somewhere())", [ELSEWHERE]),
        ("sys.path.insert(0, settings.get('a', 'libs/x'))", [ELSEWHERE]),
        ("sys.path.append(os.environ['APP_LIBS'])", [f"{VARIABLE}APP_LIBS|"]),
        ("sys.path.append(os.getenv('APP_LIBS', '/opt'))", [f"{VARIABLE}APP_LIBS|/opt"]),
        ("sys.path.insert(0, os.getcwd())", ["."]),
        ("sys.path.insert(0, '')", ["."]),
        ("sys.path.insert(0, os.path.join(os.getcwd(), 'src'))", ["./src"]),
        ("sys.path.append(str(Path.cwd() / 'src'))", ["./src"]),
        ("sys.path.append(os.path.dirname(os.getcwd()))", ["./.."]),
        ("sys.path.append(os.curdir)", ["."]),
        ('# sys.path.insert(0, "/old")', []),
        ('if "/opt/lib" not in sys.path: pass', []),
        ('if sys.path == ["/opt/lib"]: pass', []),
        ('x = x\nsys.path.insert(0, x)', [ELSEWHERE]),
        ("a = b\nb = a\nsys.path.insert(0, a)", [ELSEWHERE]),
        ("sys.path.insert(0, ", []),
    ],
)  # fmt: skip
def test_directories_that_are_added(text: str, places: list[str]) -> None:
    assert list(places_in(text.encode())) == places


def test_what_is_somebodys_joke_is_bounded() -> None:
    many = "\n".join(f'sys.path.insert(0, "/opt/{number}")' for number in range(1000))
    assert len(list(places_in(many.encode()))) == ADDED_MAX
    names = "".join(f"x{number} = y{number}, z{number}\n" * 5 for number in range(20))
    doubled = names + "a = b + b\n" * 5 + "b = a, a\n" * 5 + "sys.path.extend(a)"
    assert len(list(places_in(doubled.encode()))) <= WAYS_MAX


@pytest.mark.parametrize(
    "piece", ["sys.path.insert(0, a)\na = a, a\n", "sys.path += [", "a = (", "for a in a, ", "sys.path.append('"]
)
def test_nonsense_takes_time_in_proportion(piece: str) -> None:
    times = []
    for size in (10_000, 80_000):
        text = (piece * (size // len(piece))).encode()
        began = time.process_time()
        list(places_in(text))
        times.append(time.process_time() - began)
    assert times[1] < 30 * max(times[0], 0.02)
