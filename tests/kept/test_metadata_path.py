from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.imds.endpoints import IPV4, IPV6
from imds_probe.kept.metadata_path import HOSTS, is_other_clouds, kept_path, kept_url


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/latest/api/token",
        "/latest/meta-data/",
        "/latest/meta-data/iam/security-credentials/",
        "/2021-07-15/dynamic/instance-identity/document",
        "/1.0/meta-data/ami-id",
        "/latest/meta-data/network/interfaces/macs/02:29:96:8f:6a:2d/subnet-id",
        "/latest/meta-data/block-device-mapping/ebs1",
        "/latest/meta-data/public-keys/0/openssh-key",
        "/latest/user-data",
    ],
)
def test_what_the_service_has(path: str) -> None:
    assert kept_path(path) == path


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/latest/meta-data/iam/security-credentials/hunter2", "/latest/meta-data/iam/security-credentials/…"),
        ("/latest/meta-data/tags/instance/hunter2", "/latest/meta-data/tags/instance/…"),
        ("/hunter2/meta-data/", "/…"),
        ("/latest/hunter2", "/latest/…"),
        ("/latest/user-data/hunter2", "/latest/user-data/…"),
        ("/latest/meta-data/?key=hunter2", "/latest/meta-data/"),
        ("/latest/meta-data#hunter2", "/latest/meta-data"),
        ("//latest//meta-data", "/latest/meta-data"),
        ("/2021-07-1five/meta-data", "/…"),
        ("/latest/meta-data/block-device-mapping/ebs123456", "/latest/meta-data/block-device-mapping/…"),
        ("", "/"),
    ],
)
def test_what_a_caller_made_up_is_left_out(path: str, kept: str) -> None:
    assert kept_path(path) == kept


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("http://169.254.169.254", "http://169.254.169.254"),
        ("http://169.254.169.254:80/latest/meta-data/", "http://169.254.169.254/latest/meta-data/"),
        ("HTTP://[fd00:ec2::254]/latest/api/token?x=hunter2", "http://[fd00:ec2::254]/latest/api/token"),
        ("169.254.169.254/latest/user-data", "169.254.169.254/latest/user-data"),
        ("http://169.254.169.254:8181/hunter2", "http://169.254.169.254:8181/…"),
        ("http://hunter2@169.254.169.254/", "http://…"),
        ("http://169.254.169.254:hunter2/", "http://…"),
        ("https://hunter2@example.com/x", "https://…"),
        ("https://example.com/?sig=hunter2", "https://…"),
        ("hunter2://x", None),
        ("hunter2", None),
        ("user:hunter2", None),
    ],
)
def test_urls(word: str, kept: str | None) -> None:
    assert kept_url(word) == kept


def test_both_addresses_of_the_service_are_known() -> None:
    assert {IPV4.address, f"[{IPV6.address}]"} <= set(HOSTS)


@given(st.text(st.sampled_from("/latest-meta.data:0123456789?#é…\n")))
def test_it_stays_as_it_is(path: str) -> None:
    assert kept_path(kept_path(path)) == kept_path(path)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/computeMetadata/v1/instance/hunter2", "/computeMetadata/v1/instance/…"),
        ("/metadata/instance?api-version=2021-02-01", "/metadata/instance"),
        ("/metadata/v1.json", None),
        ("/opc/v2/instance/", None),
        ("/openstack/latest/meta_data.json", None),
        ("/hetzner/v1/metadata", None),
        ("/digitalocean/hunter2", "/digitalocean/…"),
        ("/v1/token", None),
    ],
)
def test_paths_of_other_clouds(path: str, kept: str | None) -> None:
    assert kept_path(path) == (kept or path)
    assert is_other_clouds(path)
    assert is_other_clouds(kept_path(path))


@pytest.mark.parametrize("path", ["/", "/latest/meta-data/", "/2021-07-15/", "/hunter2", "", "latest"])
def test_paths_of_no_other_cloud(path: str) -> None:
    assert not is_other_clouds(path)
