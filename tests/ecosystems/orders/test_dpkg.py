"""Version order, held to dpkg itself on generated pairs."""

from __future__ import annotations

import random
import shlex
import subprocess
from pathlib import Path

import pytest
from version_pairs import PAIRS, pairs

from imds_probe.ecosystems.orders.dpkg import compare_dpkg, parse_dpkg
from imds_probe.ecosystems.version_error import VersionError

DPKG_ITSELF = 2_500  # a process each; the rest goes through dpkg's Perl module, a second implementation, in one

REAL = [
    "19.3-41-gc4735dd3-0ubuntu1~16.04.1",
    "19.3-41-gc4735dd3-0ubuntu1~18.04.1",
    "20.4.1-2+deb11u1",
    "22.4.2-1+deb12u3",
    "25.1.4-1",
    "1.19.1-1",
    "2.9.19-1",
    "2.23.6-1",
    "3.2.582.0-1",
    "1:2.3.814.0-1",
    "0.2+really1.16.1-1",
    "19.4~rc1-1",
    "19.4+dfsg-1",
]


def dpkg_version(rng: random.Random) -> str:
    if rng.random() < 0.1:
        return rng.choice(REAL)
    epoch = rng.choice(["", "", "", "", "0:", "1:", "00:", "10:", "2147483647:"])
    pieces = ["0", "1", "9", "10", "007", "99999999999999999999", ".", ".", ".", "~", "~~", "+", "a", "rc", "Z", "git"]
    upstream = rng.choice("0129") + "".join(rng.choices([*pieces, "-"], k=rng.randrange(6)))
    if epoch:
        upstream += rng.choice(["", "", ":1"])
    revision = rng.choice(["", "-0", "-1"]) + "".join(rng.choices(pieces, k=rng.randrange(3)))
    if "-" in upstream and not revision.startswith("-"):
        revision = "-1" + revision
    return epoch + upstream + revision


def valid(pair: tuple[str, str]) -> bool:
    try:
        parse_dpkg(pair[0]), parse_dpkg(pair[1])
    except VersionError:
        return False
    return True


@pytest.fixture(scope="session")
def dpkg_pairs() -> list[tuple[str, str]]:
    made = [pair for pair in pairs(dpkg_version, 1, PAIRS * 2) if valid(pair)][:PAIRS]
    assert len(made) == PAIRS
    return made


def test_order_is_that_of_dpkg_itself(dpkg_pairs, tmp_path: Path) -> None:
    operators = {-1: "lt", 0: "eq", 1: "gt"}
    scripts = []
    for share in range(2):
        script = tmp_path / f"{share}.sh"
        lines = [
            f"dpkg --compare-versions {shlex.quote(a)} {operators[compare_dpkg(a, b)]} {shlex.quote(b)} || echo {a} {b}"
            for a, b in dpkg_pairs[share:DPKG_ITSELF:2]
        ]
        script.write_text("\n".join(lines))
        scripts.append(script)
    running = [
        subprocess.Popen(["sh", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for script in scripts
    ]
    assert [child.communicate(timeout=100)[0] for child in running] == ["", ""]


def test_order_is_that_of_dpkgs_perl_module(dpkg_pairs) -> None:
    program = (
        'use Dpkg::Version; while (<STDIN>) { chomp; my ($a, $b) = split / /; print version_compare($a, $b), "\\n" }'
    )
    fed = "".join(f"{a} {b}\n" for a, b in dpkg_pairs)
    done = subprocess.run(["perl", "-e", program], input=fed, capture_output=True, text=True, check=True, timeout=60)
    theirs = [int(line) for line in done.stdout.split()]
    ours = [compare_dpkg(a, b) for a, b in dpkg_pairs]
    assert len(theirs) == PAIRS
    assert [p for p, a, b in zip(dpkg_pairs, ours, theirs, strict=True) if a != b] == []
    assert set(theirs) == {-1, 0, 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1:",
        "1: 2",
        "a:1",
        "-1:1",
        "1-",
        "2147483648:1",
        "1_2",
        "1 2",
        "1\n",
        "1-2_3",
        "1:2:3-",
        ":1",
        "1é",
        "-1",
        "~1",
    ],
)
def test_what_dpkg_refuses_is_refused(text: str) -> None:
    done = subprocess.run(["dpkg", "--validate-version", text], check=False, capture_output=True, timeout=60)
    assert done.returncode != 0
    with pytest.raises(VersionError, match="Debian version|epoch"):
        parse_dpkg(text)


@pytest.mark.parametrize("text", [*REAL, "1", "1:2:3", "1:2-3-4", "0:0", "2147483647:1~", "1-2-3", "1+b1", "1--1"])
def test_what_dpkg_accepts_is_accepted(text: str) -> None:
    done = subprocess.run(["dpkg", "--validate-version", text], check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert compare_dpkg(text, text) == 0


def test_dpkg_parts_of_a_snapshot() -> None:
    assert parse_dpkg("1:19.3-41-gc4735dd3-0ubuntu1") == (1, "19.3-41-gc4735dd3", "0ubuntu1")


def test_a_number_of_any_length_is_compared() -> None:
    assert compare_dpkg("1." + "9" * 10_000, "1.1") == 1
