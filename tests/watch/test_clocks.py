import pytest

from imds_probe.watch import clocks


def test_the_two_clocks_are_held_against_each_other_when_nothing_came_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second without a CPU between two looks is no second between the clocks."""
    monotonic, wall = iter([0, 2 * 10**9, 3 * 10**9, 3 * 10**9 + 400, 4 * 10**9, 5 * 10**9]), iter([501, 503, 504])
    monkeypatch.setattr(clocks.time, "monotonic_ns", lambda: next(monotonic))
    monkeypatch.setattr(clocks.time, "time_ns", lambda: next(wall) * 10**9)
    assert clocks.epoch_s() == pytest.approx(500.0, abs=1e-6)
