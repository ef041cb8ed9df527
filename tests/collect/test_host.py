import os
from pathlib import Path

import pytest
from contexts import context

from imds_probe.collect.host import COLLECTOR
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
    with pytest.raises(FileUnreadable, match="not a regular file"):
        COLLECTOR.collect(context(tmp_path)).given[0]


def test_the_running_system():
    assert COLLECTOR.collect(context(Path("/"))).given[0].os.id is not None
