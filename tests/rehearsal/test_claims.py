"""One rehearsal at a time for one target."""

from __future__ import annotations

import pytest

from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.claims import Claims


def test_the_second_is_refused_until_the_first_gives_it_back(tmp_path):
    first, second = Claims(), Claims()
    first.take("web.service", tmp_path)
    first.take("web.service", tmp_path)
    with pytest.raises(CannotRehearse, match=r"another rehearsal of web\.service is running"):
        second.take("web.service", tmp_path)
    first.give_back()
    second.take("web.service", tmp_path)
    second.give_back()


def test_what_is_gone_is_nobodys(tmp_path):
    claims = Claims()
    claims.take("web.service", tmp_path / "gone")
    assert claims._held == {}
