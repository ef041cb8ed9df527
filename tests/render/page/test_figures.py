from golden_reports import golden_report
from observed import report_of
from reports_made import UNTRIED

from imds_probe.render.page.bounds import LONG, SHORT
from imds_probe.render.page.figures import figures


def shown(name):
    (part,) = figures(golden_report(name), LONG)
    (block,) = part.blocks
    return {name: (value, tone) for name, value, tone in block.figures}


def test_what_is_wrong_is_seen_at_once():
    found = shown("not-ready-much")
    assert found["Confidence"] == ("high", "good")
    assert found["Hop limit"] == ("1, 2 needed", "care")
    assert found["Calls by IMDSv1"] == ("3 in 14 d", "bad")
    assert found["Containers"] == ("4, 2 without a token", "care")
    assert found["Tokens"] == ("optional", "plain")


def test_a_hop_limit_that_nobody_has_measured_is_to_be_tried():
    (part,) = figures(report_of(UNTRIED), LONG)
    (block,) = part.blocks
    assert ("Hop limit", "1, 2 to try", "care") in block.figures


def test_what_is_not_known_is_no_good_sign():
    found = shown("unknown")
    assert found["Confidence"] == ("low", "care")
    assert (found["Tokens"], found["Hop limit"]) == (("not known", "care"), ("not known", "care"))
    assert found["Calls by IMDSv1"] == ("nobody watched", "unknown")
    assert "Containers" not in found
    assert "Tokens" not in shown("unknown-elsewhere")


def test_a_short_page_has_none():
    assert list(figures(golden_report("ready"), SHORT)) == []
