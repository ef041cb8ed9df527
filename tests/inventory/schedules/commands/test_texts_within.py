from __future__ import annotations

import shlex

import pytest

from imds_probe.inventory.schedules.commands.texts_within import COMMANDS_MAX, texts_within


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("""awk 'BEGIN{system("/opt/x.sh a")}'""", ["/opt/x.sh a"]),
        ("""gawk -F: -v a=b '{ system("x " $1) }' /etc/passwd""", ["x $?"]),
        ("""awk -F , 'BEGIN { "x -a" | getline id; print id }'""", ["x -a"]),
        ("""mawk '{ print $1 | "sort -u" } END { close("sort -u") }' f""", ["sort -u"]),
        (r"""awk -- 'BEGIN{system("sh -c \"x\"")}'""", ['sh -c "x"']),
        ("""awk 'BEGIN{system(cmd)} $1 == "system(x)" { print "a" }'""", []),
        ("""awk -f x.awk 'system("y")'""", []),
        ("awk", []),
        ("ansible localhost -m shell -a '/opt/x.sh a'", ["/opt/x.sh a"]),
        ("ansible localhost -a x", ["x"]),
        ("ansible 127.0.0.1 -b --module-name=ansible.builtin.script --args='chdir=/d x y'", ["x y"]),
        ("ansible all -i localhost, -c local -m raw -a x", ["x"]),
        ("ansible all -i localhost,127.0.0.1 -mraw -ax", ["x"]),
        ("ansible web -m shell -a x", []),
        ("ansible all -i localhost,web -m shell -a x", []),
        ("ansible localhost -m ping", []),
        ("grep 'system(\"x\")' f", []),
    ],
)
def test_commands_in_arguments(command: str, expected: list[str]) -> None:
    program, *arguments = shlex.split(command)
    assert list(texts_within(program, arguments)) == expected


def test_a_word_that_only_running_tells() -> None:
    assert list(texts_within("awk", [None])) == []
    assert list(texts_within("ansible", ["localhost", "-a", None])) == [""]


def test_so_many_are_followed() -> None:
    assert len(list(texts_within("awk", ['system("x");' * 1000]))) == COMMANDS_MAX
