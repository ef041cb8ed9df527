from dataclasses import replace

import pytest
from watched_calls import CURL, SEEN


@pytest.mark.parametrize(
    ("changes", "program"),
    [
        ({}, "/usr/bin/curl"),
        ({"caller": replace(CURL, exe=None)}, "curl"),
        ({"caller": None}, "unknown"),
        ({"caller": None, "relayed": True}, "another host"),
        ({"caller": None, "relayed": True, "origin": "virtual-machine"}, "virtual machine"),
    ],
)
def test_who_called_in_a_word(changes, program):
    assert replace(SEEN, **changes).program == program


def test_where_a_call_comes_from_another_process_may_stand_for_the_caller():
    inside = replace(CURL, pid=8)
    assert replace(SEEN, inside=inside).there is CURL
    assert replace(SEEN, caller=None, inside=inside).there is inside
    assert replace(SEEN, caller=None).there is None
