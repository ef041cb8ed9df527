from __future__ import annotations

import pytest

from imds_probe.inventory.images.image_names import id_in, is_called, whole_name

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx:1", "nginx:1"),
        ("docker.io/a/b", "a/b:latest"),
        ("registry:5000/x", "registry:5000/x:latest"),
        (f"registry:5000/x:1@{DIGEST}", f"registry:5000/x@{DIGEST}"),
        (f"nginx@{DIGEST}", f"nginx@{DIGEST}"),
    ],
)
def test_whole_names(name: str, whole: str) -> None:
    assert whole_name(name) == whole == whole_name(whole)


def test_where_any_registry_will_do() -> None:
    assert is_called("localhost/x:1", "x:1", any_registry=True)
    assert is_called("quay.io/a/b:latest", "a/b", any_registry=True)
    assert not is_called("quay.io/a/b:latest", "a/b")
    assert not is_called("quay.io/a/b:latest", "gcr.io/a/b", any_registry=True)
    assert not is_called("a/b:latest", "b", any_registry=True)


def test_identities() -> None:
    assert [id_in(each) for each in ("0123456789ab", DIGEST, "0123", "x" * 12, f"x@{DIGEST}")] == [
        "0123456789ab",
        "0" * 64,
        "",
        "",
        "",
    ]
