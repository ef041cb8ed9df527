from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.arguments import NODE, PERL, PYTHON, RUBY, Options, included, read


@pytest.mark.parametrize(
    ("line", "script", "text", "module"),
    [
        ("python", "", None, None),
        ("python a.py b", "a.py", None, None),
        ("python -W error -u a.py", "a.py", None, None),
        ("python -Werror a.py", "a.py", None, None),
        ("python -c print a.py", "", "print", None),
        ("python -Ic print", "", "print", None),
        ("python -cprint", "", "print", None),
        ("python -m a.b c", "", None, "a.b"),
        ("python -um a", "", None, "a"),
        ("python -- -x", "-x", None, None),
        ("python -c", "", "", None),
        ("python - a", "-", None, None),
    ],
)
def test_what_is_started(line: str, script: str, text: str | None, module: str | None) -> None:
    given = read(line.split(), PYTHON)
    assert (given.script, given.text, given.module) == (script, text, module)


def test_switches_and_what_is_loaded_before() -> None:
    given = read(["python", "-IE", "-P", "--x", "a.py", "-S"], PYTHON)
    assert [given.has(letter) for letter in "IEPS"] == [True, True, True, False]
    assert given.rest == ("-S",)
    given = read(["node", "-r", "a", "--require=b", "--env-file", "x", "--eval=go", "main.js"], NODE)
    assert given.required == [("-r", "a"), ("--require", "b")]
    assert (given.text, given.script) == ("go", "")


@pytest.mark.parametrize(
    ("options", "line", "script", "text", "at"),
    [
        (PERL, "perl -e a -e b c", "", "a\nb", [2, 4]),
        (PERL, "perl -lne a", "", "a", [2]),
        (PERL, "perl -l0777ne a", "", "a", [2]),
        (PERL, "perl -pi -e a b", "", "a", [3]),
        (PERL, "perl -pi.bak -e a b", "", "a", [3]),
        (PERL, "perl -F: -lane a", "", "a", [3]),
        (PERL, "perl -MLWP::Simple -ea", "", "a", [2]),
        (PERL, "perl -pie a", "a", None, []),
        (RUBY, "ruby -rnet/http -ne a", "", "a", [3]),
        (RUBY, "ruby -rnet/http -i -e a", "", "a", [4]),
        (NODE, "node -pe a", "", "a", [2]),
        (PYTHON, "python -Ic a b -c d", "", "a", [2]),
    ],
)
def test_a_text_among_other_switches(options: Options, line: str, script: str, text: str | None, at: list[int]) -> None:
    given = read(line.split(), options)
    assert (given.script, given.text, given.texts_at) == (script, text, at)


@pytest.mark.parametrize(
    ("line", "directories"),
    [
        ("ruby -Ilib x.rb", ["lib"]),
        ("ruby -I lib -w -I a:b x.rb -I no", ["lib", "a", "b"]),
        ("perl -w -I /opt/lib x.pl", ["/opt/lib"]),
        ("ruby x.rb -I no", []),
        ("ruby -I", []),
    ],
)
def test_directories_that_are_included(line: str, directories: list[str]) -> None:
    assert included(line.split()) == directories
