from __future__ import annotations

from imds_probe.inventory.code.forms.serving import _SERVER, _SERVER_WORDS


def test_whatever_a_server_is_known_by_has_one_of_the_words_that_are_looked_for_first() -> None:
    ways = [way.replace(r"\b", "").replace("\\", "") for way in _SERVER.pattern.split("|")]
    assert len(ways) > 20
    assert [way for way in ways if not any(word in way for word in _SERVER_WORDS)] == []
