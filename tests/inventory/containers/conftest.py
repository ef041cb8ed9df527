"""A /proc of files and links, and a real Docker daemon."""

import pytest
from docker_engine import docker_engine  # noqa: F401 - a fixture; pytest finds it by its name
from inventory_trees import ProcTree


@pytest.fixture
def tree(tmp_path):
    """An empty /proc that has process 1 only."""
    made = ProcTree(tmp_path / "proc")
    made.add(1, "0::/init.scope\n", comm="systemd", ppid=0)
    (made.path / "self").mkdir()
    (made.path / "meminfo").write_text("MemTotal: 1 kB\n")
    return made
