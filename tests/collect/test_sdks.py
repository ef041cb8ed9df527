"""Systems as /proc shows them: here a made-up /proc with links to roots that the test wrote."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import pytest
from contexts import context, reader
from sdk_systems import SITE, System, container, record
from small_roots import made

from imds_probe.collect import sdk_disks, sdk_reading, sdks
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.collect.sdk_tasks import ROOTS, Processes
from imds_probe.collect.sdks import SearchOptions
from imds_probe.facts.host import OsRelease
from imds_probe.facts.sdk_settings import Profile, SdkSettings, Variable
from imds_probe.facts.software import SdkSearch, Software
from imds_probe.inventory.containers.processes import age_s
from imds_probe.reading import reader as readers
from imds_probe.reading.reader import Reader
from imds_probe.system import pressure
from imds_probe.system.give_way import NICE

DPKG = Software("botocore", "dpkg", "python3-botocore", "1.26.27+repack-1", "dpkg database", os=None)


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_a_service_without_a_home_has_the_profile_of_its_account(system: System) -> None:
    record(system.root, "botocore", "1.12.0")
    keys = "[default]\naws_access_key_id = a\naws_secret_access_key = hunter2\n"
    for path, content in (("etc/passwd", "root:x:0:0::/root:/bin/sh\n"), ("root/.aws/credentials", keys)):
        (system.root / path).parent.mkdir(parents=True, exist_ok=True)
        (system.root / path).write_text(content)
    system.process(5, system.root, env="AWS_REGION=x\0")
    (system.proc / "5/status").write_text("Name:\tx\nUid:\t0\t0\t0\t0\n")
    system.process(6, system.root, env="HOME=/nobody\0")
    (entry,) = system.look(5, 6).software
    assert entry.sdk
    assert [each.profile for each in entry.sdk.sdk_settings] == [Profile("none", "none"), Profile("keys", "none")]
    assert "hunter2" not in repr(entry)


def test_right_process_right_unit_right_path(system: System) -> None:
    record(system.root, "botocore", "1.12.0")
    system.process(5, system.root, cgroup="/system.slice/web.service", env="AWS_REGION=x\0SECRET=y\0")
    system.process(6, system.root)
    for pid in (5, 6):
        (system.proc / str(pid) / "stat").write_text(Path("/proc/self/stat").read_text())
    before = age_s(Path("/proc"), os.getpid())
    (entry,) = system.look(5, 6).software
    after = age_s(Path("/proc"), os.getpid())
    assert (entry.component, entry.version, entry.pids) == ("botocore", "1.12.0", (5, 6))
    assert entry.path == f"/{SITE}/botocore-1.12.0.dist-info"
    use = entry.sdk
    assert use
    assert [(user.pid, user.comm, user.unit) for user in use.users] == [
        (5, "python3", "web.service"),
        (6, "python3", None),
    ]
    assert use.environment == ((), ("AWS_REGION",))
    assert use.sdk_settings == (SdkSettings(), SdkSettings((Variable("AWS_REGION", "set"),)))
    assert (use.places, use.container_ids) == (1, ())
    assert before is not None
    assert use.oldest_s is not None
    assert after is not None
    assert before <= use.oldest_s <= after


def test_what_the_package_manager_knows_stays_its_own_and_gets_the_processes(system: System) -> None:
    """It knows its patches; a copy of another version, or one that pip put elsewhere, is another matter."""
    record(system.root, "botocore", "1.26.27")
    record(system.root, "botocore", "1.12.0", "usr/local/lib/python3/dist-packages")
    system.process(5, system.root)
    package, library = system.look(5, installed=[DPKG]).software
    assert (package.package, package.pids, package.sdk) == ("python3-botocore", (5,), None)
    assert (library.version, library.pids) == ("1.12.0", (5,))


def test_the_same_in_many_containers_is_one_entry(system: System) -> None:
    containers = []
    for pid in range(10, 16):
        root = system.image(f"image{pid % 2}-{pid}")
        record(root, "botocore", "1.12.0" if pid % 2 else "1.34.0")
        system.process(pid, root)
        containers.append(container(None if pid == 11 else f"app{pid}", pid))
    found = system.look(containers=containers)
    old, new = sorted(found.software, key=lambda entry: entry.version or "")
    assert (old.container, old.also_in, old.pids) == (f"{11:064x}"[:12], ("app13", "app15"), (11, 13, 15))
    assert old.sdk
    assert (old.sdk.places, old.sdk.container_ids) == (3, tuple(f"{pid:064x}" for pid in (11, 13, 15)))
    assert (new.container, new.pids) == ("app10", (10, 12, 14))
    assert found.in_containers[f"{10:064x}"] == ("botocore 1.34.0",)


def test_two_containers_of_the_same_name_are_kept_apart_by_id(system: System) -> None:
    for pid, version in ((20, "1.12.0"), (21, "1.34.0")):
        root = system.image(f"image{pid}")
        record(root, "botocore", version)
        system.process(pid, root)
    found = system.look(containers=[container("app", 20), container("app", 21)])
    assert found.in_containers == {f"{20:064x}": ("botocore 1.12.0",), f"{21:064x}": ("botocore 1.34.0",)}


def test_a_container_that_holds_a_pods_network_is_not_looked_at(system: System) -> None:
    root = system.image("pause")
    record(root, "botocore", "1.12.0")
    system.process(30, root)
    assert system.look(containers=[container("POD", 30, sandbox=True)]).software == ()


def test_the_containers_own_distribution_is_kept(system: System) -> None:
    root = system.image("ubuntu")
    record(root, "botocore", "1.12.0")
    system.process(30, root)
    ubuntu = OsRelease("ubuntu", "22.04", None)
    there = Software(
        "cloud-init",
        "dpkg",
        "cloud-init",
        "22",
        "dpkg database",
        container="web",
        os=ubuntu,
        container_ids=(f"{30:064x}",),
    )
    (_, entry) = system.look(containers=[container("web", 30)], installed=[there]).software
    assert entry.os == ubuntu


def test_a_process_with_a_root_of_its_own_is_a_system_of_its_own(system: System) -> None:
    elsewhere = system.image("chroot")
    record(elsewhere, "botocore", "1.12.0")
    record(system.root, "botocore", "1.34.0")
    system.process(5, system.root)
    system.process(6, elsewhere, exe=f"{elsewhere}/usr/bin/python3")
    found = {entry.version: entry.pids for entry in system.look(5, 6).software}
    assert found == {"1.34.0": (5,), "1.12.0": (6,)}


def test_modules_of_one_sdk_in_one_place_are_judged_by_the_one_that_asks(system: System) -> None:
    for name, version in (
        ("@smithy/credential-provider-imds", "4.0.1"),
        ("@aws-sdk/credential-providers", "3.900.0"),
    ):
        at = system.root / "srv/app/node_modules" / name
        at.mkdir(parents=True)
        (at / "package.json").write_text(f'{{"name": "{name}", "version": "{version}"}}')
    (entry,) = system.look().software
    assert (entry.package, entry.version, entry.pids) == ("@smithy/credential-provider-imds", "4.0.1", ())


def test_a_search_is_cut_short_by_its_budget_and_says_so(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_disks, "DISK_ENTRIES", 5)
    for number in range(20):
        (system.root / f"srv/{number}").mkdir(parents=True)
    other = system.image("web")
    system.process(9, other)
    found = system.look(containers=[container("web", 9)])
    assert found.left_out == (
        "only a part of the disk was searched for SDKs: the file limit was reached",
        "web: the disk was not searched for SDKs: the file limit was reached",
    )
    assert found.unseen == ()
    assert found.partial == "; ".join(found.left_out)
    assert system.look(request=SearchOptions(deep=())).left_out == ()


def test_further_directories_are_searched_as_asked(system: System) -> None:
    record(system.root, "botocore", "1.12.0", "elsewhere/lib/python3.9/site-packages")
    assert system.look().software == ()
    (entry,) = system.look(request=SearchOptions(deep=("/elsewhere",))).software
    assert entry.path == "/elsewhere/lib/python3.9/site-packages/botocore-1.12.0.dist-info"


def test_a_container_that_ends_meanwhile_is_named_and_leaves_nothing_open(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = system.image("build")
    record(image, "botocore", "1.12.0")
    system.process(5, image)
    monkeypatch.setattr(sdks, "is_there", lambda proc, container: container is None)
    found = system.look(containers=[container("build", 5)])
    assert (found.software, found.unseen) == ((), ())
    assert found.troubles == ("build ended while it was inspected",)


def test_without_time_left_it_is_said_what_was_not_seen(system: System) -> None:
    system.process(5, system.root)
    found = system.look(5, deadline_s=-1)
    assert found.software == ()
    assert found.unseen == (
        "the root directories of processes could not be read: the reading took longer than allowed",
        "the host and the systems after it were not inspected: the run's time limit came first",
    )


def test_what_hides_is_counted(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    system.process(5, system.root)
    system.process(6, system.root)
    monkeypatch.setattr(sdk_reading, "look", refuse)
    with Reader(READING, memory_mib=READING_MIB) as refused:  # forked now
        found = system.look(5, 6, by=refused)
    assert found.unseen[0].startswith("2 processes could not be inspected")


def test_the_probe_itself_does_not_count(system: System) -> None:
    record(system.root, "botocore", "1.12.0", "opt/x/lib/python3/site-packages")
    system.process(os.getpid(), system.root)
    assert [entry.pids for entry in system.look(os.getpid()).software] == [()]


def test_no_disk_is_searched_on_a_host_in_need(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is looked at all the same."""
    record(system.root, "botocore", "1.12.0")
    record(system.root, "boto3", "1.9.0", site="opt/app/site-packages")
    system.process(5, system.root)
    inside = system.image("inside")
    record(inside, "boto3", "1.9.1", site="opt/app/site-packages")
    web = container("web", system.process(6, inside, exe="/usr/bin/web"))
    all_of_it = system.look(5, containers=[web])
    assert {each.version for each in all_of_it.software} == {"1.12.0", "1.9.0", "1.9.1"}
    monkeypatch.setattr(pressure, "need", lambda written: f"no room in {written[0]}")
    found = system.look(5, containers=[web], request=SearchOptions(written=(Path("/state"),)))
    assert [each.version for each in found.software] == ["1.12.0"]
    assert found.left_out == (
        "the disk was not searched for SDKs: no room in /state",
        "web: the disk was not searched for SDKs: no room in /state",
    )
    assert "the disk was not searched" in found.partial


