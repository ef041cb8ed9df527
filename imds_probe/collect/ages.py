"""For how long that has run which was started last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable

from imds_probe.collect.dues import longest, shortest
from imds_probe.dataclass import dataclass


@dataclass(frozen=True)
class Running:
    """A process: the place that it runs in, a control group and a user; on which unprivileged user's own account, None for root and
    services of the system; and for how long, None where that is not known. `parent` is the number of who started it.
    """

    place: Hashable = None
    owner_uid: int | None = None
    age_s: float | None = None
    pid: int | None = None
    parent: int | None = None


def newest(processes: Iterable[Running]) -> float | None:
    """Of the oldest process in each place the least age: a service is as old as its first process, whatever workers it has started
    since, under whatever user, and the age of one service says nothing of another. What users start does not count beside what is
    root's. None where there is none, or an age is not known.
    """
    all_of_them = [*processes]
    pids = {each.pid for each in all_of_them if each.pid is not None}
    known = [each for each in all_of_them if each.parent not in pids]
    counted = [each for each in known if each.owner_uid is None] or known
    places: defaultdict[Hashable, list[float | None]] = defaultdict(list)
    for each in counted:
        places[each.place].append(each.age_s)
    return shortest(map(longest, places.values()))
