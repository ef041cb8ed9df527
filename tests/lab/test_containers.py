"""Containers on the made-up host, through the whole main job: seen, named, measured, judged."""

import json
import re
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.simulator.lab import plumbing

REGION = {"AWS_REGION": "eu-west-1"}
ELSEWHERE = {"AWS_ROLE_ARN": "arn", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
BETWEEN = ("far-r1", "far-r2")  # what forwards for the one that is far away
ESCAPES = "\x1b[2Jweb\n\x1b]0;owned\x07\u202e"


@pytest.fixture(scope="module")
def nodes(lab):
    kinds = {
        "web": ("bridge", {}),
        "deep": ("nested", {}),
        "far": ("chain", {"hops": 3}),
        "mac": ("macvlan", {}),
        "dropped": ("bridge", {"drop": True}),
        "stranded": ("bridge", {"no_route": True}),
    }
    made = {name: lab.add_container(name, kind, **options) for name, (kind, options) in kinds.items()}
    return made | {name: lab.nodes[name] for name in BETWEEN}


def by_name(ran):
    return {each["name"]: each for each in ran.report["containers"]}


def switch(ran):
    return ran.report["verdict"]["switch"]["http_put_response_hop_limit"]


IRSA = REGION | {"AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token"}


def test_credentials_of_its_own_spare_a_container_no_other_metadata(run, service, made_up, nodes):
    service.update(hop_limit=1)
    made_up.start_container("app", nodes["web"], image="example/app:1", env=IRSA)
    ran = run()
    assert (ran.code, ran.verdict, by_name(ran)["app"]["metadata_need"]) == (0, "ready", "unlikely")
    controller = "public.ecr.aws/eks/aws-load-balancer-controller:v2.7.1"
    made_up.start_container("controller", nodes["web"], image=controller, env=IRSA)
    ran = run()
    assert (ran.code, ran.verdict, switch(ran)) == (4, "needs-hop-limit", 2)
    seen = by_name(ran)["controller"]
    assert (seen["credentials"], seen["credentials_need"]) == ("irsa", "unlikely")
    assert (seen["metadata_need"], seen["other_metadata_need"]) == ("likely", "likely")
    assert seen["metadata_need_reason"].endswith("asks for the region and the VPC")


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_the_verdict_names_the_hop_limit_that_all_of_them_need(run, service, made_up, nodes, limit):
    service.update(hop_limit=limit)
    for name in ("web", "deep", "far", "mac", *BETWEEN):
        made_up.start_container(name, nodes[name], image=f"example/{name}:1", env=REGION)
    made_up.start_container("agent", None, env=REGION)
    ran = run()
    assert (ran.code, ran.verdict) == ((4, "needs-hop-limit") if limit < 4 else (0, "ready"))
    assert switch(ran) == 4
    assert ran.report["containers_unseen"] == []
    seen = by_name(ran)
    for name, hops in {"web": 1, "deep": 2, "far": 3, "mac": 0, "agent": 0}.items():
        assert (seen[name]["distance"], seen[name]["needs_hop_limit"]) == (hops, hops + 1)
        assert seen[name]["token"] == ("ok" if hops < limit else "lost")
        assert {reach["family"] for reach in seen[name]["reach"]} == {"ipv4", "ipv6"}
        assert (seen[name]["runtime"], seen[name]["metadata_need"]) == ("docker", "likely")
    assert (seen["agent"]["network"], seen["web"]["network"]) == ("host", "own")
    assert seen["web"]["image"] == "example/web:1"
    assert service.counts.imdsv1 == 1


def test_only_those_that_need_metadata_count(run, service, made_up, nodes):
    made_up.start_container("web", nodes["web"], env=REGION)
    made_up.start_container("deep", nodes["deep"], env=ELSEWHERE)
    ran = run()
    assert (ran.code, switch(ran)) == (4, 2)
    assert "needed for web" in ran.report["verdict"]["price"]
    assert by_name(ran)["deep"]["credentials"] == "irsa"
    assert "hop-limit-keeps-out" in ran.finding_ids
    service.update(hop_limit=2, http_tokens="required")
    assert run().code == 0


def test_containers_of_one_namespace_are_measured_once(run, service, made_up, nodes):
    for name in ("app", "sidecar", "exporter"):
        made_up.start_container(name, nodes["web"], env=REGION)
    ran = run()
    assert len({each["netns"] for each in ran.report["containers"]}) == 1
    assert {name: each["needs_hop_limit"] for name, each in by_name(ran).items()} == {
        "app": 2,
        "sidecar": 2,
        "exporter": 2,
    }
    # Host and container at two addresses each, and what a run without containers asks for.
    assert service.counts.total == 4 + 6


def test_a_container_that_cannot_reach_the_service_does_not_hold_the_switch_up(run, service, made_up, nodes):
    made_up.start_container("dropped", nodes["dropped"], env=REGION)
    made_up.start_container("stranded", nodes["stranded"])
    ran = run()
    assert (ran.code, ran.verdict) == (0, "ready")
    assert [each["token"] for each in ran.report["containers"]] == ["unreachable", "unreachable"]
    quotes = [each["quote"] for each in ran.report["obstacles"]]
    assert any("drop" in quote and "169.254.169.254" in quote for quote in quotes)
    assert any("no route to 169.254.169.254" in quote for quote in quotes)
    assert {"metadata-unreachable", "metadata-blocked"} <= ran.finding_ids


def test_a_limit_higher_than_anything_needs_is_warned_about(run, service, made_up, nodes):
    service.update(hop_limit=5)
    made_up.start_container("web", nodes["web"])
    ran = run()
    assert (ran.code, switch(ran)) == (0, 5)
    assert "hop-limit-higher-than-needed" in ran.finding_ids


def test_a_namespace_that_is_no_container_is_called_what_it_is(run, service, made_up, nodes):
    made_up.start(node=nodes["deep"], cgroup="0::/system.slice/vpn.service\n")
    made_up.start(node=nodes["far"], env=REGION)
    made_up.start(node=nodes["stranded"])
    for name in BETWEEN:
        made_up.start(node=nodes[name])
    ran = run()
    assert sorted((each["runtime"], each["name"], each["distance"]) for each in ran.report["containers"]) == [
        ("process", "sleep", 1),
        ("process", "sleep", 2),
        ("process", "sleep", 3),
        ("unit", "vpn.service", 2),
    ]
    assert switch(ran) == 4


def test_a_pause_container_is_named_and_needs_nothing(run, service, made_up, nodes):
    made_up.start_container(
        "k8s_POD",
        nodes["web"],
        labels={"io.kubernetes.docker.type": "podsandbox", "io.kubernetes.pod.name": "shop-7d9"},
    )
    labels = {"io.kubernetes.pod.name": "shop-7d9", "io.kubernetes.pod.namespace": "prod"}
    made_up.start_container("k8s_shop", nodes["web"], env=ELSEWHERE, labels=labels)
    ran = run()
    assert ran.code == 0, ran.report["verdict"]["reasons"]
    assert {(each["pod"], each["namespace"], each["sandbox"]) for each in ran.report["containers"]} == {
        ("shop-7d9", None, True),
        ("shop-7d9", "prod", False),
    }


def test_a_frozen_container_is_measured_like_any_other(run, service, made_up, nodes):
    made_up.freeze(made_up.start_container("frozen", nodes["web"], env=REGION))
    ran = run()
    assert (by_name(ran)["frozen"]["token"], by_name(ran)["frozen"]["metadata_need"]) == ("lost", "likely")


def test_a_process_in_a_namespace_without_a_name_is_found(run, service, lab, made_up):
    node = lab.add_container("unnamed")
    made_up.start_container("unnamed", node, env=REGION)
    plumbing.remove_namespaces([node.netns.name])
    ran = run()
    assert (by_name(ran)["unnamed"]["distance"], ran.code) == (1, 4)


def test_containers_that_end_during_the_run(run, service, lab, made_up):
    moments = [0.1 + 0.03 * number for number in range(12)]
    nodes = [lab.add_container(f"brief-{number}") for number in range(len(moments))]
    for number, (moment, node) in enumerate(zip(moments, nodes, strict=True)):
        cgroup = f"0::/docker/{number:064x}\n"
        made_up.start(("sleep", f"{moment:.2f}"), node=node, cgroup=cgroup, env=ELSEWHERE)
    ran = run()
    assert ran.code == 0
    outcome = next(each for each in ran.report["collectors"] if each["id"] == "containers")
    assert outcome["status"] in ("ok", "nothing", "partial")
    skipped = outcome["reason"].count("ended while it was inspected")
    assert all(each["token"] in ("lost", None) for each in ran.report["containers"])
    assert len(ran.report["containers"]) + skipped <= len(nodes)


def test_hostile_names_are_never_printed_raw(run, service, made_up, host, nodes):
    made_up.start_container(ESCAPES, nodes["web"], image=ESCAPES, env=REGION, container_id="a" * 64)
    made_up.start(
        node=nodes["deep"], cgroup=f"0::/machine.slice/machine-{ESCAPES}.scope\n1:x:/lxc/{ESCAPES}\n", env=REGION
    )
    ran = run()
    assert ran.code == 4
    names = [each["name"] for each in ran.report["containers"]]
    assert ESCAPES in names
    assert any("\x1b" in (name or "") for name in names if name != ESCAPES)
    assert json.dumps(ESCAPES)[1:-1] in ran.stdout
    printed = run("--output", "text", parse=False).stdout
    assert "web" in printed
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.stdout + printed)


