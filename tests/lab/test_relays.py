"""Relays between an application and the service, and rules on TTLs: before, at and after the switch."""

import pwd
import tempfile
from pathlib import Path

import pytest
from sdk_zoo import ZOO
from soon import SOON_S, wait_for
from switched import IN_VAIN_S, INSTANCE, asked_by_token, asked_without_token, by_token, finding, lowers, seen, switch

RELAY = (Path(__file__).parents[1] / "relaying.py").read_text()
REGION = {"AWS_REGION": "eu-west-1"}
USER, PORT = "1337", "15001"
CGROUP = f"0::/docker/{'5' * 64}\n"
SQUID = f"""\
http_port {PORT} intercept
http_port 3128
http_access allow all
cache deny all
pinger_enable off
access_log none
cache_log /dev/null
pid_filename none
coredump_dir /tmp
shutdown_lifetime 0 seconds
"""
MESH = {
    "iptables": (
        f"iptables -t nat -A OUTPUT -p tcp -m owner --uid-owner {USER} -j RETURN",
        f"iptables -t nat -A OUTPUT -p tcp ! -d 127.0.0.0/8 -j REDIRECT --to-ports {PORT}",
    ),
    "nft": (
        "nft add table ip mesh",
        "nft add chain ip mesh out { type nat hook output priority -100 ; }",
        f"nft add rule ip mesh out meta skuid {USER} return",
        f"nft add rule ip mesh out ip daddr != 127.0.0.0/8 meta l4proto tcp redirect to :{PORT}",
    ),
}
TTLS = {
    "inc": ("iptables -t mangle -A INPUT -j TTL --ttl-inc 1",),
    "nft": (
        "nft add table ip t",
        "nft add chain ip t in { type filter hook input priority -10 ; }",
        "nft add rule ip t in ip saddr 169.254.169.254 ip ttl set 64",
    ),
}


def ruled(node, lines):
    for line in lines:
        done = node.run(line.split(), timeout_s=SOON_S)
        assert done.returncode == 0, (line, done.stderr)


@pytest.fixture
def relay(made_up, first_line):
    """Starts one in a network, beside the container of that name."""

    def start(kind, name, node, *where, user=USER):
        script = ("/usr/bin/python3", "-c", RELAY, PORT, kind, *where)
        argv = ("/usr/bin/setpriv", f"--reuid={user}", "--clear-groups", "--", *script)
        sidecar = f"{name}-proxy".encode().hex().ljust(64, "0")[:64]
        pid, said = first_line(argv, node=node, cgroup=f"0::/docker/{sidecar}\n")
        assert said == "ready"
        return pid

    return start


def test_the_sidecar_of_a_mesh(run, service, lab, made_up, relay):
    service.update(http_protocol_ipv6="disabled")
    pod = lab.add_container("pod")
    ruled(pod, MESH["iptables"])
    relay("bytes", "shop", pod)
    made_up.start_container("shop", pod, env=REGION)
    before = run()
    assert (before.code, before.verdict, switch(before)) == (4, "needs-hop-limit", 2)
    shop = seen(before, "shop")
    assert (shop["token"], shop["distance"], shop["needs_hop_limit"]) == ("lost", None, None)
    found = finding(before, "token-lost-unmeasured")
    assert "try 2, as a relay hides" in found["summary"]
    assert any("REDIRECT" in line and PORT in line for line in found["evidence"])
    service.update(http_tokens="required")
    assert asked_by_token(pod, IN_VAIN_S) == ""
    service.update(hop_limit=switch(before))
    assert asked_by_token(pod) == INSTANCE
    after = run()
    assert (after.code, after.verdict, switch(after), lowers(after)) == (0, "ready", 2, False)
    assert seen(after, "shop")["token"] == "ok"


@pytest.mark.parametrize(("limit", "code", "token"), [(1, 4, "lost"), (3, 0, "answered-by-proxy")])
def test_a_sidecar_that_speaks_http(run, service, lab, made_up, relay, limit, code, token):
    service.update(hop_limit=limit, http_protocol_ipv6="disabled")
    pod = lab.add_container(f"pod-{limit}")
    ruled(pod, MESH["nft"])
    relay("http", "shop", pod)
    made_up.start_container("shop", pod, env=REGION)
    ran = run()
    assert (ran.code, switch(ran), lowers(ran), seen(ran, "shop")["token"]) == (code, max(limit, 2), False, token)


