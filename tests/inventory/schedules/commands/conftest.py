from pathlib import Path

import pytest
from followed_commands import EXECUTABLE, PROGRAMS
from small_roots import made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The small system."""
    return made(tmp_path, PROGRAMS, executable=EXECUTABLE)
