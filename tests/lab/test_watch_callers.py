"""Who calls, as real software calls, and as nobody should: each held to what the service itself counted."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sdk_zoo import ZOO
from soon import SOON_S
from watching import SOURCE, numbered, watching

IP = "169.254.169.254"
# For the answer to a token request that is lost. Before that is over, a slow machine has sent the request.
LOST_S = 5
# botocore of 2019 needs names that collections had until Python 3.9.
BOTOCORE = """
import collections, collections.abc, sys
for name in ("Mapping", "MutableMapping", "Callable", "MutableSet"):
    setattr(collections, name, getattr(collections.abc, name))
from botocore.session import Session
session = Session()
session.set_config_variable("metadata_service_timeout", int(sys.argv[1]))
found = session.get_credentials()
print(found and found.access_key)
"""
NODE_OLD = """
const AWS = require("/SITE/node_modules/aws-sdk");
const service = new AWS.MetadataService({ httpOptions: { timeout: 60000 } });
service.request("/latest/meta-data/instance-id", (error, data) => console.log(error || data));
"""
NODE_NEW = """
const AWS = require("/SITE/node_modules/aws-sdk");
new AWS.EC2MetadataCredentials({ httpOptions: { timeout: 60000 } }).refresh(error => console.log(error || "refreshed"));
"""
RCLONE = ["--s3-provider", "AWS", "--s3-env-auth", "--retries", "1", "--low-level-retries", "1", "--contimeout", "1s"]
NO_CONFIG = {
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "HOME": "/nonexistent",
    "RCLONE_CONFIG": "/dev/null",  # else rclone makes that directory
}


def python(site: str, answers_within_s: float = SOON_S) -> tuple[list[str], dict[str, str]]:
    packages = f"{ZOO}/opt/{site}/lib/python3.11/site-packages"
    return ["/usr/bin/python3", "-c", BOTOCORE, f"{answers_within_s:g}"], {"PYTHONPATH": packages}


def node(site: str, script: str) -> tuple[list[str], dict[str, str]]:
    return [shutil.which("node"), "-e", script.replace("/SITE", f"{ZOO}/srv/{site}")], {}


@pytest.mark.parametrize(
    ("caller", "env", "where", "versions", "agent"),
    [
        pytest.param(python("python-old"), {}, "host", {"v1"}, "Boto", id="botocore-2019"),
        pytest.param(python("python-new"), {}, "host", {"v2"}, "Boto", id="botocore-new"),
        pytest.param(python("python-new", LOST_S), {}, "bridge", {"v1", "v2"}, "Boto", id="botocore-new-falls-back"),
        pytest.param(
            python("python-new", LOST_S),
            {"AWS_EC2_METADATA_V1_DISABLED": "true"},
            "bridge",
            {"v2"},
            "Boto",
            id="botocore-new-without-fallback",
        ),
        pytest.param(node("node-old", NODE_OLD), {}, "host", {"v1"}, None, id="aws-sdk-js-old"),
        pytest.param(node("node-new", NODE_NEW), {}, "host", {"v2"}, None, id="aws-sdk-js-new"),
        pytest.param(
            ([f"{ZOO}/debian/usr/bin/rclone", "lsd", ":s3:", *RCLONE], {}),
            {},
            "host",
            {"v2"},
            "rclone",
            id="aws-sdk-go",
        ),
        pytest.param((["/usr/bin/ec2metadata", "--instance-id"], {}), {}, "host", None, None, id="cloud-guest-utils"),
    ],
)
def test_real_software_is_counted_as_the_service_counts_it(lab, service, bridged, caller, env, where, versions, agent):
    argv, own = caller
    place = bridged if where == "bridge" else lab.instance
    with watching(lab, "--json") as watched:
        child = place.start(argv, env=NO_CONFIG | own | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = child.communicate(timeout=2 * SOON_S)[0].decode()
    seen = watched.calls
    counts = service.counts
    assert sum(each["version"] == "v1" for each in seen) == counts.imdsv1, said
    assert sum(each["version"] == "v2" for each in seen) == counts.imdsv2, said
    assert seen, said
    spoken = {each["version"] for each in seen}
    if versions is not None:
        # rclone allows an answer one second, whatever it is told, and falls back where a slow machine needs longer.
        assert spoken >= versions if agent == "rclone" else spoken == versions, said
    assert {each["caller"]["pid"] for each in seen} == {child.pid}
    if agent is not None:
        assert any(agent.lower() in each["user_agent"].lower() for each in seen), seen


@pytest.fixture(scope="module")
def bridged(lab):
    return lab.add_container("w-sdk", "bridge")


# One that falls back, as the SDKs do, and one that never asks for a token: the same program, at the same time.
FALLS_BACK = f"""
import http.client, socket
def ask(method, path, headers):
    connection = http.client.HTTPConnection("{IP}", timeout={LOST_S} if method == "PUT" else {SOON_S})
    connection.request(method, path, headers={{"User-Agent": "x", **headers}})
    return connection.getresponse().read()
