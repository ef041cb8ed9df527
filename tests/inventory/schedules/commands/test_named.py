import pytest

from imds_probe.inventory.schedules.commands.named import BESIDE_MAX, beside, is_for_shell, named


def test_what_lies_beside_a_script_is_found_wherever_its_directory_is_named():
    text = "A=/opt/app/a.sh\n. /opt/app/b.sh; x /opt/other/c.sh /opt/app/ /opt/app/a.sh"
    assert beside(text, "/opt/app/run.sh") == ["/opt/app/a.sh", "/opt/app/b.sh"]
    assert beside("/a /b", "/run.sh") == []  # all that is anywhere would lie beside one of the root


def test_no_more_is_asked_for_than_so_much():
    text = "".join(f"/opt/app/{number}\n" for number in range(2 * BESIDE_MAX))
    assert len(beside(text, "/opt/app/run.sh")) == BESIDE_MAX


def test_what_lines_begin_with_comes_after():
    text = "x /opt/app/a.sh\n/usr/bin/../bin/b -c\n  exec /srv/c\n. /srv/d\necho /srv/e\n"
    assert list(named(text, "/opt/app/run.sh")) == ["/opt/app/a.sh", "/usr/bin/b", "/srv/c", "/srv/d"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#!/bin/sh -e\nx", True),
        ("#! /usr/bin/env bash", True),
        ("#!/usr/bin/python3\n# sh", False),
        ("x", False),
        ("", False),
    ],
)
def test_whether_a_shell_reads_a_script(text, expected):
    assert is_for_shell(text) is expected
