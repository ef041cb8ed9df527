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


def test_the_host_overlaps_all_of_its_parts():
    one, other, whole = Claims(), Claims(), Claims()
    one.take_host(whole=False)
    other.take_host(whole=False)
    with pytest.raises(CannotRehearse, match="another rehearsal is running on this host"):
        whole.take_host(whole=True)
    one.give_back()
    other.give_back()
    whole.take_host(whole=True)
    with pytest.raises(CannotRehearse, match="a rehearsal of this host is running"):
        one.take_host(whole=False)
    with pytest.raises(CannotRehearse, match="another rehearsal is running"):
        other.take_host(whole=True)
    whole.give_back()