def test_without_privilege_containers_are_unknown_and_never_none(run, service, made_up, nodes):
    made_up.start_container("web", nodes["web"], env=REGION)
    made_up.start_container("agent", None)
    ran = run(privileged=False)
    assert (ran.code, ran.verdict) == (3, "unknown")
    assert {(each["name"], each["token"], each["network"]) for each in ran.report["containers"]} == {
        ("web", None, "unknown"),
        ("agent", None, "unknown"),
    }
    assert all("run as root" in each["token_detail"] for each in ran.report["containers"])
    assert {"containers-not-seen", "container-not-measured"} <= ran.finding_ids
    assert ran.report["containers_unseen"]


def test_a_root_without_processes_is_not_a_host_without_containers(run, service, made_up, host, tmp_path):
    bare = tmp_path / "bare"
    (bare / "sys/class/dmi/id").mkdir(parents=True)
    (bare / "sys/class/dmi/id/sys_vendor").write_text("Amazon EC2\n")
    ran = run("--root", str(bare))
    assert ran.verdict == "unknown"
    assert ran.report["containers"] is None
    assert "containers-not-seen" in ran.finding_ids


def test_the_capabilities_of_the_unit_are_enough(run, service, made_up, nodes):
    unit = (Path(__file__).parents[2] / "systemd/imds-probe.service").read_text()
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE)
    kept = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in line.split())
    made_up.start_container("web", nodes["web"], env=REGION)
    ran = run(before=["setpriv", f"--bounding-set=-all,{kept}", "--inh-caps=-all", "--no-new-privs"])
    assert (ran.code, by_name(ran)["web"]["distance"], by_name(ran)["web"]["metadata_need"]) == (4, 1, "likely")
    assert ran.report["containers_unseen"] == []
    assert {each["status"] for each in ran.report["collectors"]} <= {"ok", "nothing"}
    assert ran.imds["hop_limit_method"] == "capture"


