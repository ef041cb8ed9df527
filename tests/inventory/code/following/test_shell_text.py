from __future__ import annotations

import time

import pytest

from imds_probe.inventory.code.following.shell_text import asked_by


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("curl -s http://x | jq .", [("curl", "-s", "http://x"), ("jq", ".")]),
        ("if tool; then other; fi", [("tool",), ("other",)]),
        ("A=1 B='2 3' tool a", [("tool", "a")]),
        ("x=$(tool a)", [("tool", "a")]),
        ("x=`tool a`", [("tool", "a")]),
        ("tool && other || third; last &", [("tool",), ("other",), ("third",), ("last",)]),
        ("tool >/dev/null 2>&1 < in", [("tool",)]),
        ('DIR=/opt/app\n$DIR/bin/tool "${DIR}/x y"', [("/opt/app/bin/tool", "/opt/app/x y")]),
        ('DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n"$DIR/tool"', [("{here}/tool",)]),
        ("$(dirname $0)/tool", [("{here}/tool",)]),
        ("# tool\n  # other", []),
        ("tool # a comment", [("tool",)]),
        ("cat <<EOF\ntool\nEOF\nother", [("cat",), ("other",)]),
        ("cat <<< word\ntool\nother <<<word", [("cat",), ("tool",), ("other",)]),
        ("python3 - a <<'EOF'\nimport x\ny()\nEOF\nother", [("other",), ("python3", "-c", "import x\ny()", "a")]),
        ("id=$(python3 <<EOF\nimport x\nEOF\n)", [("python3", "-c", "import x")]),
        ("cat <<EOF | perl\nuse X;\nEOF\n", [("cat",), ("perl",), ("perl", "-e", "use X;")]),
        ("python3 x.py <<EOF\nimport x\nEOF\n", [("python3", "x.py")]),
        ("f() {\n  tool\n}\nf", [("tool",)]),
        ("tool \\\n  a", [("tool", "a")]),
        ("$UNKNOWN a", []),
        ("echo tool; [ -f x ]; cd /x", [("cd", "/x")]),
        ('cd "$HOME" && tool; $HOME/x ~/y', [("cd", "~"), ("tool",), ("~/x", "~/y")]),
        ("HOME=/h; cd $HOME; . $HOME/x", [("cd", "/h")]),
    ],
)
def test_what_is_called(text: str, commands: list[tuple[str, ...]]) -> None:
    assert list(asked_by(text.encode()).commands) == commands


def test_what_is_sourced() -> None:
    found = asked_by(b". /etc/defaults\nsource lib.sh\n[ -f x ] && . ./x\n")
    assert (found.names, found.dynamic) == (("/etc/defaults", "lib.sh", "./x"), False)
    assert asked_by(b'. "$CONFIG"').dynamic


@pytest.mark.parametrize("piece", ["$(", "`", "a=$(dirname ", '"', "<<E\n", "a;", "$(cd $(dirname $0", "x=y ", "\\\n"])
def test_nonsense_takes_time_in_proportion(piece: str) -> None:
    times = []
    for size in (50_000, 400_000):
        text = (piece * (size // len(piece))).encode()
        began = time.process_time()
        asked_by(text)
        times.append(time.process_time() - began)
    # Eight times as long a text; one whose time grows with the square takes 64 times as long.
    assert times[1] < 30 * max(times[0], 0.02)


@pytest.mark.parametrize(
    ("text", "names", "dynamic"),
    [
        ('for f in /a.sh /b/*.sh; do . "$f"; done', ("/a.sh", "/b/*.sh"), False),
        ("D=/b\nfor f in $D/*.sh; do\n. ${f}\n. ${f}\ndone", ("/b/*.sh",), False),
        ("for f in $FILES; do . $f; done", (), True),
        ('for f in /a.sh "$@"; do . "$f"; done', ("/a.sh",), True),
        ("for f in " + "a " * 5000 + "; do\n" + ". $f\n" * 500 + "done", ("a",), False),
    ],
)
def test_files_that_are_sourced_in_a_loop(text: str, names: tuple[str, ...], dynamic: bool) -> None:
    found = asked_by(text.encode())
    assert (found.names, found.dynamic) == (names, dynamic)


def test_code_of_a_document_is_kept_as_long_as_it_is() -> None:
    code = "import x\n" + "y()\n" * 200
    (command,) = asked_by(f"python3 <<EOF\n{code}EOF\n".encode()).commands
    assert command == ("python3", "-c", code.rstrip("\n"))
    assert asked_by(f"python3 <<EOF\n{code * 30}EOF\n".encode()).commands == ()
    assert asked_by(f"tool -c {'x' * 300}\n".encode()).commands == ()
