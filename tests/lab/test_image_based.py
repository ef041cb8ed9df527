"""Hosts whose system comes as a whole: roots as Bottlerocket and Flatcar have them, without packages."""

from __future__ import annotations

import shutil

import pytest

# By the documentation of both: /usr cannot be written, os-release is a link into it, and no database of packages lies anywhere.
SYSTEMS = {
    "bottlerocket": (
        'NAME=Bottlerocket\nID=bottlerocket\nVERSION="1.26.1 (aws-ecs-2)"\nVERSION_ID=1.26.1\nVARIANT_ID=aws-ecs-2\n'
        'PRETTY_NAME="Bottlerocket OS 1.26.1 (aws-ecs-2)"\n',
        (
            "usr/share/bottlerocket/application-inventory.json",
            '{"Content": [{"Name": "ecs-agent", "Version": "1.86.3"}]}',
        ),
    ),
    "flatcar": (
        'NAME="Flatcar Container Linux by Kinvolk"\nID=flatcar\nID_LIKE=coreos\nVERSION=3815.2.0\nVERSION_ID=3815.2.0\n'
        'PRETTY_NAME="Flatcar Container Linux by Kinvolk 3815.2.0 (Oklo)"\n',
        ("usr/share/flatcar/release", "FLATCAR_RELEASE_VERSION=3815.2.0\nFLATCAR_RELEASE_BOARD=amd64-usr\n"),
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_has_no_packages_is_told_from_a_host_whose_root_was_not_named(run, service, host, name):
    release, (path, content) = SYSTEMS[name]
    shutil.rmtree(host / "var/lib/dpkg")
    for each in ("etc/os-release", "usr/lib/os-release"):
        (host / each).unlink(missing_ok=True)
    (host / "usr/lib").mkdir(parents=True, exist_ok=True)
    (host / "etc").mkdir(exist_ok=True)
    (host / "usr/lib/os-release").write_text(release)
    (host / "etc/os-release").symlink_to("../usr/lib/os-release")
    (host / path).parent.mkdir(parents=True)
    (host / path).write_text(content)
    ran = run()
    assert (ran.report["host"]["os"]["id"], ran.imds["endpoint"]) == (name, "enabled")
    managers = {
        each["id"]: each["status"] for each in ran.report["collectors"] if each["id"] in ("dpkg", "rpm", "apk", "snap")
    }
    assert set(managers.values()) == {"nothing"}
    (finding,) = [each for each in ran.report["findings"] if each["implies"] == "unknown"]
    assert finding["id"] == "no-package-manager"
    assert finding["summary"].startswith(ran.report["host"]["os"]["pretty_name"])
    assert "--root" not in str(finding["fix"])
