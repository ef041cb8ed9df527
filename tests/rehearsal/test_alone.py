"""Whether somebody else is in a container's network namespace, in a made-up /proc."""

from __future__ import annotations

import os

import pytest

from imds_probe.rehearsal import alone
from imds_probe.rehearsal.alone import ByNetwork
from imds_probe.rehearsal.asking import CannotRehearse

ID, PAUSE = "ab12" * 16, "cd34" * 16


@pytest.fixture
def container(tmp_path, monkeypatch):
    """One that is in a network namespace with what holds it; how to have a process, and the container."""
    monkeypatch.setattr(alone, "EVERY_S", 0.0)
    monkeypatch.setattr(alone, "PAUSE_S", 0.0)

    def process(pid, group, network="net:[2]"):
        (tmp_path / f"{pid}/ns").mkdir(parents=True)
        (tmp_path / f"{pid}/ns/net").symlink_to(network)
        (tmp_path / f"{pid}/cgroup").write_text(f"4:pids:{group}\n")
        (tmp_path / f"{pid}/comm").write_text("nginx\n")
        (tmp_path / f"{pid}/exe").symlink_to("/usr/sbin/nginx")

    process(5, "/system.slice/ssh.service", "net:[1]")
    process(7, f"/docker/{ID}/inner")
    process(8, f"/docker/{PAUSE}")
    group = tmp_path / "group"
    group.mkdir()
    (group / "cgroup.procs").write_text("7\n")
    return process, ByNetwork("web", group, lambda: tmp_path / "7/ns/net", (ID, PAUSE), tmp_path)


def test_its_own_processes_and_what_holds_the_namespace_are_no_others(container):
    _, told = container
    assert told.shared_with() == "" and told.group().whole and told.hierarchy is None
    for _ in range(3):
        told.keep()
    assert told.give_back() == []


def test_who_shares_it_is_named(container):
    process, told = container
    process(9, "/docker/" + "ef56" * 16)
    assert told.shared_with() == "nginx (process 9)"


def test_who_comes_meanwhile_ends_it_and_who_only_looks_in_does_not(container, tmp_path):
    process, told = container
    process(9, "/")
    told.keep()
    os.rename(tmp_path / "9", tmp_path / "gone")
    told.keep()
    os.rename(tmp_path / "gone", tmp_path / "10")
    told.keep()
    with pytest.raises(CannotRehearse, match=r"nginx \(process 10\) shares the network namespace of web now"):
        told.keep()


def test_while_nothing_of_it_is_there_nobody_shares_it(container, tmp_path):
    _, told = container
    (told.directory / "cgroup.procs").write_text("")
    assert told.group() is None
    (tmp_path / "7/ns/net").unlink()
    assert told.shared_with() == ""
    (told.directory / "cgroup.procs").unlink()
    told.directory.rmdir()
    assert told.group() is None and told.members() == []
