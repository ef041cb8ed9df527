"""The package for arm64 on a kernel of that architecture: what differs between architectures is run there, by emulation."""

from __future__ import annotations

from pathlib import Path

import arm64_machine
import pytest
from package_roots import made

TESTS = Path(__file__).parent
WITHIN_S = 3000.0


@pytest.mark.soak
@pytest.mark.timeout(WITHIN_S + 300)
def test_readers_watch_and_rehearsal_work_on_arm64(tmp_path):
    (rootfs,) = made().this.glob("*_arm64_rootfs.tar.gz")
    files = [TESTS / "arm64_guest.py", TESTS / "reading_tasks.py"]
    found = arm64_machine.said(rootfs, files, tmp_path, WITHIN_S)
    assert found["machine"] == "aarch64"
    readers = found["confinement"]
    assert int(readers["read"][0]) > 0
    assert readers["tried"] == ["EPERM"]
    assert "more memory than allowed" in readers["bomb"]
    assert readers["filters"].count("2") == 2
    assert "short-lived callers may stay unknown" not in found["watched"]  # the tracepoint is used
    assert len([each for each in found["watch"] if each["version"] == "v1"]) >= 2
    assert (found["rehearsal"]["inside"], found["rehearsal"]["after"]) == ("401\n", "200\n"), found["rehearsal"]
