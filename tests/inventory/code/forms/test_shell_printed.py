"""What is left of a script without comments and what it only prints."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_printed import uncommented, unprinted


@pytest.mark.parametrize(
    "script",
    [
        "echo 'WORD'",
        "  printf 'WORD\\n' >&2",
        "cat <<E\nWORD\nE",
        "cat >/etc/motd <<'E'\nWORD\nE",
        ": 'WORD'",
        "A=$(cat <<E\nWORD\nE\n)\necho $A",
    ],
)
def test_what_is_only_printed(script: str) -> None:
    left = unprinted(f"{script}\nother")
    assert len(left) == len(f"{script}\nother") and left.endswith("\nother")
    assert "WORD" not in left


@pytest.mark.parametrize(
    "script",
    [
        "echo WORD | sh",
        "echo $(WORD)",
        "cat <<E | sh\nWORD\nE",
        "cat <<E\n$(WORD)\nE",
        "cat >/opt/x.sh <<E\nWORD\nE",
        'echo "a\nb"; WORD',
    ],
)
def test_what_may_be_run(script: str) -> None:
    assert "WORD" in unprinted(script)


def test_comments() -> None:
    assert uncommented("a # WORD\nb") == "a       \nb"
    assert uncommented("a '# WORD' x#WORD") == "a '# WORD' x#WORD"
