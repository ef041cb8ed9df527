from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from watched_calls import APP, CURL, NOW
from watched_calls import OF_ROLE as SEEN

from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S


def test_containers_of_one_name_are_not_one(path: Path) -> None:
    calls = [(replace(SEEN, caller=replace(CURL, container=each * 64)), "web") for each in "12"]
    with History(path) as history:
        history.record(calls, NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert sorted(each.container_id for each in found) == ["1" * 64, "2" * 64]


def test_users_who_run_a_program_of_one_path_are_not_one(path: Path) -> None:
    calls = [(replace(SEEN, caller=replace(CURL, uid=uid, on_host=not uid)), None) for uid in (0, 4242, None)]
    with History(path) as history:
        history.record(calls, NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert {(each.program, each.uid, each.on_host, each.count) for each in found} == {
        ("/usr/bin/curl", 0, True, 1),
        ("/usr/bin/curl", 4242, False, 1),
        ("/usr/bin/curl", None, True, 1),
    }


def test_a_path_that_anybody_may_have_mounted_is_not_that_program(path: Path) -> None:
    own = replace(CURL, exe_by_anybody=True)
    with History(path) as history:
        history.record([(SEEN, None), (replace(SEEN, caller=own), None)], NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert [(each.program, each.exe) for each in found] == [
        ("/usr/bin/curl", "/usr/bin/curl"),
        ("/usr/bin/curl (not verified)", "/usr/bin/curl"),
    ]


def test_scripts_that_ask_by_one_program_are_not_one_nor_is_what_falls_back_one_with_what_does_not(path: Path) -> None:
    calls = [
        (replace(SEEN, caller=replace(APP, script=script), token=token), None)
        for script, token in (("/a", "lost"), ("/a", "none"), ("/b", "none"), (None, "none"))
    ]
    inline = [(replace(SEEN, path=each, caller=CURL), None) for each in ("/latest/user-data", "/latest/meta-data/mac")]
    with History(path) as history:
        history.record([*calls, *inline], NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert {(each.script, each.token) for each in found} == {
        *(("/a", "lost"), ("/a", "none"), ("/b", "none"), (None, "none")),
        ("a command line that requests /latest/user-data", None),
        ("a command line that requests /latest/meta-data/mac", None),
    }


def test_of_whom_no_process_is_known_each_address_is_another(path: Path) -> None:
    unknown = replace(SEEN, caller=None)
    inside = replace(CURL, container="1" * 64)
    calls = [(replace(unknown, client=each), None) for each in ("10.0.0.5", "10.0.0.6")]
    with History(path) as history:
        history.record([*calls, (replace(unknown, inside=inside), "web")], NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert {(each.program, each.client, each.container) for each in found} == {
        ("unknown", "10.0.0.5", None),
        ("unknown", "10.0.0.6", None),
        ("unknown", None, "web"),
    }


def test_a_request_for_no_content_is_of_its_own_kind(path: Path) -> None:
    with History(path) as history:
        history.record([(replace(SEEN, method="HEAD", path="/"), None)], NOW - 60, NOW)
        assert [each.path_class for each in history.evidence(NOW, DAY).by] == ["head"]


def test_text_that_utf_8_cannot_encode_is_kept_as_text(path: Path) -> None:
    """From a name of bytes or somebody's JSON."""
    odd = replace(SEEN, user_agent="\ud800", path="/\udcff", caller=replace(CURL, exe="/bin/\udcff", command="\udcff"))
    with History(path) as history:
        history.record([(odd, "web\ud800")], NOW - 60, NOW)
        (found,) = history.evidence(NOW, DAY).by
    assert (found.program, found.container) == ("/bin/\\udcff", "web\\ud800")
    assert repr(found).encode()
