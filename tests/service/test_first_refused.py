from __future__ import annotations

from dataclasses import replace

from watched_calls import CURL, SEEN

from imds_probe.service import first_refused
from imds_probe.service.first_refused import OF_ONE_MAX, FirstRefused


def is_new(first: FirstRefused, program: str, **caller: object) -> bool:
    return first.is_new(replace(SEEN, status=401, caller=replace(CURL, **caller)), (program, None, None))


def test_a_caller_is_new_once():
    first = FirstRefused()
    assert [is_new(first, "/opt/pay") for _ in range(2)] == [True, False]
    assert is_new(first, "/opt/pay", uid=1000)


def test_a_user_of_many_names_keeps_no_other_from_being_noticed(monkeypatch):
    first = FirstRefused()
    assert sum(is_new(first, f"/tmp/{number}", uid=1000) for number in range(9 * OF_ONE_MAX)) == OF_ONE_MAX
    assert sum(is_new(first, f"/tmp/{number}", container="c" * 64) for number in range(60)) == OF_ONE_MAX
    assert is_new(first, "/opt/pay")
    monkeypatch.setattr(first_refused, "HOLDERS_MAX", 3)
    assert not is_new(first, "/opt/pay", uid=1001)
