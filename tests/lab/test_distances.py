"""Who may say how far away a network is: a user never, root's where the host saw it, and nobody above 3 without the way."""

import sys
from pathlib import Path

import pytest
from soon import SOON_S, wait_for

from imds_probe.net import namespaces

REGION = {"AWS_REGION": "eu-west-1"}
USER = 4242
PROGRAM = str(Path(__file__).parents[1] / "users_network.py")
FAMILIES = ("ipv4", "ipv6")


@pytest.fixture(scope="module")
def nodes(lab):
    kinds = {
        "web": ("bridge", {}),
        "deep": ("nested", {}),
        "far": ("chain", {"hops": 3}),
        "mac": ("macvlan", {}),
        "task": ("awsvpc", {}),
        "other-task": ("awsvpc", {}),
    }
    made = {name: lab.add_container(name, kind, **options) for name, (kind, options) in kinds.items()}
    made["inside-task"] = lab.add_container("inside-task", "nested", inside=made["other-task"])
    return made


@pytest.fixture
def network(made_up, tmp_path):
    """Makes networks with something that answers in them; see users_network.py. Gives the process id on the made-up host."""
    made = []

    def make(answer, ttl, *, uid=USER, layers=1, **options):
        ready = tmp_path / f"ready-{len(made)}"
        argv = (sys.executable, PROGRAM, str(uid), str(layers), answer, str(ttl), str(ready))
        pid = made_up.start(argv, env=REGION, **options)
        made.append(pid)
        wait_for(lambda: ready.exists() and ready.read_text() == "ready")
        return pid

    yield make
    for pid in made:
        made_up.end(pid)


def by_name(ran):
    return {each["name"]: each for each in ran.report["containers"]}


def of_users(ran):
    return [each for each in ran.report["containers"] if each["netns_owner_uid"] is not None]


def verdict(ran):
    said = ran.report["verdict"]
    return ran.code, said["state"], said["reasons"], said["switch"], said["rollback"], said["price"], said["ways"]


def commands(ran):
    said = ran.report["verdict"]
    fixes = [each["fix"] for each in ran.report["findings"] if each["fix"]]
    return " ".join([*said["switch"]["aws_cli"].split(), said["switch"]["terraform"], str(fixes)])


def finding(ran, kind):
    (found,) = [each for each in ran.report["findings"] if each["id"] == kind]
    return found


@pytest.fixture(scope="module")
def of_web_alone():
    """The verdicts on the host with its one container, by the hop limit: the same in each test."""
    return {}


@pytest.mark.parametrize(
    ("answer", "ttl", "limit"),
    [("token", 1, 1), ("token", 64, 2), ("silent", 62, 1), ("silent", 200, 2), ("403", 1, 1), ("kiam", 1, 2)],
)
def test_what_answers_in_a_users_network_changes_no_verdict(
    run, service, made_up, nodes, network, of_web_alone, answer, ttl, limit
):
    service.update(hop_limit=limit)
    made_up.start_container("web", nodes["web"], env=REGION)
    before = of_web_alone[limit] = of_web_alone.get(limit) or run()
    network(answer, ttl)
    after = run()
    assert verdict(after) == verdict(before)
    (theirs,) = of_users(after)
    assert (theirs["netns_owner_uid"], theirs["distance"], theirs["needs_hop_limit"]) == (USER, None, None)
    assert [each["confirmed"] for each in theirs["reach"]] == [False, False]
    arrives = answer == "token"
    assert ("users-network-without-token" in after.finding_ids) == (not arrives)
    assert after.report["verdict"]["confidence"] == ("medium" if arrives else "low")
    assert before.report["verdict"]["confidence"] == "medium"


def test_networks_of_users_within_users_and_many_of_them(run, service, made_up, nodes, network):
    made_up.start_container("web", nodes["web"], env=REGION)
    before = run()
    for layers in (1, 2, 3):
        network("silent", 1, layers=layers)
    after = run()
    assert verdict(after) == verdict(before)
    assert [each["netns_owner_uid"] for each in of_users(after)] == [USER] * 3
    found = finding(after, "users-network-without-token")
    assert found["summary"].startswith("3 networks made by users receive no token")
    assert all("belongs to user 4242" in line for line in found["evidence"])


