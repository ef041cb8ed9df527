from __future__ import annotations

from importlib import resources

import pytest

from imds_probe.inventory.code import version as module
from imds_probe.inventory.code.version import version


def test_it_is_another_with_other_names_and_with_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version(["a"]) == version(["a"])
    assert version(["a"]) != version(["b"])
    before = version(["a"])
    monkeypatch.setattr(module, "_text", lambda: "changed")
    assert version(["a"]) != before


def test_all_that_reads_code_is_in_it(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("forms/python.py", "words.py", "data.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    read = module._text.__wrapped__
    before = read()
    (tmp_path / "data.txt").write_text("else")
    assert read() == before
    (tmp_path / "forms/python.py").write_text("else")
    assert read() != before
