from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import pytest

from imds_probe.system.alone import LOCK
from imds_probe.system.state_directory import StateError
from imds_probe.watch import rehearsed
from imds_probe.watch.rehearsed import FILE, Kept, KeptCaller, LaterFormat, RecordError, add, decoded, encoded, read

NOW = 1_700_000_000.0
CALLER = KeptCaller(
    "/usr/bin/curl", "gave-up", script="/opt/a.sh", uid=0, refused=2, program_stamp="1.2.3", processes=((7, 77),)
)
KEPT = Kept("unit", "web.service", NOW, 600.0, 1, (CALLER,))


def silent(_: str) -> None:
    pytest.fail("nothing is to be said")


def test_what_is_put_on_record_is_there_for_root_alone(tmp_path):
    state = tmp_path / "state"
    assert read(state) == ()
    add(state, KEPT, silent)
    later = replace(KEPT, began=NOW + 1, restarted=True)
    add(state, later, silent)
    assert read(state) == (KEPT, later)
    assert {each.name for each in state.iterdir()} == {FILE, LOCK}
    assert (state / FILE).stat().st_mode & 0o777 == 0o600 and state.stat().st_mode & 0o777 == 0o700


def test_the_oldest_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(rehearsed, "KEPT_MAX", 3)
    for number in range(5):
        add(tmp_path, replace(KEPT, began=NOW + number), silent)
    assert [each.began - NOW for each in read(tmp_path)] == [2, 3, 4]
    monkeypatch.setattr(rehearsed, "SIZE_MAX_BYTES", len(encoded(read(tmp_path))) - 1)
    add(tmp_path, replace(KEPT, began=NOW + 5), lambda _: None)
    assert len((tmp_path / FILE).read_bytes()) <= rehearsed.SIZE_MAX_BYTES


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not what was written"),
        (b"x" * 100, "not what was written"),
        (encoded([KEPT])[:-1], "not what was written"),
        (encoded([replace(KEPT, began=-1.0)]), "not possible"),
        (encoded([replace(KEPT, hop_limit=65)]), "hop_limit"),
        (encoded([replace(KEPT, callers=(replace(CALLER, processes=((7, 77),) * 65),))]), "not possible"),
        (encoded([replace(KEPT, callers=(replace(CALLER, outcome="fine"),))]), "outcome"),
    ],
)
def test_a_damaged_record_is_named_and_set_aside(tmp_path, content, why):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(RecordError, match=why) as caught:
        read(tmp_path)
    assert f"{tmp_path / FILE} is damaged" in caught.value.problem
    said = []
    add(tmp_path, KEPT, said.append)
    assert read(tmp_path) == (KEPT,)
    (aside,) = tmp_path.glob(f"{FILE}.damaged-*")
    assert aside.read_bytes() == content
    assert f"it is kept as {aside}, and a new record is begun" in said[0]


def test_few_that_were_set_aside_are_kept(tmp_path):
    for number in range(rehearsed.ASIDE_MAX + 2):
        (tmp_path / FILE).write_bytes(b"%d" % number)
        add(tmp_path, KEPT, lambda _: None)
    assert len(list(tmp_path.glob(f"{FILE}.damaged-*"))) == rehearsed.ASIDE_MAX


def test_what_a_later_version_wrote_is_not_taken_for_damaged(tmp_path):
    payload = b'{"format": 2, "rehearsals": "in another form"}'
    content = hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload
    with pytest.raises(LaterFormat):
        decoded(content)
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(RecordError, match="its format is 2") as caught:
        read(tmp_path)
    assert "a later one" in caught.value.remedy


def test_what_others_can_write_is_not_read(tmp_path):
    add(tmp_path, KEPT, silent)
    os.chmod(tmp_path / FILE, 0o666)
    with pytest.raises(StateError, match="can be written by other users"):
        read(tmp_path)
    with pytest.raises(StateError):
        add(tmp_path, KEPT, silent)
    assert decoded((tmp_path / FILE).read_bytes()) == (KEPT,)


def test_where_it_cannot_be_written_that_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((RecordError, StateError)):
        add(tmp_path / "file" / "state", KEPT, silent)
