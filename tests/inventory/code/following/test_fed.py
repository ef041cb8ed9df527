"""Code that a command reads from its input, as an argument of the command."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.fed import with_code, with_file


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python3", "python3 -c CODE"),
        ("python3 - a b", "python3 -c CODE a b"),
        ("/usr/bin/python3.11 -u -", "/usr/bin/python3.11 -u -c CODE"),
        ("sudo -u x env A=b python", "sudo -u x env A=b python -c CODE"),
        ("perl -w", "perl -w -e CODE"),
        ("ruby - a", "ruby -e CODE a"),
        ("node -", "node -e CODE"),
        ("php", "php -r CODE"),
        ("bash -s a", "bash -c CODE"),
        ("bash -eu", "bash -c CODE"),
        ("sh", "sh -c CODE"),
        ("sudo su - ana", "sudo su - ana --command CODE"),
    ],
)
def test_what_reads_code(command: str, expected: str) -> None:
    words = with_code(command.split(), "CODE")
    assert words is not None and " ".join(map(str, words))[: len(expected)] == expected


@pytest.mark.parametrize(
    "command",
    ["python3 x.py", "python3 -c x", "python3 -m x", "bash x.sh", "cat", "ssh x", "", "perl -e x", "su -lc x ana"],
)
def test_what_reads_none(command: str) -> None:
    assert with_code(command.split(), "CODE") is None and with_file(command.split(), "/x") is None


def test_a_file_and_a_tag_and_what_is_not_known() -> None:
    assert with_file(["python3", "-", "a"], "/x.py") == ("python3", "/x.py", "a")
    assert with_file(["su", "ana"], "/x y") == ("su", "ana", "--command", ". '/x y'")
    assert with_code(["php"], "<?php echo 1;") == ("php", "-r", " echo 1;")
    assert with_code(["python3", "-", None], "x") == ("python3", "-c", "x", None)
    assert with_code(["python3", None], "x") is None
