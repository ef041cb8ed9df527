from __future__ import annotations

import pytest
from truth.starts import STARTS


@pytest.mark.parametrize("kind", STARTS)
def test_what_starts_a_program_lies_where_its_kind_says(kind):
    start = STARTS[kind]
    files, links = start.laid("app", "/opt/app/run", "#!/bin/sh\n/opt/app/run\n")
    assert any("/opt/app/run" in text for text in files.values())
    assert not any("{" in text for text in (*files, *files.values(), *links, *links.values()))
    # Each link leads to something that was laid, or to the directory of something.
    for path, target in links.items():
        names = target.strip("/").removeprefix("../")
        assert any(f"{names}/" in f"{each}/" for each in files), path


def test_two_programs_are_started_by_files_of_their_own():
    for kind in ("cron", "timer", "unit", "cron.daily", "per-boot"):
        first, second = (STARTS[kind].laid(name, "/x", "x")[0] for name in ("app", "app2"))
        assert not {*first} & {*second}, kind
