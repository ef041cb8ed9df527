"""Every fault of the simulator against the main job: it ends in time, says what is missing, and leaks nothing."""

import os
import threading
import time

import pytest

FAULTS = {
    "silence-after-accept": "answer-lost",
    "silence-after-request": "answer-lost",
    "drip": "garbage",
    "reset-before-answer": "answer-lost",
    "reset-mid-answer": "garbage",
    "close": "answer-lost",
    "garbage": "garbage",
    "endless-headers": "garbage",
    "endless-body": "garbage",
    "oversized-body": "garbage",
    "content-length-too-long": "garbage",
    "content-length-negative": "garbage",
    "content-length-not-a-number": "garbage",
    "token-empty": "garbage",
    "token-binary": "garbage",
    "token-crlf": "garbage",
    "token-spaces": "garbage",
    "token-html": "garbage",
}
TIMEOUT_S = 10.0
# Starting the interpreter and the package manager on a busy machine comes on top of the run's own limit.
SLACK_S = 30.0


def leaks(service, *texts):
    secrets = [*service.issued_secrets, "hunter2", "app-role"]
    return [secret for secret in secrets for text in texts if secret in text]


class ProcessList:
    """Every command line that the machine showed while something ran."""

    def __enter__(self):
        self.seen = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self._stop.wait(0.02):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                for name in ("cmdline", "environ"):
                    try:
                        with open(f"/proc/{pid}/{name}", "rb") as file:
                            self.seen.add(file.read(65536).decode(errors="replace"))
                    except OSError:
                        continue


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_of_every_answer(run, service, kind):
    service.update(faults=[{"kind": kind}])
    started = time.monotonic()
    ran = run("--timeout", str(TIMEOUT_S))
    assert time.monotonic() - started < TIMEOUT_S + SLACK_S
    assert ran.report["probe"]["duration_ms"] < (TIMEOUT_S + SLACK_S) * 1000
    primary = ran.imds["endpoints"][0]
    assert primary["token_outcome"] == FAULTS[kind], primary
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert ran.report["verdict"]["reasons"]
    assert "Traceback" not in ran.stderr
    assert ran.stderr == ""
    assert leaks(service, ran.stdout, ran.stderr) == []
    assert ran.report["probe"]["imdsv1_requests_made"] <= 1


@pytest.mark.parametrize(
    "kind", ["content-length-too-short", "reset-mid-answer", "garbage", "close", "endless-body", "drip"]
)
def test_a_fault_of_what_comes_after_the_token(run, service, kind):
    service.update(faults=[{"kind": kind, "applies_to": "get"}])
    ran = run("--timeout", str(TIMEOUT_S))
    assert ran.imds["endpoint"] == "enabled"
    assert ran.imds["hop_limit"] == 1
    # The identity is gone, the id in the firmware is not.
    assert ran.report["instance"]["instance_id"] == "i-0123456789abcdef0"
    assert ran.report["instance"]["region"] is None
    assert ran.code in (0, 3)
    assert ran.stderr == ""


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_not_followed(run, service, lab, status):
    service.update(faults=[{"kind": "redirect", "status": status, "location": "http://10.0.0.10/latest/api/token"}])
    with lab.instance.socket(2, 1) as trap:
        trap.bind(("10.0.0.10", 80))
        trap.listen()
        trap.setblocking(False)
        ran = run()
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert (ran.imds["endpoints"][0]["token_outcome"], ran.code) == ("unexpected", 3)


@pytest.mark.parametrize("status", [400, 500, 503, 429])
def test_error_statuses(run, service, status):
    service.update(faults=[{"kind": "status", "status": status}])
    ran = run()
    assert (ran.code, ran.verdict, ran.imds["endpoint"]) == (3, "unknown", "unknown")


def test_tokens_that_expire_at_once(run, service):
    service.update(faults=[{"kind": "clock-jump", "applies_to": "get", "count": 2}])
    ran = run()
    assert (ran.code, ran.report["instance"]["region"]) == (0, "us-east-1")


def test_throttled_twice_and_then_fine(run, service):
    service.update(faults=[{"kind": "status", "status": 503, "applies_to": "token_put", "count": 2}])
    assert run().code == 0


def test_nothing_secret_is_in_output_or_process_list(run, service):
    with ProcessList() as processes:
        ran = run()
        unprivileged = run(privileged=False)
    assert len(service.issued_secrets) > 3
    assert any("imds_probe" in text for text in processes.seen)
    assert leaks(service, ran.stdout, ran.stderr, unprivileged.stdout, unprivileged.stderr, *processes.seen) == []
