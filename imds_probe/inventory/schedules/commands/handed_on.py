"""What a command leads to beside its own program: the programs that it hands to another one.

What a program does with its arguments is known of few. A path that is handed to find, tar or a backup is a file to it, so only
those count that are known to run what they are given. Of a program of somebody's own nothing is known.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

WORDS_LOOKED_AT = 12
# They run what they are given, as their manuals have it; those whose options are known, too, are in starters.py.
RUNNERS = frozenset(
    """
    run-one run-this-one run-one-constantly run-one-until-success run-one-until-failure keep-one-running envdir envuidgid
    setuidgid softlimit pgrphack s6-setuidgid s6-envdir s6-softlimit s6-setlock parallel sem tmux screen byobu dtach abduco
    daemonize daemon start_daemon startproc initlog watch entr strace ltrace perf valgrind firejail bwrap proot capsh
    catchsegv xvfb-run ssh-agent newrelic-admin ddtrace-run opentelemetry-instrument honcho foreman forever supervise
    aws-vault chamber envconsul doppler cpulimit trickle prlimit faketime logsave runitor cronitor dockerize wait-for-it
    wait-for-it.sh pkexec sg runcon run0 authbind torsocks proxychains proxychains4 retry lockrun solo withlock flom timelimit
    cronwrap cron-wrap cron_wrap cronlock cronutils runcron runlock at batch script exec-with-timeout
    """.split()  # noqa: SIM905 - as literals they would take half a page
)
# They are given files, or run something elsewhere, whoever installed them.
_RUNS_NONE_HERE = frozenset(
    """
    rm cp mv ln chmod chown ls cat stat test [ tar rsync scp sftp install grep sed awk head tail less diff cmp touch mkdir
    find crontab chkconfig update-alternatives dpkg-divert start-stop-daemon auditctl aws restic borg duplicity rclone
    shellcheck git ssh docker podman nerdctl kubectl crictl ctr machinectl systemctl service tripwire pre-commit
    """.split()  # noqa: SIM905 - the same
)
_HOOK = re.compile(r"--?[\w-]{0,60}hook", re.IGNORECASE)
_RUN_OPTION = re.compile(r"--?(?:[\w-]{0,60}-)?(?:exec|script|command|cmd|run|program|notify|handler)", re.IGNORECASE)
_NO_PROGRAMS = ("/dev/", "/proc/", "/sys/")
_INTERPRETERS = frozenset(("sh", "bash", "dash", "ash", "ksh", "zsh"))  # an option's value: screen -s /bin/bash
_LANGUAGES = frozenset(("python", "perl", "ruby", "node", "php", "java"))  # whose scripts need not be executable
BEHIND = "--"
# A shell script that runs what it is given, as a command of its own.
_RUNS_ARGUMENTS = re.compile(
    r"(?:^|[;&|(!])[ \t]{0,40}(?:(?:exec|if|then|do|else|time|nice|nohup|sudo|eval)[ \t]{1,9}){0,3}\"?\$(?:@|\*|\{[@*]\}|1|\{1\})",
    re.MULTILINE,
)

Words = Sequence[str | None]


def handed_on(program: str, words: Words, *, runs: bool = False) -> Iterator[tuple[str | None, ...]]:
    """The commands that a program surely runs of its arguments: a full path, and all behind it, and the value of a hook. `words`
    are without the program itself, and `runs` says that it is a script which runs its arguments.
    """
    for at, word in enumerate(words[:WORDS_LOOKED_AT]):
        value = _option_value(words, at, _HOOK)
        if value:
            yield tuple(value.split())
        elif (runs or program in RUNNERS) and word and _is_shell_with_text(words, at):
            yield tuple(words[at:])
        elif (runs or program in RUNNERS) and word and _is_program(word):
            first, *more = word.split()
            if posixpath.basename(first) not in _INTERPRETERS:
                yield (first, *more, *words[at + 1 :])
        elif program in RUNNERS and (begin := _begins(words, at)):
            yield tuple(words[begin - 1 :])


def maybe_run(program: str, words: Words, *, own: bool) -> Iterator[str]:
    """Paths of which nobody knows whether the program runs them: the value of an option that is called so and, of a program that is
    somebody's `own`, each argument that is no option's value.
    """
    if program in RUNNERS or program in _RUNS_NONE_HERE:
        return
    for at, word in enumerate(words[:WORDS_LOOKED_AT]):
        before = (words[at - 1] or "") if at else ""
        if value := _option_value(words, at, _RUN_OPTION):
            yield value.split()[0]
        elif own and word and _is_program(word) and (before == BEHIND or not before.startswith("-")):
            yield word.split()[0]


def perhaps_run(program: str, words: Words) -> Iterator[tuple[str | None, ...]]:
    """The commands among the arguments of somebody's own program that are no path: what stands behind "--", and an interpreter with
    its script.
    """
    if program in RUNNERS or program in _RUNS_NONE_HERE:
        return
    for at in range(min(len(words), WORDS_LOOKED_AT)):
        if begin := _begins(words, at):
            yield tuple(words[begin - 1 :])


def _begins(words: Words, at: int) -> int:
    """The number of the word, counted from 1, by which a command begins here; 0 where none does."""
    word = words[at] or ""
    if word == BEHIND and at + 1 < len(words):
        return at + 2
    is_language = posixpath.basename(word).rstrip("0123456789.") in _LANGUAGES
    return at + 1 if is_language and at + 1 < len(words) else 0


def _is_shell_with_text(words: Words, at: int) -> bool:
    """Whether a shell is told a text here: bash -lc 'a; b'."""
    behind = (words[at + 1] or "") if at + 2 < len(words) else ""
    is_told = behind.startswith("-") and not behind.startswith("--") and behind.endswith("c")
    return is_told and posixpath.basename(words[at] or "") in _INTERPRETERS


def runs_arguments(script: str) -> bool:
    """Whether a shell script has its arguments as a command."""
    return _RUNS_ARGUMENTS.search(script) is not None


def _option_value(words: Words, at: int, called: re.Pattern[str]) -> str:
    """What an option of such a name is given, behind "=" or in the next word, where that is a path."""
    option, sign, value = (words[at] or "").partition("=")
    if not called.fullmatch(option):
        return ""
    if not sign:
        value = (words[at + 1] or "") if at + 1 < len(words) else ""
    return value if _is_program(value) else ""


def _is_program(word: str) -> bool:
    return (
        word.startswith("/") and word.strip("/ ") != "" and not word.endswith("/") and not word.startswith(_NO_PROGRAMS)
    )
