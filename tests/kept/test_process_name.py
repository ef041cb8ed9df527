from __future__ import annotations

import pytest

from imds_probe.kept.process_name import family, kept_name


@pytest.mark.parametrize(
    ("comm", "exe", "arguments", "kept"),
    [
        ("curl", "/usr/bin/curl", ["curl"], "curl"),
        ("curl", "/usr/bin/curl (deleted)", [], "curl"),
        ("python3", "/usr/bin/python3.11", ["python3", "x"], "python3"),
        ("sync.py", "/usr/bin/python3.11", ["/usr/bin/python3", "/opt/sync.py", "x"], "sync.py"),
        ("hunter2", "/usr/bin/python3.11", ["/usr/bin/python3", "/opt/sync.py", "hunter2"], "python3.11"),
        ("hunter2", "/usr/bin/app", ["hunter2"], "app"),
        ("amazon-ssm-agen", "/usr/bin/amazon-ssm-agent", [], "amazon-ssm-agen"),
        ("sh", "/usr/bin/dash", ["sh"], "sh"),
        ("runc:[2:INIT]", "/usr/bin/runc", [], "runc:[2:INIT]"),
        ("(hunter2)", "/usr/lib/systemd/systemd", [], "systemd"),
        ("curl", None, [], "curl"),
        ("Hunter2", None, [], "…"),
        ("hunter two", None, [], "…"),
    ],
)
def test_the_name_of_its_program_or_script(comm: str, exe: str | None, arguments: list[str], kept: str) -> None:
    assert kept_name(comm, exe, arguments) == kept


def test_families() -> None:
    assert [family(name) for name in ("python3.11", "ruby2.7", "7", "java")] == ["python", "ruby", "7", "java"]
