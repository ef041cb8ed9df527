"""Every target of the fuzzer over its seeds and some hundred inputs made of them: a short form of `make fuzz`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzz.targets import TARGETS

INPUTS = 150
LENGTH_MAX = 65536
WORDS = (
    b"\0",
    b"\xff\xff\xff\xff",
    b"\xed\xa0\x80",
    b'"\\ud800"',
    b"[" * 2000,
    "²".encode(),
    b"9" * 5000,
    b"\x1b[2J",
    b"{}",
    b"null",
)


def changed(chance: random.Random, seeds: list[bytes]) -> bytes:
    """An input in which some places are others than in a seed, as the fuzzer makes them."""
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(content) + 1)
        match chance.randrange(5):
            case 0:
                content[at:at] = chance.choice(WORDS)
            case 1:
                del content[at : at + chance.randrange(1, 20)]
            case 2:
                content[at : at + 1] = chance.randbytes(1)
            case 3:
                other = chance.choice(seeds)
                begin = chance.randrange(len(other) + 1)
                content[at:at] = other[begin : begin + chance.randrange(200)]
            case _:
                content[at:at] = content[at : at + chance.randrange(1, 60)]
    return bytes(content[:LENGTH_MAX])


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_near_the_seeds(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    parse = target.make(tmp_path)
    seeds = [seed[:LENGTH_MAX] for seed in target.seeds().values()]
    chance = random.Random(name)
    for content in (b"", *seeds, *(changed(chance, seeds) for _ in range(INPUTS))):
        try:
            parse(content)
        except Exception as error:
            raise AssertionError(f"{name} with {content[:2000]!r}") from error
