"""What is looked at while a rehearsal runs, so that it ends before there is harm."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest
from soon import SOON_S, wait_for

from imds_probe.errors import UsageError
from imds_probe.rehearsal import checks
from imds_probe.rehearsal.checks import Checking, by_command, by_url


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.strip("/?x")))
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_commands():
    assert by_command("true")() == ""
    assert by_command("echo out; echo err >&2; exit 3")() == "the check ended with exit code 3"
    assert by_command("no-such-command-here")() == "the check ended with exit code 127"


def test_a_command_that_hangs_fails_and_ends(monkeypatch, tmp_path):
    monkeypatch.setattr(checks, "WITHIN_S", 0.2)
    said = tmp_path / "pid"
    # It may be too slow to say who it is: then there is nothing to look at.
    assert by_command(f"sh -c 'echo $$ > {said}; exec sleep 600'; true")() == "the check did not end within 0.2 s"
    if said.exists() and (pid := said.read_text().strip()):
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


def test_a_command_has_the_users_environment_and_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("CHECKED_BY", "me")
    said = tmp_path / "pid"
    assert by_command(f'test "$CHECKED_BY" = me; code=$?; sleep 600 & echo $! > {said}; exit $code')() == ""
    wait_for(lambda: not os.path.exists(f"/proc/{said.read_text().strip()}"))


def test_pages(url):
    assert by_url(f"{url}/200")() == "" == by_url(f"{url}/302?x")()
    assert by_url(f"{url}/503")() == "the checked page answered with status 503"
    assert by_url("http://127.0.0.1:9/")() == "the checked page gave no answer (ConnectionRefusedError)"
    assert by_url("http://127.0.0.1:9/ \x01")().startswith("the checked page gave no answer")


@pytest.mark.parametrize("url", ["", "localhost", "ftp://x/", "http://", "http://x:y/", "http://[x/"])
def test_what_is_no_url(url):
    with pytest.raises(UsageError):
        by_url(url)


def test_checks_come_again_and_the_first_failure_is_told(monkeypatch):
    monkeypatch.setattr(checks, "EVERY_S", 0.01)
    answers = iter(["", "", "broken", ""])
    checking = Checking([lambda: next(answers), lambda: ""])
    assert checking.before() == ""
    assert wait_for(checking.failure) == "broken"


def test_without_checks_nothing_fails_and_a_slow_one_is_not_waited_for():
    assert Checking([]).failure() == Checking([]).before() == ""
    over = Event()
    slow = Checking([lambda: "late" if over.wait(SOON_S) else "never"])
    assert slow.failure() == slow.failure() == ""
    over.set()
    assert wait_for(slow.failure) == "late"
