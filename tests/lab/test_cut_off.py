"""Rules that keep root from the metadata service: whether they keep all programs from it, before the switch and after."""

import contextlib

import pytest
from soon import SOON_S
from switched import IN_VAIN_S, SERVICE, finding, lowers

PYTHON = "/usr/bin/python3"
# It sleeps first, so that nothing is asked while its code is read.
LATER = f"import time, urllib.request\ntime.sleep(600)\nurllib.request.urlopen('{SERVICE}/meta-data/instance-id')"
OWNER = "iptables {} OUTPUT -d 169.254.169.254/32 -m owner ! --uid-owner 33 -j REJECT"  # as AWS describes it
DROP = "iptables {} OUTPUT -d 169.254.169.254 -j DROP"
REDIRECT = "iptables -t nat {} PREROUTING -d 169.254.169.254/32 -p tcp --dport 80 -j REDIRECT --to-ports 8181"
AS_APP = ("setpriv", "--reuid=33", "--clear-groups", "--")
APP = "0::/system.slice/app.service\n"


@contextlib.contextmanager
def ruled(node, rule):
    try:
        done = node.run(rule.format("-A").split(), timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr
        yield
    finally:
        node.run(rule.format("-D").split(), timeout_s=SOON_S)


def asked_as_app(node, within_s=SOON_S):
    argv = [*AS_APP, "curl", "-sf", "-m", f"{within_s:g}", f"{SERVICE}/meta-data/instance-id"]
    return node.run(argv, timeout_s=2 * SOON_S).stdout


@pytest.mark.parametrize("env", [{"AWS_REGION": "eu-west-1"}, {}])
def test_a_rule_of_a_container_that_lets_one_user_through(run, service, lab, start_as, env):
    service.update(http_protocol_ipv6="disabled", hop_limit=2)
    pod = lab.add_container(f"byuser{len(env)}")
    start_as(AS_APP, ["/bin/sleep", "600"], name="shop", node=pod, env=env)
    with ruled(pod, OWNER):
        ran = run()
        assert asked_as_app(pod)
        service.update(http_tokens="required")
        assert not asked_as_app(pod)
    assert (ran.code, ran.verdict, lowers(ran)) == (3, "unknown", False)
    assert "-j REJECT" in finding(ran, "metadata-perhaps-served")["evidence"][-1] or "reject" in ran.stdout


def test_code_that_asks_without_a_token_behind_a_server_that_is_down(run, service, lab, made_up):
    service.update(http_protocol_ipv6="disabled", hop_limit=2)
    pod = lab.add_container("down")
    made_up.start_container("shop", pod, argv=[PYTHON, "-c", LATER])
    with ruled(lab.instance, REDIRECT):
        ran = run()
    assert (ran.code, ran.verdict) == (1, "not-ready")
    assert {"code-imdsv1", "metadata-perhaps-served"} <= ran.finding_ids
    assert "metadata-unreachable" not in ran.finding_ids


def test_code_that_asks_through_an_http_proxy_past_a_filter(run, service, lab, made_up):
    service.update(http_protocol_ipv6="disabled", hop_limit=2)
    pod = lab.add_container("proxied", drop=True)
    made_up.start_container("shop", pod, argv=[PYTHON, "-c", LATER], env={"http_proxy": "http://10.0.0.1:3128"})
    ran = run()
    assert (ran.code, ran.verdict) == (1, "not-ready")
    assert {"code-imdsv1", "metadata-blocked"} <= ran.finding_ids
    assert "metadata-unreachable" not in ran.finding_ids


def test_a_rule_of_the_host_that_lets_one_user_through(run, service, lab, start_as):
    service.update(http_protocol_ipv6="disabled")
    start_as(AS_APP, ["/bin/sleep", "600"], cgroup=APP)
    with ruled(lab.instance, OWNER):
        ran = run()
        assert asked_as_app(lab.instance)
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert any("acceptance" in noun for noun in finding(ran, "imds-kept-away")["settled_by"])


def test_a_rule_of_the_host_that_lets_nobody_through(run, service, lab, made_up):
    service.update(http_protocol_ipv6="disabled")
    made_up.start([PYTHON, "-c", LATER], cgroup=APP)
    with ruled(lab.instance, DROP):
        ran = run()
        assert not asked_as_app(lab.instance, IN_VAIN_S)
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert finding(ran, "code-imdsv1-unserved")["severity"] == "warning"
    assert "all programs of this host" in finding(ran, "imds-kept-away")["summary"]


def test_cloud_init_takes_the_service_away(run, service, lab, made_up, host):
    service.update(http_protocol_ipv6="disabled")
    (host / "etc/cloud").mkdir(parents=True, exist_ok=True)
    (host / "etc/cloud/cloud.cfg").write_text("disable_ec2_metadata: true\n")
    done = lab.instance.run(["ip", "rule", "add", "to", "169.254.169.254", "prohibit", "pref", "10"], timeout_s=SOON_S)
    try:
        assert done.returncode == 0, done.stderr
        ran = run()
    finally:
        lab.instance.run(["ip", "rule", "del", "pref", "10"], timeout_s=SOON_S)
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert finding(ran, "imds-kept-away")["implies"] == "unknown"


# What gVisor and Kata Containers make of a container's network namespace.
GVISOR = ("ip -4 addr flush dev eth0", "ip -6 addr flush dev eth0")
KATA = (
    "ip tuntap add tap0_kata mode tap",
    "ip link set tap0_kata up",
    "tc qdisc add dev eth0 ingress",
    "tc filter add dev eth0 parent ffff: protocol all u32 match u8 0 0 action mirred egress redirect dev tap0_kata",
)


@pytest.mark.parametrize(("name", "lines", "why"), [("gvisor", GVISOR, "gVisor"), ("kata", KATA, "a tap interface")])
def test_a_network_behind_that_of_the_container_was_not_measured(run, service, lab, made_up, name, lines, why):
    service.update(http_protocol_ipv6="disabled", hop_limit=1)
    pod = lab.add_container(name)
    for line in lines:
        done = pod.run(line.split(), timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr
    made_up.start_container("pod", pod, env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"})
    ran = run()
    assert (ran.code, ran.verdict) == (3, "unknown")
    found = finding(ran, "metadata-perhaps-served")
    assert why in found["evidence"][-1]
    assert "raise the hop limit to 2" in found["fix"]["text"]
    assert "metadata-unreachable" not in ran.finding_ids