def test_disks_are_searched_by_ones_who_give_way(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def priorities() -> list[int]:
        workers = (reader()._parser, reader()._opener)
        return [os.getpriority(os.PRIO_PROCESS, worker.pid) for worker in workers if worker]

    own = os.getpriority(os.PRIO_PROCESS, 0)
    monkeypatch.setattr(readers, "LITTLE_S", 0.0)
    system.look()
    assert priorities() == [max(own, NICE)] * 2
    reader().ask(ROOTS, Processes(str(system.proc), ()), [system.proc], time.monotonic() + 60)
    assert priorities() == [own] * 2


@pytest.mark.parametrize("image", [False, True])
def test_an_unreadable_list_of_processes_is_not_taken_for_an_empty_one(tmp_path: Path, image: bool) -> None:
    collected = sdks.COLLECTOR.collect(context(tmp_path, image=image))
    assert collected.nothing == "no AWS SDKs were found"
    (search,) = [each for each in collected.given if isinstance(each, SdkSearch)]
    assert [each.startswith("no processes are visible below") for each in search.sdks_unseen] == [True] * (not image)
    assert bool(collected.partial) is not image


@pytest.mark.parametrize(("settings", "version"), [("home=/srv/venv\n", "1.12.0"), ("", "1.40.0")])
def test_a_library_in_a_server_with_python_inside_is_the_one_of_its_environment(
    system: System, settings: str, version: str
) -> None:
    """And not the system's own, which an environment hides."""
    record(system.root, "botocore", "1.12.0", "srv/venv/lib/python3.11/site-packages")
    record(system.root, "botocore", "1.40.0")
    for path, content in {
        "srv/venv/pyvenv.cfg": "home = /usr/bin\n",
        "e/a.ini": f"[uwsgi]\n{settings}module=a\n",
    }.items():
        (system.root / path).parent.mkdir(parents=True, exist_ok=True)
        (system.root / path).write_text(content)
    maps = "".join(
        f"7f00-7f01 r-xp 00000000 08:01 1 /usr/lib/x86_64-linux-gnu/{name}\n"
        for name in ("libpython3.11.so.1.0", "libssl.so.3")
    )
    system.process(5, system.root, exe="/usr/bin/uwsgi-core", argv=["uwsgi", "--ini", "/e/a.ini"], maps=maps)
    assert [each.version for each in system.look(5).software if each.pids] == [version]


@pytest.mark.parametrize(
    ("place", "used"),
    [
        ("var/www/html/wp-content/plugins/offload/vendor/Aws3/Aws", True),
        ("var/www/html/wp-content/plugins/offload/lib/Aws", True),
        ("var/www/html/sites/all/libraries/awssdk3/Aws", True),
        ("var/www/html/libraries/aws-sdk-php/src", True),
        ("srv/www/htdocs/lib/Aws3/Aws", True),
        ("data/shop/modules/contrib/s3/vendor/aws-sdk-php/src", True),
        ("home/ana/old/vendor/Aws3/Aws", False),
        ("data/other/lib/Aws3/Aws", False),
    ],
)
def test_a_copy_of_the_sdk_for_php_is_in_use_where_a_server_serves_it(
    system: System, place: str, *, used: bool
) -> None:
    sdk = "<?php\nnamespace Own\\Aws3\\Aws;\n\nclass Sdk\n{\n    const VERSION = '3.60.0';\n"
    for path, content in {f"{place}/Sdk.php": sdk, "etc/nginx/conf.d/a.conf": "root /data/shop;\n"}.items():
        (system.root / path).parent.mkdir(parents=True, exist_ok=True)
        (system.root / path).write_text(content)
    maps = "7f00-7f01 r-xp 00000000 08:01 1 /usr/lib/php/20190902/curl.so\n"
    system.process(5, system.root, exe="/usr/sbin/php-fpm7.4", argv=["php-fpm: pool www"], maps=maps)
    assert [each.version for each in system.look(5).software if each.pids] == (["3.60.0"] if used else [])


def test_properties_of_a_jvm_count_as_the_variables_that_they_stand_for(system: System) -> None:
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/maven/com.amazonaws/aws-java-sdk-core/pom.properties", "version=1.12.262\n")
    made(system.root, {"/usr/bin/java": "", "/app/sdk.jar": jar.getvalue()})
    options = ["-Dcom.amazonaws.sdk.disableEc2Metadata=true", "-Daws.accessKeyId=hunter2", "-Daws.secretKey=hunter2"]
    java = "/usr/bin/java"
    system.process(5, system.root, exe=java, argv=[java, *options, "-cp", "/app/sdk.jar", "Main"])
    system.process(6, system.root, exe=java, argv=[java, "-cp", "/app/sdk.jar", "Main", *options])
    (entry,) = system.look(5, 6).software
    assert entry.sdk
    assert entry.sdk.environment == (
        (),
        ("AWS_ACCESS_KEY_ID", "AWS_EC2_METADATA_DISABLED", "AWS_SECRET_ACCESS_KEY"),
    )
    assert "hunter2" not in repr(entry)
