"""What a user without any privilege calls his own, through the whole main job: nobody else's need or verdict moves by it."""

import functools
from pathlib import Path

import pytest
from soon import wait_for

REGION = {"AWS_REGION": "eu-west-1"}
ELSEWHERE = {"AWS_ROLE_ARN": "arn", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
AS_MALLORY = ("setpriv", "--reuid=4242", "--regid=4242", "--clear-groups")
MANAGER = "0::/user.slice/user-4242.slice/user@4242.service"
ID = b"web".hex().ljust(64, "0")
OTHER = "f" * 64


# Neither gets to its last line.
ASKS = """import time, urllib.request
time.sleep(600)
urllib.request.urlopen("http://169.254.169.254/latest/meta-data/instance-id")"""
ANSWERS = """import http.server, time
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.wfile.write({"/latest/meta-data/instance-id": b"i-0"}[self.path])
time.sleep(600)
http.server.HTTPServer(("169.254.169.254", 80), Answers).serve_forever()"""


@pytest.fixture(scope="module")
def bridge(lab):
    return lab.add_container("bridge", "bridge")


def by_name(ran):
    return {each["name"] or each["id"]: each for each in ran.report["containers"]}


@pytest.mark.parametrize(
    "cgroup",
    [
        f"{MANAGER}/app.slice/docker-{ID}.scope\n",
        f"0::/system.slice/his.service/docker-{ID}.scope\n",
        f"0::/docker/{OTHER}/docker/{ID}\n",  # a container that makes groups below its own
    ],
)
def test_his_scope_does_not_take_a_containers_need_away(run, service, made_up, start_as, bridge, cgroup):
    start_as(AS_MALLORY, ["sleep", "infinity"], cgroup=cgroup, env=ELSEWHERE)
    pid = made_up.start_container("web", bridge, env=REGION)
    ran = run()
    assert (ran.code, ran.verdict) == (4, "needs-hop-limit")
    web = by_name(ran)["web"]
    assert (web["pid"], web["token"], web["metadata_need"], web["owner_uid"]) == (pid, "lost", "likely", None)
    (his,) = [each for each in ran.report["containers"] if each["id"] == ID and each is not web]
    assert (his["network"], his["name"]) == ("host", None)
    assert (his["owner_uid"], his["inside"]) == ((None, OTHER) if OTHER in cgroup else (4242, None))
    assert ran.report["verdict"]["switch"]["http_put_response_hop_limit"] == 2


def test_his_need_is_reported_as_his(run, service, start_as, bridge):
    start_as(AS_MALLORY, ["sleep", "infinity"], node=bridge, cgroup=f"{MANAGER}/docker-{ID}.scope\n", env=REGION)
    ran = run()
    (his,) = ran.report["containers"]
    assert (his["owner_uid"], his["token"], his["metadata_need"]) == (4242, "lost", "likely")
    (page,) = [each["summary"] for each in ran.report["findings"] if each["id"] == "hop-limit-too-low"]
    assert f"{ID[:12]} of user 4242" in page


def test_what_cannot_be_read_in_his_container_holds_nothing_up(run, service, made_up, start_as, tmp_path):
    """He needs no more than a directory in the place of a database. In a container of root's it does count."""
    (tmp_path / "dpkg/status").mkdir(parents=True)
    root = made_up.container_root({"/var/lib/dpkg": tmp_path / "dpkg"})
    start_as(AS_MALLORY, ["sleep", "infinity"], root=root, cgroup=f"{MANAGER}/docker-{ID}.scope\n")
    ran = run()
    assert (ran.verdict, ran.report["verdict"]["confidence"]) == ("ready", "low")
    (unread,) = [each for each in ran.report["findings"] if each["id"] == "users-software-unread"]
    assert unread["evidence"][0].startswith(f"{ID[:12]} of user 4242: dpkg: ")
    made_up.start_container("web", root=root)
    assert run().verdict == "unknown"


def test_a_name_makes_no_proxy_of_his_program(run, service, first_line):
    named = ["sh", "-c", "echo kube2iam > /proc/$$/comm; echo named; sleep 600 & wait"]
    assert first_line([*AS_MALLORY, *named], cgroup=f"{MANAGER}/app.slice/run.scope\n")[1] == "named"
    ran = run()
    assert (ran.verdict, "metadata-proxy" in ran.finding_ids) == ("ready", False)
    assert first_line(named, cgroup="0::/system.slice/kube2iam.service\n")[1] == "named"
    assert "metadata-proxy" in run().finding_ids


def _says(path, text):
    return path.read_text() == text


NAMED = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'kube2iam', 0, 0, 0); time.sleep(600)"


def test_nor_of_a_containers_where_nothing_leads_to_it(run, service, made_up, bridge):
    """Without any privilege: on a network of its own, it answers nobody but itself. On the host's network it may."""
    service.update(hop_limit=2)
    for name, node in {"web": bridge, "shares": None}.items():
        pid = made_up.start_container(name, node, argv=["/usr/bin/python3", "-c", NAMED], image="kube2iam:0.9")
        name_of = Path(f"/proc/{made_up.outer_pid(pid)}/comm")
        wait_for(functools.partial(_says, name_of, "kube2iam\n"))
        ran = run()
        assert ("metadata-proxy" in ran.finding_ids) == (name == "shares")
        assert ran.verdict == ("ready" if name == "web" else "not-ready")
    assert ran.report["verdict"]["confidence"] != "high"
    assert "comes from container shares" in ran.report["verdict"]["forgeable"][0]


def test_code_that_only_he_runs_blocks_as_his(run, service, made_up, start_as):
    """As his calls do: it may break for him. The verdict says that nobody else stands behind it."""
    start_as(AS_MALLORY, ["/usr/bin/python3", "-c", ASKS], cgroup=f"{MANAGER}/app.slice/run.scope\n")
    ran = run()
    assert ran.verdict == "not-ready"
    (entry,) = ran.report["code"]
    assert (entry["speaks"], entry["runner_uid"]) == ("v1", 4242)
    (finding,) = [each for each in ran.report["findings"] if each["implies"] == "not-ready"]
    assert " of user 4242, running as process " in finding["summary"]
    assert ran.report["verdict"]["forgeable"] == [
        "All evidence for this verdict comes from user 4242 and may be forged"
    ]
    made_up.start(["/usr/bin/python3", "-c", ASKS], cgroup="0::/system.slice/app.service\n")
    assert run().report["verdict"]["forgeable"] == []


def test_who_answers_as_the_service_does_not_ask(run, service, made_up, start_as):
    start_as(AS_MALLORY, ["/usr/bin/python3", "-c", ANSWERS], cgroup=f"{MANAGER}/app.slice/run.scope\n")
    made_up.start(["/usr/bin/python3", "-c", ANSWERS], cgroup="0::/system.slice/app.service\n")
    ran = run()
    assert ran.verdict == "ready"
    assert {each["speaks"] for each in ran.report["code"]} == {"mentions"}
