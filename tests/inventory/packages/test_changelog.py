from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_roots import made

from imds_probe.inventory.packages import changelog
from imds_probe.inventory.packages.changelog import of_debian, of_rpm
from imds_probe.inventory.packages.wanted import Mention

ADDED = """cloud-init (18.5-21-g8ee294d5-0ubuntu1) bionic; urgency=medium

  * New upstream snapshot.
    - ec2: Add support for AWS IMDS v2 (session-oriented)
      [Somebody]
    - doc: fix a typing error

 -- Somebody <somebody@example.org>  Tue, 10 Dec 2019 10:00:00 -0700

cloud-init (18.2-14-g6d48d265-0ubuntu1) bionic; urgency=medium

  * Initial release.

 -- Somebody <somebody@example.org>  Tue, 10 Apr 2018 10:00:00 -0700
"""
PATH = "/usr/share/doc/cloud-init/changelog.Debian.gz"


def debian(root: Path, text: str, installed: str = "20.1-1", name: str = "changelog.Debian.gz") -> Mention | None:
    content = gzip.compress(text.encode()) if name.endswith(".gz") else text
    return of_debian(made(root, {f"usr/share/doc/cloud-init/{name}": content}), "cloud-init", installed)


def entry(*items: str, version: str = "1.0-1") -> str:
    listed = "".join(f"  * {item}\n" for item in items)
    return f"cloud-init ({version}) unstable; urgency=low\n\n{listed}\n -- A <a@example.org>  Tue, 10 Dec 2019 10:00:00 +0000\n\n"


def test_an_entry_that_adds_support_is_found_with_its_version(tmp_path: Path) -> None:
    assert debian(tmp_path, ADDED) == Mention(PATH, "18.5-21-g8ee294d5-0ubuntu1", "imds v2")


def test_an_entry_above_what_is_installed_is_not_its(tmp_path: Path) -> None:
    assert debian(tmp_path, ADDED, "18.2-14-g6d48d265-0ubuntu1") is None
    assert debian(tmp_path, ADDED, "18.5-21-g8ee294d5-0ubuntu1") is not None


def test_what_a_user_has_put_there_says_nothing(tmp_path: Path) -> None:
    assert debian(tmp_path, ADDED) is not None
    os.chown(tmp_path / PATH[1:], 1000, 1000)
    assert of_debian(tmp_path, "cloud-init", "20.1-1") is None


@pytest.mark.parametrize("name", ["changelog.Debian", "changelog.gz", "changelog"])
def test_a_changelog_may_have_other_names(tmp_path: Path, name: str) -> None:
    found = debian(tmp_path, ADDED, name=name)
    assert found is not None and found.place == f"/usr/share/doc/cloud-init/{name}"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("Add support for IMDSv2", "imdsv2"),
        ("ec2metadata: use IMDSv2 (LP: #1)", "imdsv2"),
        ("patch: ci-ec2-Add-support-for-AWS-IMDS-v2-session-oriented-55.patch", "imds v2"),
        ("Implement Instance Metadata Service Version 2", "instance metadata service version 2"),
        ("Use a session token\n    for EC2 metadata", "session token"),
        ("enable token-based requests of the instance metadata", "token based"),
    ],
)
def test_words_of_a_claim(tmp_path: Path, item: str, words: str) -> None:
    found = debian(tmp_path, entry("Other things", item, "More"))
    assert found is not None and (found.version, found.words) == ("1.0-1", words)


@pytest.mark.parametrize(
    "item",
    [
        "Add support for a session token of the web interface",
        "Document how to use IMDSv2",
        "Add tests for IMDSv2",
        "IMDSv2 is not supported yet",
        "Warn about IMDSv2",
        "Add support for the metadata of Azure",
        "Fix a crash",
    ],
)
def test_what_claims_nothing(tmp_path: Path, item: str) -> None:
    assert debian(tmp_path, entry(item)) is None


def test_what_was_taken_back_is_no_support(tmp_path: Path) -> None:
    added, taken = entry("Add support for IMDSv2"), entry("Revert support for IMDSv2", version="1.0-2")
    assert debian(tmp_path, taken + added) is None
    again = entry("Add support for IMDSv2 again", version="1.0-3")
    assert debian(tmp_path / "again", again + taken + added) is not None


def test_words_of_two_items_are_not_put_together(tmp_path: Path) -> None:
    assert debian(tmp_path, entry("Mention IMDSv2", "Add support for Python 3")) is None


def test_what_unpacks_to_too_much_or_is_damaged_is_read_as_far_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog, "UNPACKED_MAX_BYTES", 1000)
    long = entry("Add support for IMDSv2") + entry("Other things", version="0.9-1") * 10_000
    assert debian(tmp_path, long) is not None
    assert debian(tmp_path / "behind", entry("Other things") * 100 + entry("Add support for IMDSv2")) is None
    packed = gzip.compress(long.encode())
    broken = made(tmp_path / "broken", {PATH: packed[:10] + b"\xff" * 100})
    assert of_debian(broken, "cloud-init", "1.0-1") is None
    monkeypatch.setattr(changelog, "LIMIT_BYTES", 10)
    assert of_debian(tmp_path, "cloud-init", "1.0-1") is None


def test_of_rpm() -> None:
    entries = [
        (b"A <a@example.org> - 18.5-6.el7_8.5", b"- Other things"),
        (
            b"A <a@example.org> - 18.5-6.el7_8.4",
            b"- Other\n- ci-ec2-Add-support-for-AWS-IMDS-v2.patch [bz#1]\n  [bz#2]",
        ),
    ]
    assert of_rpm(entries, "18.5-6.el7_8.5") == Mention("the rpm database", "18.5-6.el7_8.4", "imds v2")
    assert of_rpm(entries, "18.5-6.el7_8.3") is None
    # The changelog is this package's: an entry of no version is of it as well.
    assert of_rpm([(b"A <a@example.org>", b"- Use IMDSv2")], "1-1") == Mention("the rpm database", "", "imdsv2")


@given(st.binary(max_size=2000), st.binary(max_size=300))
def test_any_bytes_say_something_or_nothing(content: bytes, by: bytes) -> None:
    list(changelog._items(content))
    of_rpm([(by, content)], "1-1")
    changelog._unpacked(b"\x1f\x8b" + content)


def test_lines_without_end_are_no_item_without_end(tmp_path: Path) -> None:
    """As long as it takes to sum up what is there for each line, and the next, this would not end while anybody waits."""
    head = "cloud-init (1.0-1) unstable; urgency=low\n\n  * Add support for IMDSv2\n"
    assert debian(tmp_path, head + "a\n" * 1_900_000) == Mention(PATH, "1.0-1", "imdsv2")
    entries = [(b"A <a@example.org> - 1.0-1", b"- Use IMDSv2" + b"\n" * 100_000)] * 20
    assert of_rpm([(b"B - 1.1-1", b"\n" * 100_000), *entries], "1.0-1") == Mention(
        "the rpm database", "1.0-1", "imdsv2"
    )
