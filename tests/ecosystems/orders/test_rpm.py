"""Version order, held to rpm itself on generated pairs."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from version_pairs import PAIRS, pairs

from imds_probe.ecosystems.orders.rpm import RpmVersion, compare_rpm_evr, parse_rpm_evr
from imds_probe.ecosystems.version_error import VersionError

REAL_RPM = [
    "19.3-46.amzn2.0.1",
    "22.2.2-1.amzn2023.1.13",
    "18.5-6.el7_8.4",
    "18.5-6.el7",
    "19.4-7.el7_9.6",
    "23.1.1-11.el8",
    "1.18.147-1.amzn2.0.2",
    "2.15.30-1.amzn2023.0.1",
    "19.4~rc1-0.1.fc32",
    "19.4^20200101git4bc399e-1.fc32",
]


def rpm_version(rng: random.Random) -> str:
    if rng.random() < 0.1:
        return rng.choice(REAL_RPM)
    pieces = ["0", "1", "9", "10", "007", "99999999999999999999", "a", "rc", "Z", "el", "git", ".", ".", "_", "+", "~"]
    pieces += ["^", "..", ".~", "_^"]
    epoch = rng.choice(["", "", "", "", "0:", "1:", "01:", ":", "a:"])
    version = rng.choice(["0", "1", "9", "a", "~", "^", "."]) + "".join(rng.choices(pieces, k=rng.randrange(6)))
    release = "-" + "".join(rng.choices(pieces, k=rng.randrange(4))) if rng.random() < 0.7 else ""
    return epoch + version + release


def test_order_is_that_of_rpm(tmp_path: Path) -> None:
    made = pairs(rpm_version, 2)
    file = tmp_path / "pairs"
    file.write_text("".join(f"{a} {b}\n" for a, b in made))
    lua = f"""for line in io.lines("{file}") do
        local a, b = line:match("^(%S+) (%S+)$")
        io.write(rpm.vercmp(a, b), "\\n")
    end"""
    done = subprocess.run(
        ["rpm", "--eval", "%{lua:" + lua + "}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(os.environ, LC_ALL="C"),
    )
    assert done.stderr == ""
    theirs = [int(line) for line in done.stdout.split()]
    ours = [compare_rpm_evr(a, b) for a, b in made]
    assert len(theirs) == PAIRS
    assert [p for p, a, b in zip(made, ours, theirs, strict=True) if a != b] == []
    assert set(theirs) == {-1, 0, 1}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("19.3-46.amzn2", ("0", "19.3", "46.amzn2")),
        ("2:1.0-1", ("2", "1.0", "1")),
        ("(none):1.0-1", ("0", "1.0", "1")),
        ("1.0", ("0", "1.0", None)),
    ],
)
def test_rpm_parts(text: str, parts: tuple[str, str, str | None]) -> None:
    assert parse_rpm_evr(text) == RpmVersion(*parts)


@pytest.mark.parametrize("text", ["", "1:", "-1", "1 2", "1\n", "\x1b[1m"])
def test_what_is_no_rpm_version_is_refused(text: str) -> None:
    with pytest.raises(VersionError, match="rpm version"):
        compare_rpm_evr(text, "1")


def test_a_number_of_any_length_is_compared() -> None:
    assert compare_rpm_evr("1." + "9" * 10_000, "1.1") == 1
