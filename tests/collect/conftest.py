from __future__ import annotations

import pytest
from patience import be_patient


@pytest.fixture(autouse=True)
def machine_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)
