from __future__ import annotations

from imds_probe.findings import Accepted, Finding
from imds_probe.rules.accepted_risks import accepted_risks, counted, why_ready


def finding(name, expires):
    terms = Accepted("why", "who", expires, "blocker", "not-ready") if expires else None
    return Finding(name, "rule", "warning", "host", f"{name} says", accepted=terms)


def test_the_first_to_expire_comes_first():
    risks = accepted_risks([finding("b", "2027-02-01"), finding("none", None), finding("a", "2027-01-31")])
    assert [each.id for each in risks] == ["a", "b"]
    assert (risks[0].summary, risks[0].reason, risks[0].owner, risks[0].implies) == (
        "a says",
        "why",
        "who",
        "not-ready",
    )
    assert counted(risks) == "2 risks accepted until 2027-01-31"
    assert counted(risks[1:]) == "1 risk accepted until 2027-02-01"
    assert why_ready(risks).startswith("2 risks are accepted until 2027-01-31, ")
