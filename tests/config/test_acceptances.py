"""Entries [[accept]]: what each says, and that a wrong one is named by file, line, key and remedy while the others count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imds_probe.config import loading
from imds_probe.config.acceptances import ENTRIES_MAX, AcceptConfig
from imds_probe.config.lines import lines_of_tables
from imds_probe.errors import UsageError
from imds_probe.facts.acceptances import Acceptance, UnusableAcceptance

RIGHT = {
    "finding": '"imdsv1-caller"',
    "subject": '"backup.service"',
    "reason": '"the job ends in March"',
    "owner": '"team-storage"',
    "expires": "2027-01-31",
}
EVERY, LAST, AS_TEXT = '"*"', '"last"', '"2027-02-01"'


def entry(**changes: str | None) -> str:
    keys = {key: value for key, value in (RIGHT | changes).items() if value is not None}
    return "[[accept]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def read(path: Path) -> tuple[Acceptance | UnusableAcceptance, ...]:
    return loading.load(loading.read(path), (AcceptConfig,)).settings.of(AcceptConfig).entries


def written(directory: Path, text: str) -> Path:
    path = directory / "a.toml"
    path.write_text(text)
    return path


def test_an_entry_says_what_who_why_and_until_when(tmp_path: Path) -> None:
    path = written(tmp_path, f"# ours\n{entry()}\n{entry(subject=EVERY, expires=AS_TEXT)}")
    assert read(path) == (
        Acceptance(
            "imdsv1-caller", "backup.service", "the job ends in March", "team-storage", "2027-01-31", f"{path}:2"
        ),
        Acceptance("imdsv1-caller", "*", "the job ends in March", "team-storage", "2027-02-01", f"{path}:9"),
    )


def test_the_entries_of_all_files_add_up(tmp_path: Path) -> None:
    path = written(tmp_path, entry())
    drop_ins = tmp_path / "a.d"
    drop_ins.mkdir()
    (drop_ins / "10-b.toml").write_text(entry(subject='"other"'))
    loaded = loading.load(loading.read(path), (AcceptConfig,))
    assert [each.subject for each in loaded.settings.of(AcceptConfig).entries] == ["backup.service", "other"]
    value = loaded.values["accept"]
    assert [each["subject"] for each in value.raw] == ["backup.service", "other"]
    assert value.origin == f"{path}:1, {drop_ins}/10-b.toml:1"


def test_an_array_of_inline_tables_says_the_same_and_is_told_by_its_number(tmp_path: Path) -> None:
    inline = ", ".join(f"{key} = {value}" for key, value in RIGHT.items())
    first, second = read(written(tmp_path, f"accept = [\n  {{ {inline} }},\n  {{ reason = 1 }},\n]\n"))
    assert (first.origin, second.origin) == (f"{tmp_path}/a.toml:1, entry 1", f"{tmp_path}/a.toml:1, entry 2")


@pytest.mark.parametrize(
    ("changes", "key", "line", "trouble"),
    [
        *(({key: None}, key, 7, "is missing") for key in RIGHT),
        ({"expires": "2027-01-31T00:00:00Z"}, "expires", 12, "is not a day"),
        ({"expires": '"31.1.2027"'}, "expires", 12, "is not a day"),
        ({"expires": '"2027-02-31"'}, "expires", 12, "is not a day"),
        ({"expires": "20270131"}, "expires", 12, "is not a day"),
        ({"expires": '""'}, "expires", 12, "is not a day"),
        ({"finding": '"IMDSv1 Caller"'}, "finding", 8, "is not the id of a finding"),
        ({"finding": "7"}, "finding", 8, "is not one line of text of at most 500 characters"),
        ({"subject": '""'}, "subject", 9, "is not one line of text of at most 500 characters"),
        ({"subject": '["a"]'}, "subject", 9, "is not one line of text of at most 500 characters"),
        ({"reason": '"  "'}, "reason", 10, "is not one line of text of at most 500 characters"),
        ({"reason": '"a\\nb"'}, "reason", 10, "is not one line of text of at most 500 characters"),
        ({"reason": f'"{"x" * 501}"'}, "reason", 10, "is not one line of text of at most 500 characters"),
        ({"owner": '"\\u001b[2J"'}, "owner", 11, "is not one line of text of at most 500 characters"),
        ({"until": "2027-01-31"}, "until", 13, "is no key of an accepted risk"),
    ],
)
def test_a_wrong_entry_is_named_and_the_others_count(
    tmp_path: Path, changes, key: str, line: int, trouble: str
) -> None:
    path = written(tmp_path, f"{entry()}{entry(**changes)}{entry(subject=LAST)}")
    first, wrong, last = read(path)
    assert (first.subject, last.subject) == ("backup.service", "last")
    assert (wrong.origin, wrong.key, wrong.trouble) == (f"{path}:{line}", key, trouble)
    assert wrong.remedy.endswith(".")
    assert key in wrong.remedy or key in ("finding", "until")


def test_what_is_no_table_is_named_too(tmp_path: Path) -> None:
    (wrong,) = read(written(tmp_path, "accept = ['backup.service']\n"))
    assert (wrong.key, wrong.trouble) == ("", "the entry is no table")


@pytest.mark.parametrize("text", ["accept = true\n", "[accept]\nfinding = 'x'\n", "accept = '*'\n"])
def test_what_is_no_list_of_tables_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"a\.toml:1: accept must be tables"):
        read(written(tmp_path, text))


def test_there_are_as_many_as_somebody_can_read(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, entry() * ENTRIES_MAX))) == ENTRIES_MAX
    with pytest.raises(UsageError, match="has more than 500 entries"):
        read(written(tmp_path, entry() * (ENTRIES_MAX + 1)))


def test_a_header_within_a_text_is_none() -> None:
    assert lines_of_tables("[[accept]]\n[[ accept ]] # ours\n", "accept", 2) == (1, 2)
    assert lines_of_tables("x = '''\n[[accept]]\n'''\n[[accept]]\n", "accept", 1) == ()


def by_another(path: Path) -> None:
    os.chown(path, 1000, -1)


def of_a_group(path: Path) -> None:
    os.chown(path, -1, 1000)
    path.chmod(0o664)


@pytest.mark.parametrize("named", ["a.toml", "."])
@pytest.mark.parametrize("given", [by_another, of_a_group, lambda path: path.chmod(0o777)])
def test_what_somebody_else_may_have_written_accepts_nothing(tmp_path: Path, named: str, given) -> None:
    own = tmp_path / "own"
    own.mkdir()
    path = written(own, entry())
    given(own / named)
    (refused,) = read(path)
    assert isinstance(refused, UnusableAcceptance)
    assert str(own) in refused.trouble
    assert refused.remedy.startswith("Inspect the entries, ")


def test_a_sticky_directory_lets_nobody_replace_the_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (accepted,) = read(written(tmp_path, entry()))
    assert isinstance(accepted, Acceptance)


def test_where_a_link_leads_counts_too(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    target = written(theirs, entry())
    by_another(theirs)
    link = tmp_path / "link.toml"
    link.symlink_to(target)
    (refused,) = read(link)
    assert isinstance(refused, UnusableAcceptance)
