from dataclasses import replace

import pytest
from judged_containers import LIKELY, UNLIKELY, ids, judged
from observed import changed, container, report_of, with_containers
from rules.test_relays import LOWERS

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.containers import RULE


@pytest.mark.parametrize(("environment", "implied"), [(LIKELY, "not-ready"), ((), "unknown"), (UNLIKELY, None)])
def test_a_token_that_should_arrive_and_does_not(environment, implied):
    (finding,) = judged(container("web", 1, "lost", 2, environment=environment), container("b", 1, "ok", 2), limit=2)
    assert (finding.id, finding.implies) == ("token-filtered", implied)
    assert "the hop limit suffices for 1 container, but the token response does not arrive: web" in finding.summary


def test_a_token_that_should_not_arrive_and_does():
    (finding,) = judged(container("web", 2, "ok", 1, environment=UNLIKELY))
    assert (finding.id, finding.severity, finding.implies) == ("token-beyond-hop-limit", "warning", None)


@pytest.mark.parametrize(
    ("environment", "status", "implied"),
    [
        (LIKELY, 403, "not-ready"),
        (LIKELY, 200, "unknown"),
        ((), 403, "unknown"),
        ((), 200, "unknown"),
        (UNLIKELY, 403, None),
        (UNLIKELY, 200, None),
    ],
)
def test_a_proxy(environment, status, implied):
    proxied = container("web", None, "answered-by-proxy", environment=environment)
    proxied = replace(proxied, reach=(replace(proxied.reach[0], status=status),))
    assert ids(proxied) == {("answered-by-proxy", implied)}


@pytest.mark.parametrize(
    ("hops", "limit", "implied", "switch"),
    [
        (1, 2, "needs-hop-limit", 3),
        (1, 1, "needs-hop-limit", 3),
        (1, 3, "not-ready", None),
        (2, 3, "not-ready", None),
        (2, 1, "not-ready", None),
    ],
)
def test_where_a_rule_lowers_ttls_the_limit_allows_for_that(hops, limit, implied, switch):
    """Up to a hop limit that needs no explanation; where it has to be higher, somebody shall look at the rule."""
    web = container("web", hops, "lost", limit, environment=LIKELY)
    facts = changed(with_containers(web, limit=limit), obstacles=(LOWERS,))
    (finding,) = (each for each in RULE.judge(facts, Catalog(())))
    assert (finding.id, finding.implies) == ("hop-limit-too-low" if switch else "token-filtered", implied)
    if switch:
        assert f"at hop limit {limit}; hop limit {switch} suffices" in finding.summary
        assert any("--ttl-dec 1" in line for line in finding.evidence)
        assert report_of(facts).verdict.switch.http_put_response_hop_limit == switch
    else:
        assert "A higher hop limit does not help" not in finding.fix.text
        assert any("--ttl-dec 1" in line for line in finding.evidence)


@pytest.mark.parametrize(
    ("obstacles", "switch"),
    [
        ((LOWERS, replace(LOWERS, family="ipv6")), 3),  # a packet is of one family
        ((replace(LOWERS, family="ipv6"),), 2),
        ((replace(LOWERS, family="both"),), 3),
        ((LOWERS, LOWERS), 1),
        ((replace(LOWERS, target="-3"),), 1),
    ],
)
def test_rules_count_for_packets_of_their_own_family(obstacles, switch):
    facts = changed(with_containers(container("web", 1, "lost", environment=LIKELY)), obstacles=obstacles)
    (finding,) = RULE.judge(facts, Catalog(()))
    verdict = report_of(facts).verdict
    assert verdict.switch.http_put_response_hop_limit == switch
    if (
        switch == 1
    ):  # a hop limit above 3 would be needed: the rule has to go, and no number is named that does not help
        assert (finding.id, finding.implies, verdict.state) == ("token-filtered", "not-ready", "not-ready")
        assert finding.fix.text == "Remove the rule that lowers TTLs, and run imds-probe again."
        assert "the hop limit suffices" not in finding.summary
