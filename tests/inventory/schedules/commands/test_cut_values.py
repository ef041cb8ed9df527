from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.cut_values import cut_by


@pytest.mark.parametrize(
    ("rest", "value", "expected"),
    [
        ("%/*", "/opt/app/x.sh", "/opt/app"),
        ("%/*", "x.sh", "x.sh"),
        ("%%.*", "x.tar.gz", "x"),
        ("%.*", "x.tar.gz", "x.tar"),
        ("%.sh", "x.sh", "x"),
        ("%/", "/opt/", "/opt"),
        ("##*/", "/opt/app/x.sh", "x.sh"),
        ("#*/", "/opt/app/x.sh", "opt/app/x.sh"),
        ("#/opt", "/opt/app", "/app"),
        ("##*/", "", ""),
    ],
)
def test_what_is_cut_off(rest: str, value: str, expected: str) -> None:
    cut = cut_by(rest)
    assert cut is not None
    assert cut.of(value) == expected


@pytest.mark.parametrize("rest", ["", "%", "##", "%[0-9]", '%"$X"', "%*", "/a/b", ":1", "^^", "%?", "#a*b"])
def test_what_is_not_known(rest: str) -> None:
    assert cut_by(rest) is None