# A root directory on a tmpfs of its own, which numbers its files from one on: in all of them the same ones have the same.
IMAGE = """
import os, sys, time
for path, text in (("/etc/os-release", "ID=debian\\nVERSION_ID=10\\n"), ("/var/lib/dpkg/status", sys.argv[1])):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.utime(path, (1e9, 1e9))
open("/made", "w")
time.sleep(600)
"""
CLOUD_INIT = "Package: cloud-init\nStatus: install ok installed\nVersion: {}\nArchitecture: all\n\n"


def test_a_container_that_dresses_up_as_anothers_image_hides_nothing_of_it(run, made_up):
    """It is older, and its database has the number, the size and the date of the other's."""
    looks = []
    for name, version in {"mallory": "20.2-1", "web": "18.3-6"}.items():
        argv = ["/usr/bin/python3", "-c", IMAGE, CLOUD_INIT.format(version)]
        pid = made_up.start_container(name, argv=argv, root=made_up.container_root({}))
        root = Path(f"/proc/{made_up.outer_pid(pid)}/root")
        wait_for((root / "made").exists)
        seen = (root / "var/lib/dpkg/status").stat()
        looks.append((seen.st_ino, seen.st_size, seen.st_mtime_ns))
    assert looks[0] == looks[1]
    ran = run()
    assert (ran.verdict, "software-too-old" in ran.finding_ids) == ("not-ready", True)
    found = {each["container"]: each["version"] for each in ran.report["software"] if each["component"] == "cloud-init"}
    assert {"mallory": "20.2-1", "web": "18.3-6"}.items() <= found.items()
