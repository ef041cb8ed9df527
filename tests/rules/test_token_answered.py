from dataclasses import replace

import pytest
from fallen_back import PLAIN, WEB, cause


@pytest.mark.parametrize(
    ("changes", "said", "fix"),
    [
        ({"token": "forbidden"}, "is refused (403)", "answers 403 if"),
        ({"token": "forbidden", "forwarded": True}, "a proxy that adds X-Forwarded-For", "NO_PROXY"),
        ({"token": "not-found"}, "the server that answers does not speak IMDSv2", "answers as the metadata service"),
        ({"token": "other"}, "answered with an error", "Check the method"),
    ],
)
def test_each_answer_that_is_no_token_has_a_cause_of_its_own(changes, said, fix):
    found = cause(replace(PLAIN, **changes), containers=(replace(WEB, reach=()),))
    assert said in found.why
    assert fix in found.fix.text
    assert found.needs_hop_limit is None
