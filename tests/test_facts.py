from observed import FACTS


def test_a_collector_is_found_by_its_id():
    assert FACTS.collector("rpm").status == "ok"
    assert FACTS.collector("snap") is None
