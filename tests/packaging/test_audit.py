"""`make audit`, by pip-audit itself, which asks a service on loopback or nobody at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / "packaging/audit.py"
KNOWN = {
    "id": "PYSEC-2099-1",
    "summary": "made up",
    "details": "made up",
    "modified": "2099-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "six", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
        }
    ],
}


@contextmanager
def service(vulnerable: str) -> Iterator[str]:
    """OSV's interface as far as it is asked: POST /v1/query. One package has a vulnerability."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps({"vulns": [KNOWN]} if asked["package"]["name"] == vulnerable else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        finally:
            server.shutdown()
            thread.join()


def audited(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(AUDIT), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "HOME": "/nonexistent"})


@pytest.mark.parametrize(("vulnerable", "code"), [("six", 1), ("nothing", 0)])
def test_what_is_known_of_what_is_inside_is_said(vulnerable, code):
    with service(vulnerable) as url:
        done = audited("--osv-url", url)
    assert done.returncode == code, done.stderr
    assert ("PYSEC-2099-1" in done.stdout) == (code == 1)
    assert ("no vulnerability is known of " in done.stdout) == (code == 0)


def test_where_nobody_can_be_asked_it_says_so():
    done = audited()
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("make audit: pip-audit could not ask: ")
    assert line.endswith("Nothing was audited: run it where there is a network")


def test_a_lock_file_that_is_none_is_said(tmp_path):
    done = audited("--lock", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
