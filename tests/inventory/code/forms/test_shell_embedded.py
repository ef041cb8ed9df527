"""Which pieces of a script its shell does not run. What they say is in the snippets."""

from __future__ import annotations

import time

import pytest

from imds_probe.inventory.code.forms import shell
from imds_probe.inventory.code.forms.shell_embedded import code_of, parts_of, without

ENCODED = "Y3VybCAtcyBYIHwgc2gK"  # curl -s X | sh


def value(name: str) -> str:
    return {"A": "b", "HERE": "localhost"}.get(name, "")


def pieces(text: str) -> list[tuple[str, str]]:
    return [(part.language, code_of(part, value).strip()) for part in parts_of(text, text, value)]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("python3 -c 'a $A'", [("python", "a $A")]),
        ('python3 -c "a $A $C"', [("python", "a b $C")]),
        ('/usr/bin/perl -we "a \\$A"', [("perl", "a $A")]),
        ("ruby -rx -e a", [("ruby", "a")]),
        ("nodejs --eval 'a'", [("node", "a")]),
        ("php -r 'a'", [("php", "a")]),
        ("sudo -u x python3.11 -u - <<E\na $A\nE\n", [("python", "a b")]),
        ("python <<'E' | x\na $A\nE\n", [("python", "a $A")]),
        ("python x.py <<E\na\nE\n", []),
        ("python -m x <<E\na\nE\n", []),
        ("python - < a", []),
        ("echo a | python < b", []),
        ("cat <<E | sudo python3 -\na\nE\n", [("python", "a")]),
        ("echo -n a | perl", [("perl", "a")]),
        ("echo a | x | perl", []),
        ("echo a; x | perl", []),
        ("cat > /x.rb <<E\na\nE\n", [("ruby", "a")]),
        ("cat > /x <<E\n#!/usr/bin/env node\na\nE\n", [("node", "#!/usr/bin/env node\na")]),
        ("cat > /x.py <<E\n#!/bin/sh\na\nE\n", []),
        ("cat > /x.sh <<E\na\nE\n", []),
        ("ssh -i k x@y a 'b c'", [("", ""), ("", "")]),
        ("ssh y <<E\na\nE\n", [("", "")]),
        ("ssh y", []),
        ("ssh localhost a", []),
        ("ssh x@127.0.0.1 a", []),
        ('ssh "$HERE" a', []),
        ('ssh "$HOSTNAME" a', []),
        ("git grep python -c a", []),
        ("P=x\n$P -c a", []),
        ("$A -c a", []),
        ("$PERL -e a", [("perl", "a")]),
        ('"${PY:-/usr/bin/python3}" -c a', [("python", "a")]),
        ("sudo $HERE/bin/ruby -e a", [("ruby", "a")]),
        ("python3 -c 'a(sys.argv[1], sys.argv[2])' $A", [("python", 'a("b", sys.argv[2])')]),
        ("perl - http://x <<'E'\na($ARGV[0])\nE\n", [("perl", 'a("http://x")')]),
        (f"echo {ENCODED} | base64 -d | bash", [("shell", "curl -s X | sh")]),
        (f"base64 --decode <<< {ENCODED} | python3", [("python", "curl -s X | sh")]),
        (f"echo {ENCODED} | base64", []),
        (f"echo {ENCODED} | base64 -d | ssh x sh", [("", "")]),
        ("base64 -d x | bash", []),
    ],
)
def test_pieces(script: str, found: list[tuple[str, str]]) -> None:
    assert pieces(script) == found


def test_what_is_left_for_the_shell() -> None:
    script = 'ssh x "a $(b) c"\npython3 - <<E\n$(d)\n\\$(e)\nE\nf=$(echo aHR0cDovL3guZXhhbXBsZS8= | base64 -d)\n'
    left = without(script, parts_of(script, script, value))
    assert "$(b)" in left and "$(d)" in left and "http://x.example/" in left
    assert " a " not in left and "$(e)" not in left and left.count("\n") == script.count("\n")


@pytest.mark.parametrize(
    "part",
    [
        "python3 - <<E\n",
        "python3 -c '",
        "echo x | python3\n",
        "ssh h x\n",
        "cat > x.py <<E\n",
        f"base64 -d <<< {ENCODED}\n",
    ],
)
def test_time_is_in_proportion(part: str) -> None:
    def seconds(times: int) -> float:
        began = time.thread_time()
        shell.judged("curl x\n" + part * times)
        return time.thread_time() - began

    took = seconds(8000)
    assert took < 2 or min(seconds(8000) for _ in range(3)) < 20 * max(0.01, min(seconds(1000) for _ in range(3)))
