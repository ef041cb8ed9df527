from dataclasses import replace

import pytest
from observed import FACTS, changed, container, with_containers, with_imds

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.rules.obstacles import RULE
from imds_probe.rules.rule import NothingToJudge
from imds_probe.watch.evidence import callers_of

RULE_IN_NAT = PathObstacle(
    namespace="host",
    kind="redirect",
    family="ipv4",
    where="iptables nat PREROUTING",
    quote="-A PREROUTING -d 169.254.169.254/32 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8181",
    target="10.0.0.1:8181",
    certain=True,
    scope="in via docker0",
    applies_to="prerouting",
)
PROXY = replace(RULE_IN_NAT, kind="proxy", where="process 12", quote="kube2iam (pid 12), listening on port 8181")
LOOKED = changed(FACTS, collectors=(CollectorRun("obstacles", "ok", 1.0),))


def judged(*obstacles):
    return RULE.judge(changed(LOOKED, obstacles=obstacles), Catalog(()))


def test_nothing_in_the_way():
    assert judged() == []


@pytest.mark.parametrize("facts", [changed(FACTS, imds=None), changed(with_imds(), collectors=())])
def test_not_looked_at(facts):
    assert isinstance(RULE.judge(facts, Catalog(())), NothingToJudge)


def test_the_rule_is_quoted():
    (finding,) = judged(RULE_IN_NAT)
    assert (finding.id, finding.severity, finding.implies) == ("metadata-redirected", "warning", None)
    assert finding.summary == (
        "a rule on the host redirects metadata requests to 10.0.0.1:8181 (in via docker0): iptables nat PREROUTING"
    )
    assert finding.evidence == (RULE_IN_NAT.quote,)


def test_what_a_sidecar_does_with_requests_to_its_pod_concerns_none_of_the_pods_own():
    inbound = replace(RULE_IN_NAT, namespace="shop", container_id="c" * 64, target=":15006", scope=None)
    (finding,) = judged(inbound)
    assert (finding.severity, finding.fix) == ("info", None)
    assert finding.summary == (
        "a rule in shop redirects metadata requests that arrive there from elsewhere to :15006: iptables nat PREROUTING"
    )
    (outbound,) = judged(replace(inbound, applies_to="output"))
    assert (outbound.severity, "from elsewhere" in outbound.summary) == ("warning", False)


@pytest.mark.parametrize(("target", "words"), [("64", "to 64"), ("+1", "by +1"), ("-1", "by -1")])
def test_what_becomes_of_ttls_is_said(target, words):
    (finding,) = judged(replace(RULE_IN_NAT, kind="ttl-change", target=target))
    assert f"a rule on the host changes the TTL of packets from the metadata service {words} (" in finding.summary
    assert (finding.severity, finding.implies) == ("warning", None)


@pytest.mark.parametrize(
    ("kind", "finding_id"),
    [
        ("redirect", "metadata-redirected"),
        ("drop", "metadata-blocked"),
        ("reject", "metadata-blocked"),
        ("ttl-filter", "metadata-blocked"),
        ("ttl-change", "metadata-ttl-changed"),
        ("route", "metadata-blocked"),
        ("local-address", "metadata-blocked"),
        ("setting", "metadata-setting"),
    ],
)
def test_every_kind_has_its_words(kind, finding_id):
    (certain,) = judged(replace(RULE_IN_NAT, kind=kind))
    (open_,) = judged(replace(RULE_IN_NAT, kind=kind, certain=False))
    assert (certain.id, certain.severity, open_.severity) == (finding_id, "warning", "info")
    assert " on the host may " in open_.summary
    assert certain.fix is not None
    assert open_.fix is None


@pytest.mark.parametrize(("kind", "severity"), [("drop", "info"), ("route", "info"), ("redirect", "warning")])
def test_what_keeps_one_container_away_is_mostly_meant(kind, severity):
    (finding,) = judged(replace(RULE_IN_NAT, kind=kind, namespace="web"))
    assert finding.severity == severity
    assert " in web " in finding.summary


BY_USER = replace(RULE_IN_NAT, scope="uid 1000", applies_to="output", spares_root=True)
WATCHED = callers_of((), window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until=None)


@pytest.mark.parametrize("namespace", ["host", "web"])
def test_where_other_users_are_sent_was_not_tested(namespace):
    (finding,) = judged(replace(BY_USER, namespace=namespace))
    assert (finding.id, finding.severity, finding.implies) == ("metadata-redirect-untested", "warning", "unknown")
    assert finding.summary.endswith(
        "(uid 1000), and it is not known whether they receive a token: iptables nat PREROUTING"
    )
    assert finding.evidence[0] == BY_USER.quote
    assert finding.settled_by


@pytest.mark.parametrize(
    "rule",
    [
        replace(BY_USER, spares_root=False),  # what was tried met it
        replace(BY_USER, certain=False),
        replace(BY_USER, kind="drop"),  # who is kept away loses nothing
    ],
)
def test_a_rule_that_root_meets_or_that_takes_metadata_away_leaves_nothing_open(rule):
    (finding,) = judged(rule)
    assert finding.implies is None


