from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a history may be begun."""
    return tmp_path / "history.db"