try:
    ask("PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds": "60"}})
except OSError:
    ask("GET", "{numbered(1)}", {{}})
    ask("GET", "{numbered(2)}", {{}})
"""
PLAIN = f"""
import http.client
connection = http.client.HTTPConnection("{IP}", timeout={SOON_S})
connection.request("GET", "{numbered(3)}", headers={{"User-Agent": "x"}})
connection.getresponse().read()
"""
CURL = f"curl -s -m {SOON_S:g} -o /dev/null"
ASK = f"curl -s -m {LOST_S} -o /dev/null -f -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://{IP}/latest/api/token"
EITHER = f"if TOKEN=$({ASK} | cat && exit $PIPESTATUS); then :; fi; {CURL} http://{IP}{numbered(4)}"
# As cron does, which is there when what it started has ended.
CRON = """
import subprocess, sys
for script in sys.argv[1:]:
    subprocess.run(["/bin/sh", "-c", script])
print("done", flush=True)
sys.stdin.read()
"""


def test_what_falls_back_is_told_from_what_never_asks_for_a_token(lab, service, bridged, tmp_path):
    """By each process's own request, or that of its script; and who started the script is said."""
    service.update(hop_limit=1)
    scripts = {name: tmp_path / name for name in ("register-dns.sh", "tag-host.sh")}
    for number, script in enumerate(scripts.values()):
        script.write_text(f"#!/bin/sh\n{CURL} http://{IP}{numbered(5 + number)}\nexit 0\n")
        script.chmod(0o755)
    cron = shutil.copy(sys.executable, tmp_path / "cron")
    with watching(lab, "--json") as watched:
        commands = [["/usr/bin/python3", "-c", code] for code in (FALLS_BACK, PLAIN)] + [["bash", "-c", EITHER]]
        inside = [bridged.start(command) for command in commands]
        # Some times: on a machine that starts thousands of processes, the kernel's notes of one may be overwritten.
        commands = [*map(str, scripts.values()), f"{CURL} http://{IP}/openstack/latest/"] * 6
        on_host = lab.instance.start([cron, "-c", CRON, *commands], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert on_host.stdout
        assert on_host.stdout.readline() == b"done\n"
        for child in inside:
            assert child.wait(timeout=2 * SOON_S) == 0
    on_host.communicate(timeout=SOON_S)
    seen = {each["path"]: each for each in watched.calls if each["method"] == "GET"}
    asked = [each for each in watched.calls if each["method"] == "PUT"]
    assert {(each["token"], each["token_ttl"], each["distance"]) for each in asked} == {("lost", 1, 1)}
    fell_back = [seen[numbered(number)]["token"] for number in (1, 2, 4)]
    assert fell_back == ["lost"] * 3
    # On a busy machine it may stay unknown whose a token request was: then none is said to have asked for no token.
    assert seen[numbered(3)]["token"] in ({"none"} if all(each["caller"] for each in asked) else {"none", "unseen"})
    assert {seen[numbered(number)]["netns"] for number in (1, 3)} == {bridged.inode}
    for path, script in {
        numbered(5): "register-dns.sh",
        numbered(6): "tag-host.sh",
        "/openstack/latest/": None,
    }.items():
        found = [each for each in watched.calls if each["path"] == path and each["caller"]]
        starters = {
            (each["caller"]["script"], each["caller"]["started_by"]) for each in found if each["caller"]["started_by"]
        }
        assert starters == {(script and str(scripts[script]), "cron")}
        assert "none" in {each["token"] for each in found} <= {"none", "unseen"}
        assert {(each["status"], each["distance"], each["netns"]) for each in found} == {(404, 0, None)}


WITHOUT_TRACEPOINT = """
import json
from imds_probe.watch import watcher as module
module.ANSWER_WITHIN_S = 60.0  # each is answered, and a slow machine's late
with module.Watcher(tracing=False) as watcher:
    print("ready", flush=True)
    while True:
        for seen in watcher.calls(0.2):
            print(json.dumps([seen.method, seen.token, seen.caller is not None]), flush=True)
"""
# Each waits to be told that it was looked at: without the tracepoint, nobody knows whose a connection was.
HOLDS = f"""
import os, socket, sys
method, path, header = sys.argv[1:]
with socket.create_connection(("{IP}", 80)) as client:
    client.sendall(f"{{method}} {{path}} HTTP/1.1\\r\\nHost: x\\r\\nUser-Agent: x\\r\\n{{header}}: 60\\r\\n\\r\\n".encode())
    os.read(0, 1)
"""


def test_a_container_of_seconds_is_told_why_it_falls_back_without_the_tracepoint_too(lab, service, bridged, tmp_path):
    """Its network is a new one, and its token request is the first that comes from there."""
    service.update(hop_limit=1)
    fetch = f"curl -s -o /dev/null http://{IP}/latest/meta-data/ami-id"
    requests = ("PUT /latest/api/token X-aws-ec2-metadata-token-ttl-seconds", "GET /latest/meta-data/ami-id X-Nothing")
    curl = shutil.copy(
        Path(sys.executable).resolve(), tmp_path / "curl"
    )  # what asks for a script, and is not its client
    script = "; ".join(f'"$0" -ISc "$1" {each}' for each in requests)
    child = lab.instance.start(
        [sys.executable, "-c", WITHOUT_TRACEPOINT], env={"PYTHONPATH": SOURCE}, stdout=subprocess.PIPE
    )
    assert child.stdout
    try:
        assert child.stdout.readline() == b"ready\n"
        lab.instance.run(fetch.split(), timeout_s=SOON_S)  # so that networks have just been looked for
        assert json.loads(child.stdout.readline())[0] == "GET"
        argv = ["sh", "-c", f"{script}; exit 0", str(curl), HOLDS]
        brief = bridged.start(argv, env={"PYTHONHOME": sys.base_prefix}, stdin=subprocess.PIPE)
        assert brief.stdin
        seen = []
        for _ in requests:
            seen.append(json.loads(child.stdout.readline()))
            brief.stdin.write(b"\n")
            brief.stdin.flush()
        assert brief.wait(timeout=SOON_S) == 0
    finally:
        child.kill()
        child.communicate()
    assert seen == [["PUT", "lost", True], ["GET", "lost", True]]


HOSTILE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "no UTF-8": b"GET /latest/\xff\xfe\x80 HTTP/1.1\r\nUser-Agent: \xff\xfe\x1b[31m\r\n\r\n",
    "a head of 64 KB": b"GET /latest/user-data HTTP/1.1\r\nCookie: " + b"x" * 65536 + b"\r\n\r\n",
    "a token without ==": b"GET /latest/meta-data/ami-id HTTP/1.1\r\nX-aws-ec2-metadata-token: AQAEA-no-end\r\n\r\n",
}


