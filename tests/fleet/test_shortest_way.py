import itertools
import random

from imds_probe.fleet.hosts import Fix, Host
from imds_probe.fleet.shortest_way import Held, Step, held, steps


def fix(name):
    return Fix("software", name)


def hosts(*held_by, left_out=0):
    """A host for each text, which is held back by its letters."""
    return [
        Host(
            str(at),
            0,
            0,
            2,
            "",
            "not-ready" if names else "ready",
            "",
            fixes=tuple(map(fix, names)),
            fixes_left_out=left_out,
        )
        for at, names in enumerate(held_by)
    ]


def test_what_alone_holds_back_the_most_comes_first():
    found = held(hosts("a", "ab", "ab", "b", "b", ""))
    assert found == [Held(fix("b"), 4, 2), Held(fix("a"), 3, 1)]


def test_each_step_frees_what_waits_for_nothing_else():
    assert list(steps(hosts("", "a", "a", "ab", "b", "c"))) == [
        Step(fix("a"), 2, 3, 1),
        Step(fix("b"), 2, 5, 2),
        Step(fix("c"), 1, 6, 3),
    ]


def test_two_fixes_that_free_many_come_before_one_that_frees_few():
    order = [step.fix.name for step in steps(hosts("x", *["ab"] * 9))]
    assert order == ["a", "b", "x"]


def test_hosts_of_which_not_all_is_known_are_never_free():
    assert list(steps(hosts("a", left_out=3))) == []
    assert held(hosts("a", left_out=3)) == [Held(fix("a"), 1, 0)]


def test_the_order_of_hosts_makes_no_difference():
    fleet = hosts("ab", "bc", "ca", "d", "", "e", "ef")
    expected = list(steps(fleet))
    assert all(list(steps(order)) == expected for order in itertools.islice(itertools.permutations(fleet), 0, 5040, 97))


def test_it_comes_near_the_best_order():
    """Beside all orders there are: hosts freed, summed over the steps."""
    chance = random.Random(3)
    names = "abcde"
    for _ in range(30):
        sets = ["".join(sorted(chance.sample(names, chance.randint(1, 3)))) for _ in range(12)]
        found = [step.free for step in steps(hosts(*sets))]

        def freed(order, sets=sets):
            return sum(sum(set(each) <= set(order[:n]) for each in sets) for n in range(1, len(names) + 1))

        best = max(map(freed, itertools.permutations(names)))
        ours = sum(found) + (len(names) - len(found)) * len(sets)
        assert ours >= 0.85 * best


def test_many_different_hosts_take_no_more_than_their_share():
    chance = random.Random(5)
    fleet = [
        Host(str(at), 0, 0, 2, "", "unknown", "", fixes=tuple({fix(str(chance.randrange(3000))) for _ in range(6)}))
        for at in range(3000)
    ]
    found = list(steps(fleet))
    assert found[-1].free == 3000
    assert len(found) == len({each for host in fleet for each in host.fixes})


def test_fixes_that_have_freed_nobody_yet_are_not_needed():
    """52 hosts make A look best, but each of them needs something else, too."""
    many = [Host(str(at), 0, 0, 2, "", "not-ready", "", fixes=(fix("A"), fix(f"U{at}"))) for at in range(52)]
    made = list(steps([*many, *hosts(*["B"] * 12)]))
    assert [(each.fix.name, each.free, each.needed) for each in made[:3]] == [("A", 0, 0), ("B", 12, 1), ("U0", 13, 3)]
