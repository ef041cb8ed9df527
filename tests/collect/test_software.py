import time

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collecting import Collecting
from imds_probe.collect.software import collect
from imds_probe.simulator import scenarios


def test_each_manager_is_on_record_and_known_packages_are_found(tmp_path):
    scenarios.write_host(tmp_path, {"cloud-init": "18.3-6", "bash": "5.0-4"}, "i-0123456789abcdef0")
    collecting = Collecting(time.monotonic() + 20, lambda message: None)
    (found,) = collect(tmp_path, Catalog.load(), collecting)
    assert (found.component, found.manager, found.package, found.version) == (
        "cloud-init",
        "dpkg",
        "cloud-init",
        "18.3-6",
    )
    assert [(run.id, run.status) for run in collecting.runs] == [
        ("dpkg", "ok"),
        ("rpm", "nothing"),
        ("apk", "nothing"),
        ("snap", "nothing"),
    ]


def test_one_managers_trouble_is_not_the_others(tmp_path):
    scenarios.write_host(tmp_path, {"cloud-init": "18.3-6"}, "i-0123456789abcdef0")
    (tmp_path / "var/lib/dpkg/status").write_bytes(b"\0\1\2")
    collecting = Collecting(time.monotonic() + 20, lambda message: None)
    assert collect(tmp_path, Catalog.load(), collecting) == ()
    assert [(run.id, run.status) for run in collecting.runs] == [
        ("dpkg", "failed"),
        ("rpm", "nothing"),
        ("apk", "nothing"),
        ("snap", "nothing"),
    ]


def test_from_a_container_without_the_hosts_tools(tmp_path, monkeypatch):
    scenarios.write_host(tmp_path, {"cloud-init": "18.3-6"}, "i-0123456789abcdef0")
    monkeypatch.setenv("PATH", "/nonexistent")
    collecting = Collecting(time.monotonic() + 20, lambda message: None)
    (found,) = collect(tmp_path, Catalog.load(), collecting)
    assert (found.manager, found.package, found.version) == ("dpkg", "cloud-init", "18.3-6")
    (tmp_path / "var/lib/dpkg/status").write_bytes(b"\0\1\2")
    again = Collecting(time.monotonic() + 20, lambda message: None)
    assert collect(tmp_path, Catalog.load(), again) == ()
    assert (again.runs[0].id, again.runs[0].status) == ("dpkg", "failed")
