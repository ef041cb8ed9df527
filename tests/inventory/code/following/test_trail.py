from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.languages import LANGUAGES
from imds_probe.inventory.code.following.loads import Loads
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.following.trail import Trail, Trails, key_of
from imds_probe.inventory.sdks.start import Start

SITE = "/usr/local/lib/python3.11/site-packages"
AFTER_NS = time.time_ns() + 10**12


@pytest.fixture
def root(tmp_path: Path) -> Root:
    files = {"/usr/bin/python3.11": "", "/usr/lib/python3.11/os.py": "", f"{SITE}/a/__init__.py": "import b"}
    return Root(tmp_path).put({**files, f"{SITE}/b.py": "", f"{SITE}/x.pth": "/more\n", "/opt/m.py": "import a\n"})


def followed(root: Root, kept: dict[str, Trail], before_ns: int | None = AFTER_NS) -> tuple[Loads, Trails]:
    ground = Ground(root.path, kept={}, before_ns=before_ns)
    trails = Trails(ground, kept)
    start = start_of(["python3.11", "/opt/m.py"], ground)
    assert start
    return Following(ground, LANGUAGES, (), trails).follow(start), trails


def test_nothing_is_read_again_where_all_is_the_same(root: Root) -> None:
    loads, trails = followed(root, {})
    ground = Ground(root.path, before_ns=AFTER_NS)
    again = Trails(ground, trails.learnt)
    ((key, _),) = trails.learnt.items()
    assert again.loads(key, lambda: pytest.fail("it was followed again")) == loads
    assert again.learnt == trails.learnt


@pytest.mark.parametrize(
    "change",
    [
        lambda at: at(f"{SITE}/a/__init__.py").write_text("import c"),
        lambda at: at(f"{SITE}/c.py").write_text(""),
        lambda at: at(f"{SITE}/b").mkdir(),
        lambda at: at("/opt/a.py").write_text("hides the other one"),
        lambda at: at(f"{SITE}/x.pth").write_text("/other\n"),
        lambda at: at(f"{SITE}/b.py").unlink(),
        lambda at: at("/opt/m.py").chmod(0o666),
        lambda at: os.chown(at(f"{SITE}/b.py"), 1000, -1),
    ],
)
def test_whatever_it_depended_on_has_changed(root: Root, change: Callable[[Callable[[str], Path]], object]) -> None:
    _, trails = followed(root, {})
    change(lambda path: root.path / path.lstrip("/"))
    _, again = followed(root, trails.learnt)
    assert again.learnt != trails.learnt


def test_links_on_the_way_count(root: Root) -> None:
    root.put({"/releases/1/m.py": "import a", "/releases/2/m.py": ""})
    (root.path / "current").symlink_to("releases/1")
    ground = Ground(root.path, before_ns=AFTER_NS)
    trails = Trails(ground)
    start = start_of(["python3.11", "/current/m.py"], ground)
    assert start
    first = Following(ground, LANGUAGES, (), trails).follow(start)
    assert first.script == "/releases/1/m.py"
    (root.path / "current").unlink()
    (root.path / "current").symlink_to("releases/2")
    later = Following(ground := Ground(root.path, before_ns=AFTER_NS), LANGUAGES, (), Trails(ground, trails.learnt))
    assert later.follow(start).script == "/releases/2/m.py"


def test_what_was_looked_up_before_counts_for_the_next_program_too(root: Root) -> None:
    root.put({"/d/a.so": "", "/f": "x"})
    ground = Ground(root.path, before_ns=AFTER_NS)
    for _ in range(2):
        ground.trail = set()
        assert (ground.small("/f"), ground.small("/gone"), dict(ground.stems("/d", ".so"))) == (
            b"x",
            b"",
            {"a": "a.so"},
        )
        assert ground.regular(["/d/a.so", "/d/b.so"]) == ["/d/a.so"]
        assert ground.trail == {"/", "/d", "/f", "/d/a.so", "/d/b.so"}
    kept = Trails(ground)
    kept.loads("key", lambda: (ground.small("/f"), Loads(()))[1])
    ground.trail = set()
    Trails(ground, kept.learnt).loads("key", lambda: pytest.fail("it is remembered"))
    assert ground.trail == {"/", "/f"}


def test_what_is_not_kept(root: Root) -> None:
    """Code that was an argument, what was cut short, what has just changed, and where nothing is to be kept."""
    assert followed(root, {}, before_ns=None)[1].learnt == {}
    assert followed(root, {}, before_ns=0)[1].learnt == {}
    trails = Trails(Ground(root.path, before_ns=AFTER_NS))
    for words in (["-c", "import a"], ["renamed"]):
        start = Start("/usr/bin/python3.11", "/", ("python3.11", *words), {}, frozenset(), root.path)
        Following(trails.ground, LANGUAGES, (), trails).follow(start)
    assert trails.learnt == {}


def test_a_key_tells_apart_what_is_started_differently_and_shows_nothing() -> None:
    def key(*arguments: str, directory: str = "/", **environment: str) -> str:
        return key_of(Start("/x", directory, arguments, environment, frozenset(), Path("/")))

    keys = {key("a", "b"), key("ab"), key("a", b=""), key("a", B="c"), key("a", directory="/y"), key()}
    assert len(keys) == 6
    assert "secret" not in key("--password=secret")
