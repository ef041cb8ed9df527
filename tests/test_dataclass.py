"""Held to what the standard library makes of the same classes."""

import copy
import dataclasses
import pickle
import re
from dataclasses import field
from pathlib import Path

import msgspec
import pytest

import imds_probe
from imds_probe.dataclass import dataclass

BOTH = pytest.mark.parametrize("maker", [dataclass, dataclasses.dataclass])
KEPT_OUT = 3  # of what makes values equal


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


def made(maker, frozen):
    @maker(frozen=frozen)
    class Thing:
        """A thing."""

        name: str
        secret: str = field(repr=False)
        size: int = 1
        parts: list[int] = field(default_factory=list, hash=False)
        seen: int = field(default=0, compare=False)
        kind: str = field(default="plain", kw_only=True)

        def __post_init__(self):
            object.__setattr__(self, "posted", self.name)

    return Thing


@BOTH
@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_not_given_is_made_with_it(maker, frozen):
    @maker(frozen=frozen)
    class Tally:
        limit: int = 3
        counted: dict[str, int] = field(init=False)
        begun: int = field(default=0, init=False)
        seen: list[str] = field(default_factory=list, init=False)

        def __post_init__(self):
            object.__setattr__(self, "counted", {"all": self.limit})

    tally = Tally(4)
    assert (tally.limit, tally.counted, tally.begun, tally.seen) == (4, {"all": 4}, 0, [])
    assert tally.seen is not Tally().seen
    with pytest.raises(TypeError):
        Tally(4, begun=1)


@BOTH
@pytest.mark.parametrize("frozen", [False, True])
def test_the_constructor_takes_the_same(maker, frozen):
    kind = made(maker, frozen)
    thing = kind("a", "b", seen=KEPT_OUT, kind="odd")
    assert dataclasses.asdict(thing) == {
        "name": "a",
        "secret": "b",
        "size": 1,
        "parts": [],
        "seen": KEPT_OUT,
        "kind": "odd",
    }
    assert thing.posted == "a"
    assert kind("a", "b").parts is not kind("a", "b").parts
    for wrong in (("a",), ("a", "b", 1, [], 0, "odd")):
        with pytest.raises(TypeError):
            kind(*wrong)
    with pytest.raises(TypeError):
        kind("a", "b", other=1)


@BOTH
@pytest.mark.parametrize("frozen", [False, True])
def test_instances_compare_and_show_themselves_alike(maker, frozen):
    kind, other = made(maker, frozen), made(maker, frozen)
    assert kind("a", "b", seen=1) == kind("a", "b", seen=2)
    assert kind("a", "b") != kind("a", "c")
    assert kind("a", "b") != other("a", "b")
    assert repr(kind("a", "b")) == f"{kind.__qualname__}(name='a', size=1, parts=[], seen=0, kind='plain')"
    assert kind.__match_args__ == ("name", "secret", "size", "parts", "seen")
    assert dataclasses.replace(kind("a", "b"), size=2) == kind("a", "b", 2)


@BOTH
def test_a_frozen_one_cannot_be_changed_and_can_be_hashed(maker):
    @maker(frozen=True)
    class Pair:
        left: int
        right: int = field(default=0, compare=False)

    pair = Pair(1)
    for change in (
        lambda: setattr(pair, "left", 2),
        lambda: setattr(pair, "new", 2),
        lambda: delattr(pair, "left"),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    assert hash(pair) == hash(Pair(1, 2))
    assert {pair, Pair(1, 2), Pair(2)} == {Pair(1), Pair(2)}


@BOTH
def test_one_that_is_not_frozen_has_no_hash(maker):
    @maker
    class Pair:
        left: int

    pair = Pair(1)
    pair.left = 2
    assert pair == Pair(2)
    with pytest.raises(TypeError):
        hash(pair)


@BOTH
def test_what_a_class_says_itself_is_left_alone(maker):
    @maker(frozen=True)
    class Own:  # noqa: PLW1641 - its hash is made
        name: str

        def __repr__(self):
            return "own"

        def __eq__(self, other):
            return isinstance(other, Own)

    assert repr(Own("a")) == "own"
    assert Own("a") == Own("b")
    assert hash(Own("a")) != hash(Own("b"))

    @maker(frozen=True)
    class Hashed:
        name: str

        def __hash__(self):
            return 7

    assert hash(Hashed("a")) == 7


@BOTH
def test_fields_and_methods_are_inherited(maker):
    @maker(frozen=True)
    class Base:
        first: int
        second: int = 2

    @maker(frozen=True)
    class Derived(Base):
        third: int = field(kw_only=True)

    assert dataclasses.astuple(Derived(1, third=3)) == (1, 2, 3)
    assert Derived(1, third=3) != Base(1)
    assert len({Derived(1, third=3), Derived(1, third=4), Base(1)}) == 3


@BOTH
def test_one_without_fields(maker):
    @maker(frozen=True)
    class Nothing:
        pass

    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing()}) == 1


def test_copies_and_messages_are_equal():
    point = Point(1, 2)
    assert copy.deepcopy(point) == pickle.loads(pickle.dumps(point)) == point
    assert msgspec.json.decode(msgspec.json.encode(point), type=Point) == point
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"x": "1"}, Point)


def test_the_library_makes_those_with_slots_alone():
    of_library = []
    for file in Path(imds_probe.__file__).parent.rglob("*.py"):
        text = file.read_text()
        imported = re.search(r"^from dataclasses import .*\bdataclass\b", text, re.MULTILINE)
        name = "dataclass" if imported else r"dataclasses\.dataclass"
        of_library += [(file.name, line) for line in re.findall(rf"^ *@{name}\b.*", text, re.MULTILINE)]
    assert of_library
    assert [each for each in of_library if "slots=True" not in each[1]] == []
