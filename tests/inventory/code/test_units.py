from __future__ import annotations

import importlib.util
import io
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.following.known import Known
from imds_probe.inventory.code.following.loads import Load
from imds_probe.inventory.code.spoken import worse
from imds_probe.inventory.code.units import Wholes, lying, spoken, units

V1 = b"import urllib.request\nurllib.request.urlopen('http://169.254.169.254/latest/meta-data/')\n"


def known(content: bytes, path: str = "/a.py", owner: int | None = None) -> Known:
    return Known(said_by(io.BytesIO(content), path), owner_uid=owner)


def test_a_script_with_its_own_modules_each_library_and_each_shared_object() -> None:
    loads = [Load("/m.py"), Load("/own.py"), Load("/p/a.py", "/p"), Load("/p/b.py", "/p"), Load("/usr/lib/libx.so.1")]
    assert units(loads, "/m.py") == {
        "/m.py": ("/m.py", "/own.py"),
        "/p": ("/p/a.py", "/p/b.py"),
        "/usr/lib/libx.so.1": ("/usr/lib/libx.so.1",),
    }


def test_what_a_whole_says_is_shown_by_one_of_its_files() -> None:
    found = spoken("/p", {"/p/a.py": known(b"x = 1"), "/p/b.py": known(V1, "/p/b.py", 1000), "/p/c": Known(None)})
    assert found
    assert (found.root, found.path, found.line, found.speaks, found.owner_uid) == ("/p", "/p/b.py", 2, "v1", 1000)
    assert "169.254.169.254" in found.quote
    assert spoken("/p", {"/p/a.py": known(b"x = 1")}) is None


def test_two_programs_may_load_different_parts_of_a_whole() -> None:
    files = {"/p/a.py": known(b"x = 1"), "/p/b.py": known(V1, "/p/b.py"), "/p/left.py": None}
    wholes = Wholes()
    for _ in range(2):
        assert wholes.spoken("/p", ("/p/a.py", "/p/left.py"), files) is None
        asks = wholes.spoken("/p", ("/p/a.py", "/p/b.py"), files)
        assert asks is not None and asks.speaks == "v1"
    token = replace(asks, speaks="v2")
    assert worse(None, token) is token
    assert worse(token, asks) is asks and worse(asks, token) is asks


def test_what_lies_beside_what_was_loaded() -> None:
    names = ["b", "a", "c.py", "a-1.0.dist-info", "x.pth", "__pycache__"]
    assert list(lying("/site", names, ["/site/a"])) == ["/site/b", "/site/c.py"]


HERE = Path(__file__).parents[2]


def module(name: str) -> Path:
    """Where a module of Python lies, or the directory of a package."""
    found = importlib.util.find_spec(name)
    assert found is not None and found.origin is not None
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin


@pytest.mark.parametrize("place", [module("moto"), module("imds_probe.simulator"), HERE / "users_network.py"], ids=str)
def test_what_really_answers_as_the_service_asks_for_no_metadata(place: Path) -> None:
    """Where it knows tokens, it cannot be told from what asks for one."""
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    whole = spoken("/p", {str(path): known(path.read_bytes(), str(path)) for path in files})
    assert whole is not None and whole.speaks in ("mentions", "v2")


def test_what_really_asks_without_a_token_does() -> None:
    """In a program that serves as well: a share that hangs, and then a call by IMDSv1."""
    whole = spoken("/p", {"/p": known((HERE / "silent_process.py").read_bytes(), "/p/x.py")})
    assert whole is not None and whole.speaks == "v1"