def test_a_whole_window_without_imdsv1_tells_how_they_fare():
    (finding,) = RULE.judge(changed(LOOKED, obstacles=(BY_USER,), callers=WATCHED), Catalog(()))
    assert (finding.id, finding.implies) == ("metadata-redirected", None)
    short = replace(WATCHED, coverage=0.1)
    (finding,) = RULE.judge(changed(LOOKED, obstacles=(BY_USER,), callers=short), Catalog(()))
    assert finding.implies == "unknown"


@pytest.mark.parametrize(("variable", "implied"), [("AWS_REGION", "unknown"), ("AWS_EC2_METADATA_DISABLED", None)])
def test_what_needs_no_metadata_is_not_asked_after(variable, implied):
    web = replace(container("web"), environment=((variable,),))
    facts = changed(with_containers(web), collectors=LOOKED.collectors)
    facts = changed(facts, obstacles=(replace(BY_USER, namespace="web", container_id=web.identity),))
    (finding,) = RULE.judge(facts, Catalog(()))
    assert finding.implies == implied


def test_a_container_that_is_called_host_is_not_the_host():
    (finding,) = judged(replace(RULE_IN_NAT, kind="drop", namespace="host", container_id="1" * 64))
    assert finding.severity == "info"
    assert finding.summary.startswith("a rule in host drops ")


@pytest.mark.parametrize(
    ("name", "image", "severity", "implied", "words"),
    [
        ("kube2iam", "jtblin/kube2iam:0.10.9", "blocker", "not-ready", "does not pass token requests; 0.10.11 does"),
        ("kube2iam", "jtblin/kube2iam:0.10.11", "blocker", "not-ready", "its own calls speak only IMDSv1"),
        ("kube2iam", "jtblin/kube2iam:0.12.0", "info", None, "passes tokens and speaks IMDSv2"),
        ("kube2iam", "registry.example:5000/kube2iam:latest", "warning", "unknown", "its version is not known"),
        ("kube2iam", None, "warning", "unknown", "its version is not known"),
        ("kube2iam", "example/app:0.9", "warning", "unknown", "its version is not known"),  # of something else
        ("kube2iam", "kube2iam/app:12", "warning", "unknown", "its version is not known"),
        ("kiam", "quay.io/uswitch/kiam:v3.5", "blocker", "not-ready", "does not pass token requests; 3.6 does"),
        ("kiam", "quay.io/uswitch/kiam:v4.2@sha256:0123", "info", None, "kiam 4.2 answers"),
        ("kiam", "quay.io/uswitch/kiam:v3.6-debug", "blocker", "not-ready", "kiam 3.6 passes"),
    ],
)
def test_a_proxy_is_judged_by_its_version(name, image, severity, implied, words):
    quote = PROXY.quote.replace("kube2iam", name)
    (finding,) = judged(replace(PROXY, quote=quote, image=image))
    assert (finding.id, finding.severity, finding.implies) == ("metadata-proxy", severity, implied)
    assert words in finding.summary
    assert (finding.fix is not None) == (implied is not None)


@pytest.mark.parametrize(
    ("image", "severity", "words"),
    [
        (None, "info", "nobody called IMDSv1 while it was watched"),
        ("kube2iam:17", "info", "nobody called IMDSv1 while it was watched"),
        ("kube2iam:0.11.2", "warning", "its own calls speak only IMDSv1"),
        ("kube2iam:0.12.0", "info", "passes tokens and speaks IMDSv2"),
    ],
)
def test_a_whole_window_without_imdsv1_settles_a_proxy(image, severity, words):
    proxy = replace(PROXY, image=image)
    (finding,) = RULE.judge(changed(LOOKED, obstacles=(proxy,), callers=WATCHED), Catalog(()))
    assert (finding.severity, finding.implies) == (severity, None)
    assert words in finding.summary
    (finding,) = RULE.judge(changed(LOOKED, obstacles=(proxy,), callers=replace(WATCHED, imdsv1=1)), Catalog(()))
    assert (finding.implies is None) == (image == "kube2iam:0.12.0")


@pytest.mark.parametrize(
    ("container_id", "origins"),
    [(None, ()), (container("web").identity, ("container web",)), ("9" * 64, (f"container {'9' * 12}",))],
)
def test_what_a_container_calls_itself_is_its_own_word(container_id, origins):
    facts = changed(with_containers(container("web")), collectors=LOOKED.collectors)
    facts = changed(facts, obstacles=(replace(PROXY, container_id=container_id),))
    (finding,) = RULE.judge(facts, Catalog(()))
    assert finding.forgeable_by == origins


def test_a_guess_stays_one():
    (finding,) = judged(replace(PROXY, quote="redirected to port 8181, where kube2iam and kiam listen", certain=False))
    assert (finding.severity, finding.implies) == ("info", None)
    assert finding.summary.startswith("kube2iam or kiam may answer")
