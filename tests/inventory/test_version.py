from __future__ import annotations

from importlib import resources

import pytest

from imds_probe.inventory import version as module
from imds_probe.inventory.version import version


def test_it_is_another_with_other_names_and_with_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    code, sdks = "imds_probe.inventory.code", "imds_probe.inventory.sdks"
    assert version(code, ["a"]) == version(code, ["a"])
    assert version(code, ["a"]) != version(code, ["b"])
    assert version(code, ["a"]) != version(sdks, ["a"])
    before = version(code, ["a"])
    monkeypatch.setattr(module, "_text", lambda package: f"changed {package}")
    assert version(code, ["a"]) != before


def test_all_code_of_the_package_is_in_it(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("forms/python.py", "words.py", "data.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    read = module._text.__wrapped__
    before = read("it")
    (tmp_path / "data.txt").write_text("else")
    assert read("it") == before
    (tmp_path / "forms/python.py").write_text("else")
    assert read("it") != before