def test_who_sends_the_header_of_a_token_request_with_a_get_breaks_at_the_switch(lab, service):
    """And so has to count as one that asks without a token: it is served until then."""
    argv = ["curl", "-s", "-m", f"{SOON_S:g}", "-o", "/dev/null", "-w", "%{http_code}"]
    argv += ["-H", "X-aws-ec2-metadata-token-ttl-seconds: 21600", f"http://{IP}/latest/meta-data/ami-id"]
    answers = []
    with watching(lab, "--json") as watched:
        for tokens in ("optional", "required"):
            service.update(http_tokens=tokens)
            answers.append(lab.instance.run(argv, timeout_s=SOON_S).stdout)
    assert answers == [b"200", b"401"]
    assert [(each["version"], each["status"]) for each in watched.calls] == [("v1", 200), ("v1", 401)]


def test_what_is_no_request_of_anybodys_hurts_nobody(lab, service):
    """And what comes after it is counted all the same."""
    with watching(lab, "--json") as watched:
        for content in HOSTILE.values():
            with lab.instance.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
                client.settimeout(SOON_S)
                client.connect((IP, 80))
                client.sendall(content)
                try:
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except OSError:
                    pass  # the service may have had enough of it
        with lab.instance.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.connect((IP, 80))
            for byte in f"GET {numbered(1)} HTTP/1.1\r\nHost: x\r\n\r\n".encode():
                client.sendall(bytes([byte]))
                time.sleep(0.001)
            client.recv(65536)
    seen = {each["path"]: each for each in watched.calls}
    assert watched.code == 0
    assert "Traceback" not in watched.err
    assert seen["/latest/meta-data/ami-id"]["version"] == "v2"
    assert seen["/latest/user-data"]["version"] == "v1"
    assert seen[numbered(1)]["status"] == 404
    assert "AQAEA-no-end" not in watched.out
    assert "\x1b" not in watched.out
    assert len(seen) == 4  # the TLS hello is no call


def test_a_token_that_is_none_is_a_finding_of_its_own(lab, service, run, tmp_path):
    """As often as it takes: the run says itself when it watches."""
    service.update(http_tokens="optional")
    over = tmp_path / "over"
    header = "X-aws-ec2-metadata-token: bm90LWEtdG9rZW4="
    curl = f"{CURL} -H '{header}' http://{IP}/latest/meta-data/instance-id"
    child = lab.instance.start(["sh", "-c", f"until [ -e {over} ]; do {curl}; sleep 0.2; done"])
    ran = run("--watch", "8s")
    over.touch()
    assert child.wait(timeout=SOON_S) == 0
    (finding,) = [each for each in ran.report["findings"] if each["id"] == "token-expired"]
    assert (finding["severity"], finding["implies"]) == ("warning", None)
    assert "with a token that is expired or invalid" in finding["summary"]
    assert ran.report["callers"]["imdsv1"] == 0
    assert not ran.finding_ids & {"imdsv1-caller", "imdsv1-refused"}
