import os
from pathlib import Path

import pytest
from contexts import context

from imds_probe.collect.host import COLLECTOR
from imds_probe.collect.os_release import os_release
from imds_probe.system.rootfs import FileUnreadable


def test_os_release_below_the_root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(
        'ID="amzn"\nVERSION_ID="2"\nID_LIKE="centos rhel fedora"\nPRETTY_NAME="Amazon Linux 2"\n'
    )
    host = COLLECTOR.collect(context(tmp_path)).given[0]
    assert (host.os.id, host.os.version_id, host.os.pretty_name) == ("amzn", "2", "Amazon Linux 2")
    assert host.os.id_like == ("centos", "rhel", "fedora")
    assert host.kernel == os.uname().release


def test_a_root_without_os_release_is_not_this_host(tmp_path):
    assert COLLECTOR.collect(context(tmp_path)).given[0].os.id is None


def test_links_are_read_as_that_system_reads_them(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("ID=inside\n")
    (tmp_path / "etc/os-release").symlink_to("/usr/lib/os-release")
    assert COLLECTOR.collect(context(tmp_path)).given[0].os.id == "inside"


def test_a_fifo_does_not_block(tmp_path):
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc/os-release")
    collected = COLLECTOR.collect(context(tmp_path))
    assert "not a regular file" in collected.partial
    assert collected.given[0].kernel == os.uname().release


def test_the_running_system():
    assert COLLECTOR.collect(context(Path("/"))).given[0].os.id is not None


@pytest.mark.parametrize("content", ['ID="amzn', "NAME='", 'ID="' + "x" * 20_000])
def test_what_makes_no_sense_is_said(tmp_path, content):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(content)
    with pytest.raises(FileUnreadable, match="os-release"):
        os_release(tmp_path)


@pytest.mark.parametrize("content", [None, "NAME=x\n"])
def test_this_hosts_other_files_say_nothing_of_a_root(tmp_path, monkeypatch, content):
    own, root = tmp_path / "own", tmp_path / "root"
    own.mkdir()
    (own / "redhat-release").write_text("Red Hat Enterprise Linux release 9.1 (Plow)\n")
    monkeypatch.setattr("distro.distro._UNIXCONFDIR", str(own))
    (root / "etc").mkdir(parents=True)
    if content is not None:
        (root / "etc/os-release").write_text(content)
    assert (os_release(root).id, os_release(root).version_id) == (None, None)


def test_what_it_says_is_one_printable_line_each(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_bytes(
        b'ID="a\x1b[2J\nb"\nPRETTY_NAME="' + b"x" * 900 + b'"\nVERSION_ID="\xff"\n'
    )
    found = os_release(tmp_path)
    assert all(text.isprintable() and len(text) <= 200 for text in (found.id, found.version_id, found.pretty_name))
