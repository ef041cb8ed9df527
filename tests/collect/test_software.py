import pytest
from contexts import collected, context

from imds_probe.collect.software import COLLECTORS, packages
from imds_probe.simulator import scenarios
from imds_probe.system import process


def host(tmp_path, **packages):
    scenarios.write_host(tmp_path, packages, "i-0123456789abcdef0")
    return context(tmp_path)


def statuses(runs):
    return [(run.id, run.status) for run in runs.values()]


def test_each_manager_is_on_record_and_known_packages_are_found(tmp_path):
    given = host(tmp_path, **{"cloud-init": "18.3-6", "bash": "5.0-4"})
    runs = collected(given, COLLECTORS)
    (found,) = packages(given)
    assert (found.component, found.manager, found.package, found.version) == (
        "cloud-init",
        "dpkg",
        "cloud-init",
        "18.3-6",
    )
    assert statuses(runs) == [("dpkg", "ok"), ("rpm", "nothing"), ("apk", "nothing"), ("snap", "nothing")]


def test_one_managers_trouble_is_not_the_others(tmp_path):
    given = host(tmp_path, **{"cloud-init": "18.3-6"})
    (tmp_path / "var/lib/dpkg/status").write_bytes(b"\0\1\2")
    runs = collected(given, COLLECTORS)
    assert packages(given) == ()
    assert statuses(runs) == [("dpkg", "failed"), ("rpm", "nothing"), ("apk", "nothing"), ("snap", "nothing")]
    assert runs["dpkg"].means


@pytest.mark.parametrize("damaged", [False, True])
def test_from_a_container_without_the_hosts_tools(tmp_path, monkeypatch, damaged):
    given = host(tmp_path, **{"cloud-init": "18.3-6"})
    monkeypatch.setenv("PATH", "/nonexistent")
    if damaged:
        (tmp_path / "var/lib/dpkg/status").write_bytes(b"\0\1\2")
    runs = collected(given, COLLECTORS)
    found = [(each.manager, each.package, each.version) for each in packages(given)]
    assert found == ([] if damaged else [("dpkg", "cloud-init", "18.3-6")])
    assert runs["dpkg"].status == ("failed" if damaged else "ok")


def test_tools_of_this_host_are_not_run_on_another_root(tmp_path, monkeypatch):
    def run(*argv, **how):
        raise AssertionError(argv)

    monkeypatch.setattr(process, "run", run)
    given = host(tmp_path, **{"cloud-init": "18.3-6"})
    (tmp_path / "var/lib/rpm").mkdir()
    (tmp_path / "var/lib/rpm/Packages").write_bytes(b"garbage" * 1000)
    runs = collected(given, COLLECTORS)
    assert [each.package for each in packages(given)] == ["cloud-init"]
    assert statuses(runs)[:2] == [("dpkg", "ok"), ("rpm", "failed")]


def test_a_status_file_elsewhere_is_not_read(tmp_path):
    given = host(tmp_path / "root", **{"cloud-init": "18.3-6"})
    status = tmp_path / "root/var/lib/dpkg/status"
    status.rename(tmp_path / "status")
    status.symlink_to("../../../../status")
    collected(given, COLLECTORS)
    assert packages(given) == ()
