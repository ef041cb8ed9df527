"""The closed list of reasons."""

from __future__ import annotations

from imds_probe.inventory.code import unread


def test_each_is_listed_once_and_is_a_clause() -> None:
    said = [value for name, value in vars(unread).items() if name.isupper() and isinstance(value, str)]
    assert sorted(said) == sorted(unread.REASONS) and len(set(said)) == len(said)
    begin = ("it ", "its ", "there ", "the report ", "the host ", "imds-probe ")
    assert all(each.startswith(begin) and not each.endswith(".") for each in said)
