from golden_reports import CASES
from reports_made import BARE, UNTRIED, report

from imds_probe.sinks.extract import accepted, blockers, containers_lost, hop_limit_needed, instance


def test_the_instance():
    assert instance(report())["instance_id"] == "i-0123456789abcdef0"
    assert instance(report(BARE)) == instance({}) == {}


def test_blockers_are_counted_by_their_id():
    made = report()
    made["findings"] = [
        {"id": name, "severity": severity}
        for name, severity in (("b", "blocker"), ("a", "blocker"), ("a", "warning"), ("b", "blocker"))
    ]
    assert list(blockers(made).items()) == [("b", 2), ("a", 1)]


def test_containers_whose_token_is_lost_without_what_only_holds_their_network():
    made = report()
    (container,) = made["containers"]
    made["containers"] += [{**container, "sandbox": True}, {**container, "token": "ok"}]
    assert containers_lost(made) == [container]
    assert containers_lost(report(BARE)) is None


def test_a_hop_limit_that_has_to_be_tried_is_not_said_to_be_needed():
    made = report(UNTRIED)
    assert (made["verdict"]["state"], made["verdict"]["switch"]["http_put_response_hop_limit"]) == (
        "needs-hop-limit",
        2,
    )
    assert (hop_limit_needed(made), hop_limit_needed(report())) == (None, 2)
    del made["verdict"]["switch"]["try_first"]  # as in reports of earlier versions
    assert hop_limit_needed(made) == 2
    assert hop_limit_needed(report(verdict={"switch": None})) is None


def test_accepted_risks_of_any_version_of_the_report():
    made = report(CASES["ready-accepted"]())
    assert [each["id"] for each in accepted(made)] == ["code-not-read", "software-too-old"]
    del made["verdict"]["accepted"]
    assert accepted(made) == []
