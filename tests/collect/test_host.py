import os
from pathlib import Path

from imds_probe.collect.host import collect


def test_os_release_below_the_root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(
        'ID="amzn"\nVERSION_ID="2"\nID_LIKE="centos rhel fedora"\nPRETTY_NAME="Amazon Linux 2"\n'
    )
    host = collect(tmp_path)
    assert (host.os.id, host.os.version_id, host.os.pretty_name) == ("amzn", "2", "Amazon Linux 2")
    assert host.os.id_like == ("centos", "rhel", "fedora")
    assert host.kernel == os.uname().release


def test_a_root_without_os_release_is_not_this_host(tmp_path):
    assert collect(tmp_path).os.id is None


def test_the_running_system():
    assert collect(Path("/")).os.id is not None
