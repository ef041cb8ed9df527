"""What compiler.py leaves out of byte code, and what it does not."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"
MODULE = b'''\
"""Of the module."""
"A second one, which is not to take its place."
from __future__ import annotations
import dataclasses

def documented(value):
    """Of the function."""
    assert value, "no value"
    return "text that is returned"

async def nothing_else():
    """Of one that does nothing."""

def extended(kind):
    """Of one that only adds to a documentation that there is, as email's does."""
    if kind.__doc__ and kind.__doc__.startswith("+"):
        kind.__doc__ = kind.__bases__[0].__doc__.rstrip() + kind.__doc__
    return kind

class Base:
    """Of the base."""

@extended
class Kind(Base):
    """+Of the class."""

    def method(self):
        "Of the method."
        "Another."

        return f"{documented(None)}"

@dataclasses.dataclass
class Record:
    """Of the dataclass."""

    value: int = 0
'''


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(PACKAGING))
    made = ModuleType("made")
    monkeypatch.setitem(sys.modules, "made", made)  # where dataclasses look
    tree = importlib.import_module("compiler").without_documentation(MODULE, "/made.py")
    exec(compile(tree, "/made.py", "exec", dont_inherit=True), vars(made))
    return made


def test_documentation_is_left_out(module):
    assert module.__doc__ is None
    for each in ("documented", "nothing_else", "Kind"):
        assert getattr(module, each).__doc__ is None
    assert module.Kind.method.__doc__ is None


def test_a_dataclass_need_not_work_its_own_out(module):
    assert module.Record.__doc__ == "Of the dataclass."


def test_what_runs_is_the_same_and_in_the_same_lines(module):
    assert module.documented(1) == "text that is returned"
    with pytest.raises(AssertionError, match="no value") as caught:
        module.Kind().method()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [(frame.name, frame.lineno) for frame in frames[-2:]] == [("method", 31), ("documented", 8)]
