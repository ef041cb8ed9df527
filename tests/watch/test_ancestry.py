"""Whose a call is, by processes that are made up: the lab has real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.kept.process_name import is_fetcher
from imds_probe.watch.ancestry import Ancestry, ancestry_of, is_between, is_runtime, is_shell

SCRIPT = "/usr/local/bin/register-dns"
CURL, SH, CRON, PYTHON = "/usr/bin/curl", "/usr/bin/dash", "/usr/sbin/cron", "/usr/bin/python3.11"
BOTH = (["sh", SCRIPT], SH)


def process(proc: Path, pid: int, parent: int, words: list[str], exe: str | None) -> None:
    at = proc / str(pid)
    at.mkdir(parents=True)
    name = Path(exe or "x").name[:15]
    (at / "status").write_text(f"Name:\t{name}\nPPid:\t{parent}\n")
    (at / "cmdline").write_text("".join(f"{word}\0" for word in words))
    (at / "stat").write_text(
        f"{pid} ({name}) S {' '.join(str(each) for each in [parent, *[0] * 17, 1000 + pid, 0, 0])}\n"
    )
    if exe is not None:
        (at / "exe").symlink_to(exe)


def above(
    proc: Path, *chain: tuple[list[str], str | None], own: tuple[list[str], str] = (["curl", "x"], CURL)
) -> Ancestry:
    """Of process 100, whose parent is 99, and so on up to process 1."""
    for number, (words, exe) in enumerate(chain):
        pid = 99 - number
        process(proc, pid, 1 if number == len(chain) - 1 else pid - 1, words, exe)
    return ancestry_of(proc, (100, 7), 99 if chain else 1, words=own[0], exe=own[1], of=None)


@pytest.mark.parametrize(
    ("chain", "script", "started_by", "client"),
    [
        ([BOTH, (["sh", "-c", "x"], SH), (["cron"], CRON)], SCRIPT, "cron", 99),
        ([BOTH, BOTH, (["cron"], CRON)], SCRIPT, "cron", 98),  # in parentheses, or in a pipe
        ([(["timeout", "9"], "/usr/bin/timeout"), BOTH, (["cron"], CRON)], SCRIPT, "cron", 98),
        ([(["sh", "-c", "curl x; curl y"], SH), (["cron"], CRON)], None, "cron", 99),
        ([BOTH, (["python3", "/opt/jobs/all.py"], PYTHON), (["cron"], CRON)], SCRIPT, "/opt/jobs/all.py", 99),
        ([(["python3", "/opt/jobs/all.py"], PYTHON), (["cron"], CRON)], "/opt/jobs/all.py", "cron", 99),
        ([BOTH, (["containerd-shim"], "/usr/bin/containerd-shim")], SCRIPT, None, 99),
        ([(["supervisord-bin"], "/opt/agent")], None, "agent", 100),
        ([], None, None, 100),
    ],
)
def test_what_runs_curl_and_who_started_that(tmp_path: Path, chain, script, started_by, client) -> None:
    found = above(tmp_path, *chain)
    assert (found.script, found.started_by, found.acts_for[0], found.whole) == (script, started_by, client, True)
    assert found.acts_for[1] == (7 if client == 100 else 1000 + client)


HTTPIE, LWP = (
    (["python3", "/usr/bin/http", "x"], PYTHON),
    (["perl", "-w", "/usr/bin/lwp-request", "x"], "/usr/bin/perl"),
)
AWK, FIND = "/usr/bin/mawk", "/usr/bin/find"
TEXT = (["sh", "-c", "curl x"], SH)


@pytest.mark.parametrize(
    ("own", "chain", "script", "started_by"),
    [
        (HTTPIE, [BOTH, (["cron"], CRON)], SCRIPT, "cron"),
        (LWP, [BOTH, (["cron"], CRON)], SCRIPT, "cron"),
        (HTTPIE, [TEXT, (["cron"], CRON)], "/usr/bin/http", "cron"),  # a line of a crontab
        (CURL, [(["find", "x", "-exec", "curl"], FIND), BOTH, (["cron"], CRON)], SCRIPT, "cron"),
        (CURL, [TEXT, (["mawk", "BEGIN{system(x)}"], AWK), BOTH, (["cron"], CRON)], SCRIPT, "cron"),
        (CURL, [TEXT, (["mawk", "/secret/"], AWK), BOTH, (["cron"], CRON)], SCRIPT, "cron"),  # no path of a script
        (CURL, [TEXT, (["mawk", "-F:", "-f", "x"], AWK), BOTH, (["cron"], CRON)], SCRIPT, "cron"),
        (CURL, [TEXT, (["gawk", "-f", "/opt/report.awk"], "/usr/bin/gawk"), BOTH], "/opt/report.awk", SCRIPT),
        (CURL, [TEXT, (["busybox", "awk", "x"], "/bin/busybox"), BOTH, (["cron"], CRON)], SCRIPT, "cron"),
        (CURL, [(["perl", "/usr/bin/parallel", "curl"], "/usr/bin/perl"), BOTH, (["cron"], CRON)], SCRIPT, "cron"),
        ((["python3", "/opt/app/http-client"], PYTHON), [BOTH], "/opt/app/http-client", SCRIPT),  # asks for itself
        ((["python3", "/opt/find"], PYTHON), [BOTH], "/opt/find", SCRIPT),
    ],
)
def test_what_only_asks_or_runs_for_a_script_leaves_that_its_name(
    tmp_path: Path, own, chain, script, started_by
) -> None:
    own = own if isinstance(own, tuple) else ([Path(own).name, "x"], own)
    found = above(tmp_path, *chain, own=own)
    assert (found.script, found.started_by) == (script, started_by)


@pytest.mark.parametrize(
    ("own", "chain", "client"),
    [
        (HTTPIE, [BOTH], 99),
        (LWP, [(["timeout", "9"], "/usr/bin/timeout"), BOTH], 98),
        ((["curl", "x"], CURL), [(["find", "x", "-exec", "curl"], FIND), BOTH], 98),
        ((["curl", "x"], CURL), [TEXT, (["mawk", "BEGIN{system(x)}"], AWK), BOTH], 99),
        ((["python3", "/opt/app/http-client"], PYTHON), [BOTH], 100),
    ],
)
def test_who_runs_what_only_asks_is_the_client(tmp_path: Path, own, chain, client) -> None:
    assert above(tmp_path, *chain, own=own).acts_for == (client, 1000 + client if client < 100 else 7)


def test_what_asks_by_itself_is_a_client_of_its_own(tmp_path: Path) -> None:
    own = (["python3", "/opt/app/main.py"], PYTHON)
    found = above(tmp_path, BOTH, (["cron"], CRON), own=own)
    assert (found.script, found.started_by, found.acts_for) == ("/opt/app/main.py", SCRIPT, (100, 7))
    agent = ancestry_of(tmp_path, (100, 7), 99, words=["agent"], exe="/opt/agent", of=None)
    assert (agent.script, agent.started_by, agent.acts_for) == (None, SCRIPT, (100, 7))
    inline = ancestry_of(tmp_path, (100, 7), 99, words=["python3", "-c", "x"], exe=PYTHON, of=None)
    assert (inline.script, inline.started_by, inline.acts_for) == (SCRIPT, "cron", (100, 7))


@pytest.mark.parametrize("dying", [([], SH), (["sh", SCRIPT], None)])
def test_one_that_is_about_to_end_leaves_it_open(tmp_path: Path, dying) -> None:
    """It has no arguments any more, or no program: two of that sort are no copies of each other."""
    found = above(tmp_path, dying, dying, (["cron"], CRON))
    assert (found.script, found.whole) == (None, False)
    assert found.acts_for[0] in (99, 100)


def test_what_has_ended_above_leaves_it_open_and_a_circle_ends(tmp_path: Path) -> None:
    process(tmp_path, 99, 98, ["sh", SCRIPT], SH)
    assert not ancestry_of(tmp_path, (100, 7), 99, words=["curl"], exe=CURL, of=None).whole
    process(tmp_path, 98, 99, ["sh", SCRIPT], SH)
    assert ancestry_of(tmp_path, (100, 7), 99, words=["curl"], exe=CURL, of=None).script == SCRIPT


def test_programs_by_what_they_are() -> None:
    fetchers = (CURL, "/bin/busybox", "/usr/bin/http", "/usr/bin/lwp-request", PYTHON, "/usr/bin/http-server", None)
    assert [is_fetcher(each) for each in fetchers] == [True, True, True, True, False, False, False]
    assert [is_shell(each) for each in (SH, "/usr/bin/bash", PYTHON, None)] == [True, True, False, False]
    assert [is_between(each) for each in (SH, "/usr/bin/timeout", SCRIPT)] == [True, True, False]
    assert [is_runtime(each) for each in ("containerd-shim", "conmon", "cron")] == [True, True, False]