@pytest.mark.parametrize(("rules", "limit"), [("nft", 1), ("inc", 2)])
def test_a_rule_that_raises_ttls_in_a_container(run, service, lab, made_up, rules, limit):
    service.update(hop_limit=limit, http_protocol_ipv6="disabled")
    node = lab.add_container(f"ttl-{rules}")
    ruled(node, TTLS[rules])
    made_up.start_container("app", node, env=REGION)
    ran = run()
    assert (ran.code, ran.verdict) == ((4, "needs-hop-limit") if limit == 1 else (0, "ready"))
    assert (switch(ran), lowers(ran), seen(ran, "app")["reach"][0]["ttls_changed"]) == (2, False, True)
    assert "token-filtered" not in ran.finding_ids
    found = finding(ran, "token-lost-unmeasured" if limit == 1 else "ttls-changed")
    assert any("ttl" in line.lower() and "app" in line for line in found["evidence"])


def test_a_rule_on_the_host_that_raises_ttls(run, service, lab, made_up):
    service.update(hop_limit=1, http_protocol_ipv6="disabled")
    made_up.start_container("app", lab.add_container("raised"), env=REGION)
    rule = "PREROUTING -s 169.254.169.254 -j TTL --ttl-inc 1"
    ruled(lab.instance, [f"iptables -t mangle -A {rule}"])
    try:
        ran = run()
    finally:
        ruled(lab.instance, [f"iptables -t mangle -D {rule}"])
    assert (ran.code, ran.verdict, switch(ran), lowers(ran)) == (0, "ready", 1, False)
    assert (
        "changes the TTL of packets from the metadata service by +1" in finding(ran, "metadata-ttl-changed")["summary"]
    )
    assert seen(ran, "app")["token"] == "ok"


def test_a_proxy_on_the_host_is_known_to_speak_imdsv2_by_a_watch(run, service, lab, made_up, relay, tmp_path):
    service.update(
        hop_limit=2, http_protocol_ipv6="disabled", latency_ms=100.0
    )  # whose requests are the probe's can be seen
    node = lab.add_container("behind")
    made_up.start_container("app", node, env=REGION)
    relay("tokens", "egress", None, "169.254.169.254", "80")
    rule = f"PREROUTING -s {node.ipv4} -d 169.254.169.254/32 -p tcp --dport 80 -j REDIRECT --to-ports {PORT}"
    ruled(lab.instance, [f"iptables -t nat -I {rule}"])
    settings = tmp_path / "short.toml"
    settings.write_text('[watch]\nwindow = "10s"\ncoverage = 0.5\n')
    try:
        ran = run("--watch", "14s", "--config", str(settings))
    finally:
        ruled(lab.instance, [f"iptables -t nat -D {rule}"])
    assert (ran.code, ran.verdict, switch(ran), lowers(ran)) == (0, "ready", 2, False)
    assert seen(ran, "app")["token"] == "answered-by-proxy"


