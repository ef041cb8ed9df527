from __future__ import annotations

from dataclasses import replace

import pytest
from watched_calls import CURL, SEEN

from imds_probe.watch import summary as module
from imds_probe.watch.caller import gone
from imds_probe.watch.seen_call import SeenCall
from imds_probe.watch.summary import Summary


def summed(*calls: SeenCall, container: str | None = None) -> Summary:
    summary = Summary()
    for call in calls:
        summary.add(call, container)
    return summary


def test_many_processes_of_one_program_are_one_caller() -> None:
    calls = [
        replace(SEEN, at=SEEN.at + n, caller=replace(CURL, pid=n), status=401 if n % 2 else 200) for n in range(10)
    ]
    (tally,) = summed(*calls).ordered()
    assert (tally.who, tally.unit, tally.count, tally.refused) == ("/usr/bin/curl", "web.service", 10, 5)
    assert (tally.first, tally.last, tally.pids) == (SEEN.at, SEEN.at + 9, set(range(10)))


def test_version_unit_and_container_tell_callers_apart() -> None:
    summary = summed(SEEN, replace(SEEN, version="v2"), replace(SEEN, caller=replace(CURL, unit=None)))
    summary.add(SEEN, "web")
    assert len(summary.tallies) == 4
    assert dict(summary.counts) == {"v1": 3, "v2": 1}


def test_imdsv1_comes_first_then_the_most_frequent() -> None:
    other = replace(SEEN, caller=replace(CURL, exe="/usr/bin/other"))
    summary = summed(*[replace(SEEN, version="v2")] * 9, SEEN, other, other)
    assert [(each.version, each.who) for each in summary.ordered()] == [
        ("v1", "/usr/bin/other"),
        ("v1", "/usr/bin/curl"),
        ("v2", "/usr/bin/curl"),
    ]


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"caller": None}, "unknown process (10.0.0.5)"),
        ({"caller": None, "relayed": True}, "another host"),
        ({"caller": gone(9)}, "(ended)"),
    ],
)
def test_who_is_not_known_is_said_so(changes: dict[str, object], who: str) -> None:
    (tally,) = summed(replace(SEEN, **changes)).ordered()  # type: ignore[arg-type]
    assert tally.who == who


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLERS_MAX", 5)
    monkeypatch.setattr(module, "PATHS_MAX", 3)
    calls = [replace(SEEN, path=f"/{n}", caller=replace(CURL, exe=f"/{n}")) for n in range(50)]
    summary = summed(*calls, *[replace(SEEN, path=f"/{n}") for n in range(50)])
    assert len(summary.tallies) <= 6
    assert sum(each.count for each in summary.tallies.values()) == summary.counts["v1"] == 100
    assert all(len(each.paths) <= 3 for each in summary.tallies.values())


def test_containers_of_one_name_are_not_one() -> None:
    summary = Summary()
    for each in "12":
        summary.add(replace(SEEN, caller=replace(CURL, container=each * 64, unit=None)), "web")
    assert [(tally.container, tally.container_id, tally.count) for tally in summary.ordered()] == [
        ("web", "1" * 64, 1),
        ("web", "2" * 64, 1),
    ]
