"""Merging and grouping, without a system. Whole systems are in test_sdks.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.sdk_search import Seen
from imds_probe.collect.sdk_software import ENVIRONMENTS_MAX, Where, grouped, in_containers, merged, software_of
from imds_probe.collect.sdk_tasks import User
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.facts.software import SdkSoftware, SdkUse, Software
from imds_probe.inventory.containers.processes import Place
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.inventory.sdks.scan import Use

CATALOG = Catalog.load()
PATH = "/usr/lib/python3/dist-packages/botocore-1.26.27.dist-info"
USE = SdkUse(None, None, (PATH,), 1)
LIBRARY = SdkSoftware("botocore", "pypi", "botocore", "1.26.27", "dist-info", PATH, pids=(5,), sdk=USE)
PACKAGE = Software("botocore", "dpkg", "python3-botocore", "1.26.27+repack-1", "dpkg database")


def test_a_distributions_own_copy_is_its_package() -> None:
    (package,), rest = merged([PACKAGE], [LIBRARY])
    assert (package, rest) == (replace(PACKAGE, pids=(5,)), [])


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1.26.28"},
        {"version": "2.0.0dev155"},  # the copy that AWS's CLI has in Debian
        {"version": None},
        {"container": "web", "container_ids": ("idw",)},
        {"component": "boto3"},
        {"sdk": replace(USE, paths=("/usr/local/lib/python3/dist-packages/x", PATH))},
        {"sdk": replace(USE, paths=("/opt/env/lib/x",))},
    ],
)
def test_any_other_is_not(changes: dict[str, object]) -> None:
    other = replace(LIBRARY, **changes)  # type: ignore[arg-type]
    assert merged([PACKAGE], [other]) == ([PACKAGE], [other])


def test_in_a_container_it_is_that_containers_package() -> None:
    inside = replace(PACKAGE, container="web", also_in=("api",), container_ids=("idw", "ida"))
    (package,), rest = merged([inside], [replace(LIBRARY, container="api", container_ids=("ida",))])
    assert (package.pids, rest) == ((5,), [])


def test_what_runs_and_what_only_lies_there_stay_apart() -> None:
    first = replace(LIBRARY, container="a", container_ids=("ida",), sdk=replace(USE, container_ids=("ida",)))
    second = replace(first, container="b", container_ids=("idb",), pids=(), sdk=replace(USE, container_ids=("idb",)))
    running, on_disk = grouped([first, second])
    assert (running.container, running.also_in, on_disk.container) == ("a", (), "b")
    assert in_containers([running, on_disk], CATALOG) == {"ida": ("botocore 1.26.27",)}


def test_what_another_one_makes_calls_for_is_not_named_as_in_use() -> None:
    boto3 = replace(
        LIBRARY, component="boto3", container="a", container_ids=("ida",), sdk=replace(USE, container_ids=("ida",))
    )
    assert in_containers([boto3], CATALOG) == {}


def nobody(hierarchy: str, controllers: str, names: Sequence[str]) -> int | None:
    return None


def test_many_places_are_counted_and_the_first_few_kept() -> None:
    located = [Located(Library("pypi", "botocore", "1.12.0", "dist-info"), f"/srv/{n:02}\x1b") for n in range(20)]
    uses = [Use(each, (7,) if each is located[-1] else ()) for each in located]
    (entry,) = software_of(uses, Where("web", "id", None), {}, CATALOG, nobody)
    assert entry.sdk
    assert (entry.sdk.places, len(entry.sdk.paths), entry.pids) == (20, 5, (7,))
    assert entry.path == "/srv/19\\x1b"  # in use comes first
    assert (entry.sdk.users, entry.sdk.environment) == ((), None)  # it has ended


def test_the_oldest_of_the_processes_counts_where_the_age_of_each_is_known() -> None:
    use = Use(Located(Library("pypi", "botocore", "1.12.0", "dist-info"), "/srv/a"), (7, 8))
    seen = {7: Seen(None, SdkSettings(), 5.0), 8: Seen(None, SdkSettings(), 90.0)}
    where = Where(None, None, None)
    (entry,) = software_of([use], where, seen, CATALOG, nobody)
    assert entry.sdk.oldest_s == 90.0
    for others in ({7: seen[7]}, {**seen, 8: Seen(None, SdkSettings())}):
        (entry,) = software_of([use], where, others, CATALOG, nobody)
        assert entry.sdk.oldest_s is None


OF_SYSTEM = "0::/system.slice/a.service\n"
OF_USER = "0::/user.slice/user-{0}.slice/user@{0}.service/app.slice/x.scope\n"
BOTOCORE = Located(Library("pypi", "botocore", "1.12.0", "dist-info"), "/srv/a")


def told(*names: str) -> SdkSettings:
    return SdkSettings(tuple(Variable(name, "set") for name in names))


def seen_by(*who: tuple[int | None, SdkSettings]) -> dict[int, Seen]:
    """Processes of these users, by their numbers."""
    groups = (OF_SYSTEM if uid is None else OF_USER.format(uid) for uid, _ in who)
    return {
        pid: Seen(User("app", group), settings, 90.0, Place(group, 0))
        for pid, (group, (_, settings)) in enumerate(zip(groups, who, strict=True), 1)
    }


def software(seen: dict[int, Seen]) -> SdkUse:
    (entry,) = software_of([Use(BOTOCORE, tuple(seen))], Where(None, None, None), seen, CATALOG, nobody)
    assert entry.sdk is not None
    return entry.sdk


def test_what_users_processes_are_told_takes_no_room_of_roots() -> None:
    """Whatever comes first by its name, or by the number of the process."""
    most = ENVIRONMENTS_MAX[1]
    many = [(1000, told("AWS_ACCESS_KEY_ID", f"AWS_{number:03}")) for number in range(most + 2)]
    use = software(seen_by(*many, (1001, told("AWS_PROFILE")), (None, told("AWS_REGION"))))
    assert {told("AWS_REGION"), told("AWS_PROFILE")} < set(use.sdk_settings)
    assert SdkSettings() in use.sdk_settings  # stands for those that had no room
    assert len(use.sdk_settings) == most + 2
    assert [user.owner_uid for user in use.users] == [None, 1000, 1001, *[1000] * 7]
    assert use.users[0].unit == "a.service"


def test_what_has_room_is_all_that_is_said() -> None:
    use = software(seen_by((1000, told("AWS_REGION")), (None, told("AWS_REGION")), (1000, told("AWS_PROFILE"))))
    assert use.sdk_settings == (told("AWS_PROFILE"), told("AWS_REGION"))


def test_what_root_was_told_as_well_is_roots() -> None:
    shared_by_all = told("AWS_REGION")
    many = [(1000, told(f"AWS_{number:03}")) for number in range(ENVIRONMENTS_MAX[1])]
    for who in ([(None, shared_by_all), (1000, shared_by_all)], [(1000, shared_by_all), (None, shared_by_all)]):
        assert SdkSettings() not in software(seen_by(*many, *who)).sdk_settings


def test_a_service_is_as_old_as_its_first_process_and_the_last_one_counts() -> None:
    ages = {
        7: (OF_SYSTEM, 900.0),
        8: (OF_SYSTEM, 1.0),
        9: ("0::/system.slice/b.service\n", 9.0),
        10: (OF_USER.format(1000), 2.0),
    }
    seen = {pid: Seen(User("app", group), told(), age, Place(group, 0)) for pid, (group, age) in ages.items()}
    assert (software(seen).oldest_s, software(seen).newest_s) == (900.0, 9.0)
    assert software({7: seen[7], 8: seen[8]}).newest_s == 900.0


def test_workers_under_another_user_are_no_start_of_their_service() -> None:
    """As those of gunicorn and apache after a reload, whose master is root's."""

    def seen(*processes: tuple[int, int, float, int]) -> dict[int, Seen]:
        return {
            pid: Seen(User("app", OF_SYSTEM), told(), age, Place(OF_SYSTEM, uid, parent))
            for pid, uid, age, parent in processes
        }

    master, worker, last = (5, 0, 900.0, 1), (6, 33, 60.0, 5), (7, 33, 5.0, 6)
    assert software(seen(master, worker, last)).newest_s == 900.0
    assert software(seen(master, (6, 33, 60.0, 1), last)).newest_s == 60.0  # started by somebody else
    assert software(seen(worker, last)).newest_s == 60.0  # its master runs another program


def test_of_several_containers_the_oldest_counts() -> None:
    def inside(name: str, oldest_s: float | None) -> SdkSoftware:
        use = replace(USE, oldest_s=oldest_s, newest_s=oldest_s, container_ids=(name,))
        return replace(LIBRARY, container=name, container_ids=(name,), sdk=use)

    (together,) = grouped([inside("a", 5.0), inside("b", 90.0)])
    assert (together.sdk.oldest_s, together.sdk.newest_s) == (90.0, 5.0)
    (unsure,) = grouped([inside("a", 5.0), inside("b", None)])
    assert (unsure.sdk.oldest_s, unsure.sdk.newest_s) == (None, None)


def test_what_the_catalog_does_not_know_is_left_out() -> None:
    located = Located(Library("pypi", "requests", "2.0", "dist-info"), "/srv")
    assert software_of([Use(located, ())], Where(None, None, None), {}, CATALOG, nobody) == []