def test_what_the_environment_names_is_what_was_asked_for(run, service, relay):
    relay("tokens", "vault", None, "169.254.169.254", "80")
    ran = run(env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{PORT}"})
    # The container that the proxy runs in has a loopback of its own, so it alone is left open.
    assert [each["id"] for each in ran.report["findings"] if each["implies"]] == ["container-not-measured"]
    found = finding(ran, "named-endpoint-answered")
    assert found["summary"].startswith("a server of another name gave a token at 127.0.0.1, the address in AWS_EC2")
    assert "imds-answered-by-proxy" not in ran.finding_ids


def test_a_host_whose_own_requests_a_relay_takes(run, service, lab, made_up, relay):
    """Its TTLs are the relay's, and no container is measured by them."""
    service.update(hop_limit=1, http_protocol_ipv6="disabled")
    made_up.start_container("app", lab.add_container("beside"), env=REGION)
    relay("bytes", "egress", None)
    ruled(lab.instance, MESH["iptables"])
    try:
        ran = run()
    finally:
        ruled(lab.instance, [line.replace(" -A ", " -D ") for line in MESH["iptables"]])
    assert (ran.imds["hop_limit"], seen(ran, "app")["distance"]) == (None, None)
    assert (ran.code, ran.verdict, switch(ran)) == (4, "needs-hop-limit", 2)
    assert "a higher hop limit does not help" not in ran.stdout.lower()


def test_a_rule_on_the_host_that_lowers_ttls(service, behind, of_host):
    of_host("mangle", "PREROUTING -s 169.254.169.254 -j TTL --ttl-dec 1")
    node, before = behind("lowered", 2, lambda node: None)
    assert (before.code, before.verdict, switch(before)) == (4, "needs-hop-limit", 3)
    assert any("--ttl-dec 1" in line for line in finding(before, "hop-limit-too-low")["evidence"])
    assert asked_by_token(node, IN_VAIN_S) == ""
    service.update(http_tokens="required", hop_limit=switch(before))
    assert asked_by_token(node) == INSTANCE


@pytest.mark.parametrize("where", ["pod", "host"])
def test_a_redirect_that_spares_root(run, service, lab, made_up, relay, where):
    """imds-probe is root, and receives a token; users receive metadata by IMDSv1 alone."""
    service.update(hop_limit=2, http_protocol_ipv6="disabled")
    node = lab.add_container("apart") if where == "pod" else lab.instance
    relay("old", "shop", None if where == "host" else node, "169.254.169.254", "80", user="0")
    if where == "pod":
        made_up.start_container("shop", node, env=REGION)
    rule = "OUTPUT -d 169.254.169.254/32 -p tcp --dport 80 -m owner ! --uid-owner 0 -j REDIRECT --to-ports"
    as_user = ("setpriv", "--reuid=1000", "--clear-groups", "--", "sh", "-c", by_token())
    ruled(node, [f"iptables -t nat -A {rule} {PORT}"])
    try:
        ran = run()
        service.update(http_tokens="required")
        after = node.run(as_user, timeout_s=3 * SOON_S).stdout
    finally:
        ruled(node, [f"iptables -t nat -D {rule} {PORT}"])
    assert (ran.code, ran.verdict, after) == (3, "unknown", b"")
    assert f"--to-ports {PORT}" in finding(ran, "metadata-redirect-untested")["evidence"][0]


@pytest.fixture
def behind(run, service, lab, made_up):
    """A container behind something, judged at a hop limit while tokens are optional."""

    def call(name, limit, stand):
        service.update(hop_limit=limit, http_protocol_ipv6="disabled")
        node = lab.add_container(name)
        stand(node)
        made_up.start_container("app", node, env=REGION)
        return node, run()

    return call


@pytest.fixture
def of_host(lab):
    """Rules on the host, which are taken away again: each with its table."""
    added = []

    def call(table, rule):
        added.append((table, rule))
        ruled(lab.instance, [f"iptables -t {table} -A {rule}"])

    yield call
    for table, rule in added:
        ruled(lab.instance, [f"iptables -t {table} -D {rule}"])


def test_a_rule_that_raises_ttls_where_packets_leave(service, behind, of_host):
    """Too late for the host, which passes nothing on that comes with 1."""
    of_host("mangle", "POSTROUTING -s 169.254.169.254 -j TTL --ttl-set 64")
    node, before = behind("leaving", 1, lambda node: None)
    assert (before.verdict, switch(before), lowers(before)) == ("needs-hop-limit", 2, False)
    assert seen(before, "app")["distance"] is None
    service.update(http_tokens="required")
    assert asked_by_token(node, IN_VAIN_S) == ""
    service.update(hop_limit=switch(before))
    assert asked_by_token(node) == INSTANCE


@pytest.mark.parametrize(("kind", "verdict"), [("tokens", "unknown"), ("half", "unknown"), ("old", "not-ready")])
def test_a_metadata_proxy_on_the_host(service, behind, relay, of_host, kind, verdict):
    """As kube2iam is put there: requests of containers are brought to it, and it asks the service itself. From before the proxy,
    what asks by IMDSv1 there looks as what does not.
    """

    def stand(node):
        relay(kind, "proxy", None, "169.254.169.254", "80")
        rule = f"PREROUTING -s {node.ipv4} -d 169.254.169.254/32 -p tcp --dport 80 -j DNAT --to-destination"
        of_host("nat", f"{rule} 172.17.0.1:{PORT}")

    node, before = behind(kind, 2, stand)
    assert (before.verdict, switch(before), lowers(before)) == (verdict, 2, False)
    assert seen(before, "app")["token"] == "answered-by-proxy"
    assert asked_without_token(node) == INSTANCE
    service.update(http_tokens="required")
    assert (asked_by_token(node), asked_without_token(node)) == ((INSTANCE, INSTANCE) if kind == "tokens" else ("", ""))


@pytest.fixture
def squid():
    """Starts one in a network, where it takes connections that are brought to it and, at another port, requests for others."""
    user = pwd.getpwnam("proxy")

    def start(node, more=""):
        settings.write(SQUID + more)
        settings.flush()
        Path(settings.name).chmod(0o644)
        argv = ("/usr/bin/setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")
        started.append(node.start((*argv, "/usr/sbin/squid", "--foreground", "-f", settings.name)))
        ports = f"cat /proc/net/tcp /proc/net/tcp6 | grep -q :{int(PORT):04X}"
        wait_for(lambda: node.run(["sh", "-c", ports], timeout_s=SOON_S).returncode == 0)

    started = []
    with tempfile.NamedTemporaryFile("w", prefix="squid-") as settings:
        yield start
        for child in started:
            child.terminate()
            child.wait(timeout=SOON_S)


@pytest.mark.parametrize(("more", "verdict"), [("", "not-ready"), ("forwarded_for delete\nvia off\n", "ready")])
def test_squid_as_the_way_out(service, behind, squid, more, verdict):
    """As it comes, it says whom it asks for, and such a request is given no token."""

    def stand(node):
        ruled(node, [line.replace(USER, str(pwd.getpwnam("proxy").pw_uid)) for line in MESH["nft"]])
        squid(node, more)

    node, before = behind(f"squid{len(more)}", 2, stand)
    assert (before.verdict, switch(before), lowers(before)) == (verdict, 2, False)
    assert asked_without_token(node) == INSTANCE
    service.update(http_tokens="required")
    assert asked_by_token(node) == (INSTANCE if more else "")


BOTOCORE = """
import sys, time
from botocore.session import Session
session = Session()
session.set_config_variable("metadata_service_timeout", 60)
print(getattr(session.get_credentials(), "access_key", None), flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("where", "exempt", "verdict"),
    [
        ("container", "localhost", "unknown"),
        ("container", "localhost,169.254.169.254", "ready"),
        ("host", "localhost", "unknown"),
    ],
)
def test_botocore_asks_through_the_proxy_of_its_environment(
    run, service, lab, made_up, first_line, squid, where, exempt, verdict
):
    service.update(hop_limit=2, http_protocol_ipv6="disabled")
    node = lab.add_container(f"way-out-{verdict}") if where == "container" else lab.instance
    squid(node)
    files = {"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "HOME": "/nowhere"}
    packages = {"PYTHONPATH": f"{ZOO}/opt/python-new/lib/python3.11/site-packages"}
    env = {**REGION, **files, **packages, "HTTP_PROXY": "http://127.0.0.1:3128", "NO_PROXY": exempt}
    place = {"node": node, "cgroup": CGROUP} if where == "container" else {"cgroup": "0::/system.slice/shop.service\n"}
    _, key = first_line(("/usr/bin/python3", "-c", BOTOCORE, "600"), env=env, **place)
    ran = run()
    service.update(http_tokens="required")
    words = [f"{name}={value}" for name, value in env.items()]
    after = (
        node.run(["env", *words, "/usr/bin/python3", "-c", BOTOCORE, "0"], timeout_s=3 * SOON_S).stdout.decode().strip()
    )
    assert (ran.verdict, key.startswith("ASIA"), after) == (verdict, True, "None" if verdict == "unknown" else key)
    assert ("metadata-through-http-proxy" in ran.finding_ids) == (verdict == "unknown")


# One that asks for a token and falls back, and one that never does: under one name, and as often as it takes, as the run says
# itself when it watches.
CLIENT = """
import http.client, sys, time
def ask(method, path, timeout_s, **headers):
    there = http.client.HTTPConnection("169.254.169.254", timeout=timeout_s)
    there.request(method, path, headers={"User-Agent": "client/1", **headers})
    there.getresponse().read()
while True:
    try:
        if sys.argv[1] == "falls-back":
            ask("PUT", "/latest/api/token", 5, **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        raise OSError
    except OSError:
        ask("GET", f"/latest/meta-data/{sys.argv[2]}", 60)
    time.sleep(1)
"""


def test_two_programs_behind_one_sidecar(run, service, lab, made_up, relay):
    """To the host both are the sidecar: that one of them falls back says nothing of the other, which the switch breaks."""
    service.update(hop_limit=1, http_protocol_ipv6="disabled", latency_ms=600.0)
    pod = lab.add_container("two")
    ruled(pod, MESH["nft"])
    relay("bytes", "shop", pod)
    made_up.start_container("shop", pod, env=REGION)
    for kind, path in (("falls-back", "ami-id"), ("plain", "instance-id")):
        made_up.start_container("shop", pod, env=REGION, argv=("/usr/bin/python3", "-c", CLIENT, kind, path))
    ran = run("--watch", "20s")
    assert ran.verdict == "unknown"
    assert "imdsv1-fallback" not in ran.finding_ids
    assert finding(ran, "imdsv1-through-relay")["fix"]["text"].startswith("Raise the hop limit to 2")


def test_a_server_that_a_container_names(run, service, lab, made_up, relay):
    """It is asked in the service's stead, and asks the service by IMDSv1 itself."""
    service.update(hop_limit=2, http_protocol_ipv6="disabled")
    relay("old", "vault", None, "169.254.169.254", "80")
    named = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://172.17.0.1:{PORT}"}
    made_up.start_container("shop", lab.add_container("names"), env=REGION | named)
    ran = run()
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert finding(ran, "named-endpoint-untested")["subject"] == "shop"
