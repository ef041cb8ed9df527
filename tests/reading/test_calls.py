from __future__ import annotations

import re
from pathlib import Path

import pytest

from imds_probe.reading.calls import ROLES, Call

HEADERS = Path("/usr/include")  # linux-libc-dev
CALLS = sorted({each.name: each for calls in ROLES.values() for each in calls}.values(), key=lambda each: each.name)


def numbers(header: Path) -> dict[str, int]:
    """What a header of the kernel defines. What has a form of 32 bits, too, stands there by a name of its own."""
    found = re.findall(r"^#define __NR(?:3264)?_(\w+) (\d+)$", header.read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_the_kernels_own_numbers(call: Call) -> None:
    generic = numbers(HEADERS / "asm-generic/unistd.h")
    generic["newfstatat"] = generic["fstatat"]
    assert call.aarch64 == generic.get(call.name)
    (mine,) = HEADERS.glob("*/asm/unistd_64.h")
    assert call.x86_64 == numbers(mine).get(call.name)
