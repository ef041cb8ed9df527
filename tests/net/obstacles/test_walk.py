import time
from dataclasses import replace

import pytest
from soon import SOON_S, cpu_s

from imds_probe.net.obstacles.conditions import FieldIs, InterfaceIs, MarkIs, Unclear
from imds_probe.net.obstacles.flow import Surroundings
from imds_probe.net.obstacles.ranges import Ranges, network, only
from imds_probe.net.obstacles.ruleset import Action, Chain, Rule
from imds_probe.net.obstacles.walk import JUDGEMENTS_MAX, Walk

HERE = {"ipv4": Surroundings(own=network("10.9.0.2"), uplink="eth0"), "ipv6": Surroundings()}
SOON = time.monotonic() + SOON_S
GROUP = FieldIs("gid", only(1000), "1000")
ROOT, USERS = FieldIs("uid", only(0), "0"), FieldIs("uid", Ranges(((1000, 2000),)), "1000-2000")


def rule(*conditions, action="drop", to="", number=0):
    return Rule(tuple(conditions), Action(action, to, number), action)


def chain(*rules, name="c", hook="output", policy="accept", kind="filter", priority=0):
    key = ("nftables", "ip", "t", name)
    return Chain(key, ("ipv4",), hook=hook, policy=policy, kind=kind, priority=priority, rules=list(rules))


def walk(*chains):
    made = Walk(chains, HERE, deadline=time.monotonic() + SOON_S)
    hits = made.hits()
    assert not made.exhausted
    return [(hit.chain.key[3], hit.certain, hit.scope) for hit in hits]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([rule()], [("c", True, ())]),
        ([rule(action="accept"), rule()], []),
        ([rule(action="return"), rule()], []),
        ([rule(ROOT, action="accept"), rule()], [("c", True, ("not uid 0",))]),
        ([rule(ROOT), rule(ROOT)], [("c", True, ("uid 0",))]),
        ([rule(ROOT), rule(USERS)], [("c", True, ("uid 0",)), ("c", True, ("not uid 0", "uid 1000-2000"))]),
        ([rule(Unclear("limit"), action="accept"), rule()], [("c", False, ())]),
        ([rule(Unclear("limit")), rule()], [("c", False, ()), ("c", False, ())]),
        ([rule(action="pass"), rule()], [("c", True, ())]),
        ([rule(action="elsewhere"), rule()], [("c", False, ())]),
        ([rule(MarkIs(1))], []),
        ([rule(action="mark", number=1), rule(MarkIs(1))], [("c", False, ())]),
        ([rule(action="mark", number=2), rule(MarkIs(1))], []),
    ],
)
def test_one_chain(rules, expected):
    assert walk(chain(*rules)) == expected


@pytest.mark.parametrize(
    ("far", "near", "expected"),
    [
        ([rule()], [rule(action="jump", to="far")], [("far", True, ())]),
        ([rule(action="return"), rule()], [rule(action="jump", to="far"), rule()], [("c", True, ())]),
        ([], [rule(action="jump", to="far"), rule()], [("c", True, ())]),
        ([], [rule(action="goto", to="far"), rule()], []),
        ([rule(action="accept")], [rule(ROOT, action="jump", to="far"), rule()], [("c", True, ("not uid 0",))]),
        ([rule(ROOT, action="accept")], [rule(action="jump", to="far"), rule()], [("c", True, ("not uid 0",))]),
        ([], [rule(ROOT, action="jump", to="far"), rule()], [("c", True, ())]),
        (
            [rule(ROOT, action="return"), rule(USERS, action="accept")],
            [rule(action="jump", to="far"), rule()],
            [("c", False, ())],
        ),
        ([], [rule(action="jump", to="nowhere"), rule()], [("c", False, ())]),
    ],
)
def test_jumps(far, near, expected):
    assert walk(chain(*near), chain(*far, name="far", hook="")) == expected


@pytest.mark.parametrize(
    ("hook", "rules", "expected"),
    [
        ("output", [], [("c", False, ())]),
        ("output", [rule(ROOT, action="accept")], [("c", False, ("not uid 0",))]),
        ("output", [rule(action="accept")], []),
        ("forward", [], [("c", False, ()), ("c", False, ())]),
        (
            "forward",
            [
                rule(InterfaceIs("iif", frozenset({"docker0"})), action="accept"),
                rule(FieldIs("sport", only(80), ""), action="accept"),
            ],
            [],
        ),
    ],
)
def test_policy_drop(hook, rules, expected):
    assert walk(chain(*rules, hook=hook, policy="drop")) == expected


def test_a_ttl_that_was_lowered_may_be_any():
    low = FieldIs("ttl", Ranges(((0, 1),)), "< 2")
    lowering = chain(rule(action="ttl-add", number=-1), rule(low), hook="prerouting")
    assert walk(lowering) == [("c", True, ()), ("c", True, ("TTL < 2",))]


def test_what_crosses_a_bridge_leaves_it_by_its_own_hook():
    """A reply that leaves another output hook is one that something here made up."""
    setting = rule(action="ttl", number=64)
    of_bridge = replace(chain(setting), key=("nftables", "bridge", "t", "c"))
    assert walk(of_bridge) == [("c", False, ())]
    assert walk(chain(setting)) == []


