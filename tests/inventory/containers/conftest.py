"""A /proc of files and links."""

import pytest
from inventory_trees import ProcTree


@pytest.fixture
def tree(tmp_path):
    """An empty /proc that has process 1 only."""
    made = ProcTree(tmp_path / "proc")
    made.add(1, "0::/init.scope\n", comm="systemd", ppid=0)
    (made.path / "self").mkdir()
    (made.path / "meminfo").write_text("MemTotal: 1 kB\n")
    return made
