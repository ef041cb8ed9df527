import importlib.metadata
import subprocess

import pytest

from imds_probe.collect import firmware
from imds_probe.simulator import scenarios


@pytest.mark.parametrize("packages", [scenarios.OLD_PACKAGES, scenarios.UPGRADED_PACKAGES, {}])
def test_dpkg_itself_reads_the_database(tmp_path, packages):
    scenarios.write_host(tmp_path, scenarios.OLD_PACKAGES, "i-0123456789abcdef0")
    scenarios.write_host(tmp_path, packages, "i-0123456789abcdef0")
    listing = subprocess.run(
        ["dpkg-query", f"--admindir={tmp_path}/var/lib/dpkg", "-W", "-f=${Package} ${Version} ${db:Status-Abbrev}\\n"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert sorted(listing.split("\n")[:-1]) == sorted(f"{name} {version} ii " for name, version in packages.items())


def test_the_firmware_says_ec2(tmp_path):
    scenarios.write_host(tmp_path, {}, "i-0123456789abcdef0")
    found = firmware.look(tmp_path)
    assert (found.is_ec2, found.instance_id) == (True, "i-0123456789abcdef0")


def test_pip_itself_reads_the_package(tmp_path):
    scenarios.write_python_package(tmp_path, "botocore", "1.34.162")
    (found,) = importlib.metadata.distributions(path=[str(tmp_path)])
    assert (found.metadata["Name"], found.version) == ("botocore", "1.34.162")
