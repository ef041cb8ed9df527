from __future__ import annotations

import dataclasses

import pytest

from imds_probe.catalog.rows import Fault, Requirement


def test_rows_cannot_be_changed_after_the_fact() -> None:
    requirement = Requirement("1.0", "ok", "why", None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        requirement.status = "too-old"  # type: ignore[misc]


def test_rows_are_compared_by_value() -> None:
    assert Fault("1", None, "partial", "why") == Fault("1", None, "partial", "why")
    assert Fault("1", None, "partial", "why") != Fault("1", "2", "partial", "why")
