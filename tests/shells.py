"""What real shells complete: bash, zsh on a terminal of its own, and fish."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from soon import SOON_S

BASH = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imds_probe; printf "%s\\n" "${COMPREPLY[@]}"'
# zsh completes on a terminal alone. What it would show is written to a file instead; the terminal is left with the first answer.
ZSH = """
PROMPT= RPROMPT=
fpath=({place} $fpath)
autoload -Uz compinit && compinit -D -u
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
told() {{ print -r -- :told >> {out}; exit }}
comppostfuncs=(told)
compadd() {{
    if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
    local -a hits
    builtin compadd -A hits "$@"
    (( $#hits )) && print -rl -- $hits >> {out}
    builtin compadd "$@"
}}
print -r -- :ready >> {out}
"""


def bash(script: Path, words: Sequence[str], cwd: Path) -> list[str]:
    argv = ["bash", "--norc", "-euc", BASH, "bash", str(script), "imds-probe", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=cwd)
    assert done.stderr == ""
    return done.stdout.split()


def fish(script: Path, words: Sequence[str], cwd: Path) -> list[str]:
    code = f"source {script}; complete -C {' '.join(['imds-probe', *words])!r}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
        env=os.environ | {"HOME": str(cwd)},
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def zsh(script: Path, words: Sequence[str], cwd: Path) -> list[str]:
    """`script` is in a directory of its own, under the name that zsh looks for."""
    out, setup = cwd / "told", cwd / "setup"
    out.write_text("")
    setup.write_text(ZSH.format(place=script.parent, out=out))
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(cwd)
        os.execvpe("zsh", ["zsh", "-f", "-i"], os.environ | {"HOME": str(cwd), "TERM": "dumb"})
    try:
        os.write(terminal, f"source {setup}\n".encode())
        _until(terminal, out, ":ready")
        os.write(terminal, f"{' '.join(['imds-probe', *words])}\t".encode())
        _until(terminal, out, ":told")
    finally:
        os.close(terminal)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return [line for line in out.read_text().splitlines() if not line.startswith(":")]


def _until(terminal: int, out: Path, word: str) -> None:
    """What the terminal shows is read meanwhile, or the shell would wait for that."""
    deadline = time.monotonic() + SOON_S
    while word not in out.read_text().splitlines():
        assert time.monotonic() < deadline, out.read_text()
        readable, _, _ = select.select([terminal], [], [], 0.02)
        if readable:
            try:
                os.read(terminal, 65536)
            except OSError:  # it has left
                time.sleep(0.02)
