"""`imds-probe simulate` as a process: what it prints, how it is steered, how it ends."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.commands.simulate import parse_address, printable
from imds_probe.errors import UsageError
from imds_probe.system import process


@contextmanager
def simulating(*arguments):
    """(process, URL) of the running command; it is gone afterwards."""
    child = process.start(
        [sys.executable, "-m", "imds_probe", "simulate", "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        first = child.stdout.readline().decode()
        assert first.startswith("listening on http://127.0.0.1:"), first + child.stderr.read().decode()
        yield child, first.removeprefix("listening on ").strip()
    finally:
        process.stop(child)


def fetch(url, method="GET", **headers):
    request = urllib.request.Request(
        url, method=method, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    with urllib.request.urlopen(request, timeout=SOON_S) as response:
        return response.read().decode()


def end(child, number):
    child.send_signal(number)
    out, err = child.communicate(timeout=2 * SOON_S)
    return child.returncode, out.decode(), err.decode()


def test_the_export_line_and_the_summary():
    with simulating() as (child, url):
        assert child.stdout.readline().decode() == f"export AWS_EC2_METADATA_SERVICE_ENDPOINT={url}\n"
        fetch(f"{url}/latest/meta-data/")
        fetch(f"{url}/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
        code, out, err = end(child, signal.SIGTERM)
    assert code == 0
    assert out == (
        "2 requests: 1 IMDSv1 (0 refused), 1 IMDSv2 of which 1 token PUTs\n  127.0.0.1: 1 IMDSv1, 1 IMDSv2\n"
    )
    assert err == ""


def test_ctrl_c():
    with simulating() as (child, _):
        code, out, err = end(child, signal.SIGINT)
    assert code == 130
    assert "0 requests" in out
    assert err == ""


def is_connected(port):
    """Whether somebody has a connection from this port: proc_pid_net_tcp(5), state 01."""
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return any(local.endswith(f":{port:04X}") and state == "01" for _, local, _, state, *_ in fields)


def test_it_ends_at_once_with_clients_waiting():
    with simulating("--set", 'faults=[{"kind":"silence-after-request"}]') as (child, url):
        waiting = process.start(["curl", "-s", url])
        try:
            wait_for(lambda: is_connected(int(url.rpartition(":")[2])))
            started = time.monotonic()
            assert end(child, signal.SIGTERM)[0] == 0
            assert time.monotonic() - started < SOON_S
        finally:
            process.stop(waiting)


def test_state_from_a_file_and_settings(tmp_path):
    file = tmp_path / "state.json"
    file.write_text('{"instance_id": "i-00000000000000001", "http_tokens": "required"}')
    with simulating("--state", str(file), "--set", "http_tokens=optional", "--set", "iam_role=web") as (_, url):
        assert fetch(f"{url}/latest/meta-data/instance-id") == "i-00000000000000001"
        assert fetch(f"{url}/latest/meta-data/iam/security-credentials/") == "web"


def test_control(tmp_path):
    path = tmp_path / "control"
    with simulating("--control", str(path)) as (child, url):
        child.stdout.readline()
        patch = ["-X", "PATCH", "-d", '{"http_tokens":"required"}', "http://localhost/state"]
        done = process.run(["curl", "-s", "--unix-socket", str(path), *patch], timeout_s=SOON_S)
        assert json.loads(done.stdout)["http_tokens"] == "required"
        with pytest.raises(urllib.error.HTTPError, match="401") as caught:
            fetch(url)
        caught.value.close()
        assert end(child, signal.SIGTERM)[0] == 0
    assert not path.exists()


def test_log_lines_are_escaped_and_carry_no_token():
    with simulating("--verbose") as (child, url):
        token = fetch(f"{url}/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
        fetch(f"{url}/", X_aws_ec2_metadata_token=token, User_Agent=f'a "b" \x1b[31m {token}')
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(f"{url}/%0a%1b[2J/a%20b/%e2%80%ae/{token}")
        caught.value.close()
        code, _, err = end(child, signal.SIGTERM)
    assert code == 0
    assert token not in err
    lines = err.splitlines()
    assert len(lines) == 3
    assert lines[0].split()[1:6] == ["127.0.0.1", "PUT", "/latest/api/token", "v2", "200"]
    assert lines[1].endswith('GET / v2 200 "a \\x22b\\x22 \\x1b[31m <token>"')
    assert " GET /\\n\\x1b[2J/a\\x20b/\\u202e/<token> v1 404 " in lines[2]


def test_ipv6_is_announced_as_closed_or_open():
    with simulating("--listen", "[::1]:0") as (child, _):
        assert child.stdout.readline() == b"[::1]:0 is closed while http_protocol_ipv6 is disabled\n"
    with simulating("--listen", "[::1]:0", "--set", "http_protocol_ipv6=enabled") as (child, _):
        assert child.stdout.readline().startswith(b"listening on http://[::1]:")


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["--listen", "169.254.169.254:80"], exitcodes.UNAVAILABLE, "cannot listen on 169.254.169.254:80"),
        (["--listen", "localhost:80"], exitcodes.USAGE, "--listen"),
        (["--set", "hop_limit=99"], exitcodes.USAGE, "hop_limit"),
        (["--set", "hop_limt=9"], exitcodes.USAGE, "hop_limt"),
        (["--state", "/dev/null/state.json"], exitcodes.USAGE, "/dev/null/state.json"),
        (["--control", "/dev/null/control", "--listen", "127.0.0.1:0"], exitcodes.UNAVAILABLE, "/dev/null/control"),
    ],
)
def test_mistakes_are_one_line(arguments, code, named):
    done = process.run([sys.executable, "-m", "imds_probe", "simulate", *arguments], timeout_s=SOON_S)
    assert done.returncode == code
    assert done.stdout == b""
    assert done.stderr.decode().count("\n") == 1
    assert named in done.stderr.decode()


def test_a_state_file_that_is_no_text(tmp_path):
    file = tmp_path / "state.json"
    file.write_bytes(b"\xff\xfe")
    done = process.run([sys.executable, "-m", "imds_probe", "simulate", "--state", str(file)], timeout_s=SOON_S)
    assert (done.returncode, b"UTF-8" in done.stderr) == (2, True)
    file.write_text("no JSON")
    done = process.run([sys.executable, "-m", "imds_probe", "simulate", "--state", str(file)], timeout_s=SOON_S)
    assert (done.returncode, f"--state {file}: not JSON: " in done.stderr.decode()) == (2, True)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:1338", ("127.0.0.1", 1338)), ("[::1]:0", ("::1", 0)), ("[fd00:ec2::254]:80", ("fd00:ec2::254", 80))],
)
def test_addresses(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "1338", ":1338", "127.0.0.1", "::1:1338", "127.0.0.1:70000", "1.2.3:80", "[x]:1"])
def test_what_is_no_address(text):
    with pytest.raises(UsageError, match="--listen"):
        parse_address(text)


def test_printable():
    assert printable("a\r\n\x1b\u202e\\" + "x" * 500).startswith("a\\r\\n\\x1b\\u202e\\\\xxx")
    assert len(printable("x" * 500)) == 200
