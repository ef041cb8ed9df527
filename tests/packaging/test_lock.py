"""What packages are made from is named by its checksum, and nothing else is taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"


@pytest.fixture(autouse=True)
def modules(monkeypatch, tmp_path):
    """Those of the build, with a cache of their own."""
    monkeypatch.syspath_prepend(str(PACKAGING))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def names(lines):
    return {re.split(r"[=~<> ]", each)[0].lower().replace("-", "_") for each in lines}


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_lock_file_names_all_that_is_needed(name):
    import downloads
    import lock
    import wheel_index
    from architectures import ARCHITECTURES

    (architecture,) = (each for each in ARCHITECTURES if each.name == name)
    named = lock.read(architecture)
    assert {each.partition("=")[0] for each in named.packages()} == set(downloads.DEBIAN_PACKAGES)
    needed = names(wheel_index.requirements(PACKAGING.parent / "setup.cfg"))
    assert needed <= names(named.distributions()), "run `make lock`"
    assert all(each.endswith(f"_{architecture.debian}.deb") for each in named.debs)
    assert not [
        each for each in named.wheels if re.search(r"linux.*_(x86_64|aarch64)\.whl$", each) and name not in each
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", each) for each in named.distributions())


def test_versions_are_as_apt_and_pip_write_them(tmp_path):
    import lock
    from architectures import ARCHITECTURES

    (tmp_path / "lock").write_text(
        lock.text(
            (each, kind, name, digit * 64)
            for each in ARCHITECTURES
            for kind, name, digit in (
                ("debs", "zlib1g_1%3a1.3.1-1_amd64.deb", "a"),
                ("wheels", "six-1.17.0-py2.py3-none-any.whl", "b"),
            )
        )
    )
    named = lock.read(ARCHITECTURES[0], tmp_path / "lock")
    assert named.packages() == ["zlib1g=1:1.3.1-1"]
    assert named.distributions() == [f"six==1.17.0 --hash=sha256:{'b' * 64}"]
    assert len((tmp_path / "lock").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file"),
        ("", "names nothing for x86_64"),
        ("0123  x86_64/debs/a_1_amd64.deb\n", "lock:1 is no line of a lock file"),
        (f"{'0' * 64}  x86_64/debs/../a_1_amd64.deb\n", "lock:1 is no line of a lock file"),
    ],
)
def test_what_is_no_lock_file_is_said_with_what_to_do(tmp_path, text, said):
    import lock
    from architectures import ARCHITECTURES
    from build_error import BuildError

    if text is not None:
        (tmp_path / "lock").write_text(text)
    with pytest.raises(BuildError, match=said) as raised:
        lock.read(ARCHITECTURES[0], tmp_path / "lock")
    assert "Run `make lock`" in str(raised.value)


@pytest.mark.parametrize("change", ["other content", "one more", "one less"])
def test_a_file_that_is_not_named_makes_no_package(monkeypatch, tmp_path, change):
    import downloads
    import lock
    from architectures import ARCHITECTURES
    from build_error import BuildError

    architecture = ARCHITECTURES[0]
    monkeypatch.setattr(lock, "FILE", tmp_path / "lock")
    monkeypatch.setattr(downloads, "DEBIAN_PACKAGES", ("libc6",))
    files = {"debs/libc6_2.41_amd64.deb": b"deb", "wheels/six-1.17.0-py3-none-any.whl": b"wheel"}
    files["wheels/jmespath-1.1.0-py3-none-any.whl"] = b"another"
    place = tmp_path / "files"
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    lines = [(architecture, *name.split("/"), downloads.sha256(place / name)) for name in files]
    lock.FILE.write_text(lock.text(lines))
    here = downloads.place(architecture, ["six"], locked=True)
    here.parent.mkdir(parents=True)
    place.rename(here)
    assert len(downloads.fetched(architecture, ["six"], locked=True).wheels) == 2
    if change == "other content":
        (here / "wheels/six-1.17.0-py3-none-any.whl").write_bytes(b"forged")
    elif change == "one more":
        (here / "wheels/more-1.0-py3-none-any.whl").write_bytes(b"")
    else:
        (here / "wheels/jmespath-1.1.0-py3-none-any.whl").unlink()
    with pytest.raises(BuildError, match=r"lock does not name what was fetched: \w+-[\w.-]+\.whl\. Run `make lock`"):
        downloads.fetched(architecture, ["six"], locked=True)
    # For what is not released, nothing is held to it.
    assert downloads.place(architecture, ["six"], locked=False) != here