@pytest.mark.parametrize(
    ("rules", "spares"),
    [
        ([rule(USERS, action="redirect")], [True]),
        ([rule(ROOT, action="return"), rule(action="redirect")], [True]),
        ([rule(GROUP, action="redirect")], [True]),
        ([rule(USERS, action="return"), rule(action="redirect")], [False]),  # as a mesh exempts its own proxy
        ([rule(ROOT, action="redirect"), rule(action="redirect")], [False, True]),
        ([rule(action="redirect")], [False]),
    ],
)
def test_whether_root_meets_a_rule(rules, spares):
    hits = Walk([chain(*rules, kind="nat")], HERE, deadline=time.monotonic() + SOON_S).hits()
    assert [hit.spares_root for hit in hits if hit.family == "ipv4"] == spares


def test_a_rule_that_root_meets_on_one_of_two_ways_spares_nobody():
    far = chain(rule(action="redirect"), name="far", hook="")
    by_user = rule(USERS, action="jump", to="far")
    assert [hit.spares_root for hit in Walk([chain(by_user, kind="nat"), far], HERE, deadline=SOON).hits()] == [True]
    either = chain(by_user, rule(ROOT, action="jump", to="far"), kind="nat")
    assert [hit.spares_root for hit in Walk([either, far], HERE, deadline=SOON).hits()] == [False]


def test_what_is_forwarded_has_no_owner_to_spare():
    (hit,) = Walk([chain(rule(action="redirect"), hook="prerouting", kind="nat")], HERE, deadline=SOON).hits()
    assert not hit.spares_root


def test_chains_that_no_hook_leads_to():
    assert walk(chain(rule(), hook="")) == []
    assert walk(chain(rule(), hook="unheard-of")) == []


def test_replies_never_see_nat_chains():
    saddr = FieldIs("saddr", network("169.254.169.254"), "")
    assert walk(chain(rule(saddr), hook="prerouting", kind="nat")) == []
    assert walk(chain(rule(saddr), hook="prerouting")) == [("c", True, ())]


def test_earlier_hooks_are_walked_first():
    marking = chain(rule(action="mark", number=1), name="early", hook="prerouting")
    late = chain(rule(MarkIs(1)), name="late", hook="forward")
    assert walk(late, marking) == [("late", False, ()), ("late", False, ())]


def test_a_ttl_that_was_raised_passes_the_filter():
    low = FieldIs("ttl", Ranges(((0, 1),)), "< 2")
    raising = chain(rule(action="ttl", number=64), name="early", hook="input", priority=-150)
    assert walk(chain(rule(low), hook="input")) == [("c", True, ("TTL < 2",))]
    changed = [("c", True, ())]
    assert walk(chain(rule(action="ttl", number=64), rule(low), hook="input")) == changed
    assert walk(chain(rule(action="ttl-add", number=1), rule(low), hook="input")) == changed
    assert walk(raising) == [("early", True, ())]
    assert walk(raising, chain(rule(low), hook="input")) == [("early", True, ()), ("c", True, ("TTL < 2",))]
    assert walk(chain(rule(action="ttl", number=1), hook="input")) == [("c", False, ())]


def test_a_filter_written_the_other_way_round():
    walked = Walk(
        [chain(rule(FieldIs("ttl", Ranges(((2, 255),)), "> 1"), action="accept"), rule(), hook="input")],
        HERE,
        deadline=time.monotonic() + SOON_S,
    )
    (hit,) = walked.hits()
    assert (hit.by_ttl, hit.scope) == (True, ("not TTL > 1",))


def test_loops_and_towers_end():
    """The kernel allows no loops; a listing that has one must not hang the probe."""
    loop = chain(rule(action="jump", to="loop"), rule(ROOT, action="jump", to="loop"), name="loop", hook="")
    started = cpu_s()
    made = Walk([chain(rule(action="jump", to="loop"), rule()), loop], HERE, deadline=started + 20)
    assert made.hits() != ()
    tower = [
        chain(
            *(rule(FieldIs("uid", only(k), str(k)), action="jump", to=f"f{n + 1}") for k in range(20)),
            name=f"f{n}",
            hook="",
        )
        for n in range(15)
    ]
    made = Walk([chain(rule(action="jump", to="f0")), *tower, chain(name="f15", hook="")], HERE, deadline=started + 20)
    made.hits()
    assert cpu_s() - started < 20


def test_too_much_to_judge():
    rules = [rule(FieldIs("uid", only(n), str(n)), action="pass") for n in range(2000)]
    tower = [chain(*rules, rule(ROOT, action="jump", to=f"f{n + 1}"), name=f"f{n}", hook="") for n in range(15)]
    many = [chain(*rules, rule(action="jump", to="f0"), name=f"base{n}") for n in range(JUDGEMENTS_MAX // 20_000)]
    made = Walk([*many, *tower], HERE, deadline=time.monotonic() + 60)
    made.hits()
    assert made.exhausted
    late = Walk(many, HERE, deadline=0)
    late.hits()
    assert late.exhausted