@pytest.mark.parametrize("output", ["text", "html"])
def test_no_page_offers_what_a_stranger_says(run, service, made_up, nodes, network, output):
    made_up.start_container("web", nodes["web"], env=REGION)
    network("silent", 1)
    printed = run("--output", output, parse=False).stdout
    assert "--http-put-response-hop-limit 2" in printed
    assert "limit 64" not in printed


def test_a_token_that_arrives_through_a_relay_is_fine(run, service, made_up, network):
    before = run()
    network("relay", 64)
    after = run()
    assert verdict(after)[1:2] == verdict(before)[1:2] == ("ready",)
    (theirs,) = of_users(after)
    assert [(each["token"], each["confirmed"], each["distance"]) for each in theirs["reach"]] == [
        ("ok", False, None)
    ] * 2
    assert after.report["verdict"]["confidence"] == before.report["verdict"]["confidence"]
    assert "users-network-without-token" not in after.finding_ids


def test_a_users_network_that_is_truly_connected_raises_nothing_either(run, service, lab, made_up, network):
    """As with lxc-user-nic: root gave it a cable to the bridge."""
    pid = network("none", 1)
    outer = made_up.outer_pid(pid)
    for words in (
        f"link add vethu type veth peer name eth0 netns {outer}",
        "link set vethu master docker0",
        "link set vethu up",
    ):
        assert lab.instance.run(["ip", *words.split()], timeout_s=SOON_S).returncode == 0
    lines = [
        "link set lo up",
        "addr add 172.17.0.240/16 dev eth0",
        "link set eth0 up",
        "route add default via 172.17.0.1",
    ]
    there = Path(f"/proc/{outer}/ns/net")
    assert namespaces.owner_uid(there) == USER
    for words in lines:
        done = lab.instance.run(["nsenter", f"--net={there}", "ip", *words.split()], timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr
    ran = run()
    (theirs,) = of_users(ran)
    reach = theirs["reach"][0]
    assert (reach["token"], reach["distance"], reach["confirmed"]) == ("lost", 1, True)
    assert (ran.code, ran.verdict, ran.report["verdict"]["switch"]["http_put_response_hop_limit"]) == (0, "ready", 1)
    assert "users-network-without-token" in ran.finding_ids
    service.update(hop_limit=2)
    ran = run()
    assert of_users(ran)[0]["token"] == "ok"
    assert "users-network-without-token" not in ran.finding_ids
    assert "hop-limit-higher-than-needed" not in ran.finding_ids


@pytest.mark.parametrize(
    ("answer", "token", "code", "ttl"),
    [("token", "ok", 4, 63), ("kiam", "answered-by-proxy", 3, 1), ("silent", "lost", 3, 63)],
)
def test_what_answers_in_a_network_of_roots_is_not_the_service(
    run, service, made_up, nodes, network, answer, token, code, ttl
):
    """Its answer is what a program there lives on: whether a token came decides, and no number comes of it."""
    made_up.start_container("web", nodes["web"], env=REGION)
    network(answer, ttl, uid=0)
    ran = run()
    assert (ran.code, ran.verdict) == (code, {3: "unknown", 4: "needs-hop-limit"}[code])
    (theirs,) = [each for each in ran.report["containers"] if each["name"] != "web"]
    assert (theirs["netns_owner_uid"], theirs["distance"], theirs["token"]) == (None, None, token)
    assert [each["confirmed"] for each in theirs["reach"]] == [False, False]
    assert any(
        words in theirs["token_detail"] for words in ("the host did not see", "through a relay", "came from kiam")
    )
    assert ran.report["verdict"]["switch"]["http_put_response_hop_limit"] == 2
    assert "64" not in commands(ran)


def test_the_host_sees_the_connections_of_all_that_root_made(run, service, made_up, nodes):
    for name in ("web", "deep", "far", "mac"):
        made_up.start_container(name, nodes[name], env=REGION)
    seen = by_name(run())
    for name, hops in {"web": 1, "deep": 2, "far": 3, "mac": 0}.items():
        assert [(each["family"], each["distance"], each["confirmed"]) for each in seen[name]["reach"]] == [
            (family, hops, True) for family in FAMILIES
        ]


def test_an_interface_of_its_own_is_watched_there(run, service, made_up, nodes):
    for name in ("web", "task"):
        made_up.start_container(name, nodes[name], env=REGION)
    ran = run()
    seen = by_name(ran)
    assert [(each["token"], each["distance"], each["confirmed"]) for each in seen["task"]["reach"]] == [
        ("ok", 0, True)
    ] * 2
    # Once as the host sees nothing of it, once where it can be seen: host, web and a run without containers beside.
    assert service.counts.total == 4 + 2 * 2 + 6
    assert (ran.verdict, ran.report["verdict"]["switch"]["http_put_response_hop_limit"]) == ("needs-hop-limit", 2)


def test_what_is_behind_an_interface_of_its_own_is_watched_there_too(run, service, made_up, nodes):
    made_up.start_container("outer", nodes["other-task"], env=REGION)
    made_up.start_container("inner", nodes["inside-task"], env=REGION)
    ran = run()
    assert [(each["distance"], each["confirmed"]) for each in by_name(ran)["inner"]["reach"]] == [(1, True)] * 2
    assert ran.report["verdict"]["switch"]["http_put_response_hop_limit"] == 2


def test_a_hop_limit_above_3_comes_with_the_way_that_needs_it(run, service, lab, made_up, nodes):
    for name in ("far-r1", "far-r2"):
        made_up.start_container(name, lab.nodes[name], env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"})
    made_up.start_container("far", nodes["far"], env=REGION)
    ran = run()
    assert (ran.code, ran.report["verdict"]["switch"]["http_put_response_hop_limit"]) == (4, 4)
    (way,) = ran.report["verdict"]["ways"]
    beginning, first, second, host = way.split(" -> ")
    assert (beginning, host.partition(" ")[0]) == ("far (eth0)", "host")
    assert [each.partition(" ")[0] for each in (first, second)] == ["far-r2", "far-r1"]
    assert "on docker0, ens5)" in host
    assert f"path from {way}" in finding(ran, "hop-limit-too-low")["evidence"]
    for output in ("text", "html"):
        printed = " ".join(run("--output", output, parse=False).stdout.split())
        assert f"Hop limit 4 is needed for this path: {way}." in printed.replace("&gt;", ">")


def test_a_way_that_cannot_be_followed_is_in_no_command(run, service, made_up, nodes):
    """Nothing runs in the namespaces between, and none has a name: nobody knows of them."""
    for name in ("web", "far"):
        made_up.start_container(name, nodes[name], env=REGION)
    ran = run()
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert ran.report["verdict"]["switch"]["http_put_response_hop_limit"] == 2
    found = finding(ran, "distance-unexplained")
    assert "its measured distance of 3 hops is unexplained: far" in found["summary"]
    assert found["summary"] in ran.report["verdict"]["reasons"][0]
    assert "hop limit 2 suffices: web" in finding(ran, "hop-limit-too-low")["summary"]
    service.update(hop_limit=4)
    ran = run()
    assert (ran.code, ran.verdict) == (0, "ready")
    assert "hop-limit-higher-than-needed" not in ran.finding_ids


def test_a_ttl_that_a_container_writes_is_in_no_command(run, service, lab, made_up):
    """It has the right to in its own network, and its connection is real."""
    node = lab.add_container("liar")
    for tables in ("iptables", "ip6tables"):
        target = "-j TTL --ttl-set 1" if tables == "iptables" else "-j HL --hl-set 1"
        rule = f"-t mangle -I PREROUTING -p tcp --tcp-flags SYN,ACK SYN,ACK {target}"
        done = node.run([tables, *rule.split()], timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr
    made_up.start_container("liar", node, env=REGION)
    ran = run()
    liar = by_name(ran)["liar"]
    assert [(each["distance"], each["confirmed"]) for each in liar["reach"]] == [(63, True)] * 2
    assert (ran.verdict, ran.report["verdict"]["switch"]["http_put_response_hop_limit"]) == ("unknown", 1)
    assert "distance-unexplained" in ran.finding_ids
    assert "64" not in commands(ran)
