from __future__ import annotations

import pytest

from imds_probe.collect.ages import Running, newest


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        ([], None),
        ([("a", 5.0)], 5.0),
        ([("a", 5.0), ("a", 90.0)], 90.0),  # a worker of a service that has run for longer
        ([("a", 90.0), ("b", 5.0)], 5.0),
        ([("a", 90.0), ("b", 5.0), ("b", 60.0), ("a", 1.0)], 60.0),
        ([("a", 90.0), ("b", None)], None),
        ([("a", 90.0), ("a", None)], None),
    ],
)
def test_a_place_is_as_old_as_its_oldest_process_and_the_newest_place_counts(
    ages: list[tuple[str, float | None]], expected: float | None
) -> None:
    assert newest(Running(place, None, age) for place, age in ages) == expected


def test_what_users_start_counts_where_nobody_else_does() -> None:
    """None of them decides what is known of a service of the system."""
    his, theirs, services = Running("a", 1000, 1.0), Running("b", 1001, 5.0), Running("c", None, 90.0)
    assert newest([his, services, theirs]) == 90.0
    assert newest([theirs, his]) == 1.0
    assert newest([his, Running("c", None, None)]) is None


def test_what_one_of_the_same_program_has_started_is_its_worker() -> None:
    """Whatever user it has become, and however it was grouped; all else counts as before."""
    master, worker = Running("a", None, 90.0, pid=5, parent=1), Running("b", None, 5.0, pid=6, parent=5)
    assert newest([master, worker]) == 90.0
    assert newest([worker]) == 5.0
    assert newest([master, worker, Running("c", None, 7.0, pid=8, parent=1)]) == 7.0
    assert newest([master, Running("b", 1000, None, pid=6, parent=5)]) == 90.0  # an age that is not needed
    assert newest([Running("a", None, 90.0), Running("b", None, 5.0)]) == 5.0  # nothing is known of who started them
