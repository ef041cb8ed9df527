import pytest
from code_seen import watched
from observed import FACTS, changed, report_of

from imds_probe.errors import CommandError
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.rules.obstacles_unread import unread
from imds_probe.system import process

MANY = "packet rules: too many to judge in the time given; some were not looked at"
FEW = "only 128 of 131 containers with rules on users were inspected"


def seen(reason, name="obstacles", status="partial", **given):
    others = [CollectorRun(each, "ok", 1.0) for each in {"obstacles", "container-obstacles"} - {name}]
    runs = (*FACTS.collectors, *others, CollectorRun(name, status, 1.0, reason))
    return changed(FACTS, collectors=runs, **given)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("obstacles", MANY),
        ("obstacles", "nftables: nft did not end within 0.3 s; legacy iptables: Permission denied; needs root"),
        ("obstacles", "nftables: only the first 20000 rules were read"),
        ("obstacles", "legacy iptables: only the first 20000 lines were read"),
        ("obstacles", "300 redirects were found; the first 200 are listed"),
        ("container-obstacles", FEW),
    ],
)
def test_rules_that_there_was_no_time_or_room_for_leave_the_verdict_open(name, reason):
    report = report_of(seen(reason, name))
    (finding,) = (each for each in report.findings if each.id == "metadata-rules-unread")
    assert (report.verdict.state, finding.subject) == ("unknown", name)
    assert finding.evidence[0] in reason


@pytest.mark.parametrize(
    "facts",
    [
        FACTS,
        seen("nftables: nft is not installed"),
        seen("/etc/cloud/cloud.cfg.d: only the first 100 files were read"),
        seen(MANY, status="ok"),
        seen(MANY, callers=watched()),
        seen("300 obstacles were found; the first 200 are listed"),  # of a policy for each pod
        seen("only 16 of 19 containers with unexplained results were inspected", "container-obstacles"),
        seen(
            "only 16 of 19 containers with unexplained results or rules on users were inspected", "container-obstacles"
        ),  # of a release before, which did not say of which
    ],
)
def test_what_was_inspected_or_watched_leaves_nothing_open(facts):
    assert unread(facts) == []


def test_a_program_that_is_too_slow_is_said_in_words_that_are_known():
    with pytest.raises(CommandError) as error:
        process.run(["sleep", "99"], timeout_s=0.01)
    assert unread(seen(f"nftables: {error.value}"))
