"""What will run, and what ran once, in the lab: from files on a host's disk to the verdict and its commands."""

import base64
import gzip
import json

import pytest
from image_stores import docker_image
from switched import finding, switch

ASKS = "#!/bin/sh\ncurl -s http://169.254.169.254/latest/meta-data/instance-id # password=hunter2\n"
CLOUD = "var/lib/cloud"
SERVICE = "http://169.254.169.254/latest"
BY_TOKEN = f"""#!/bin/sh
token=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {SERVICE}/api/token)
curl -s -H "X-aws-ec2-metadata-token: $token" {SERVICE}/meta-data/instance-id
"""


@pytest.fixture
def write(host):
    """Files on the made-up host, which has a shell to start scripts with."""

    def call(path, content, *, executable=False):
        at = host / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content if isinstance(content, bytes) else content.encode())
        at.chmod(0o755 if executable else 0o644)

    call("bin/sh", b"\x7fELF", executable=True)
    return call


@pytest.mark.parametrize(
    ("path", "content", "place"),
    [
        (f"{CLOUD}/scripts/per-instance/setup", ASKS, f"/{CLOUD}/scripts/per-instance/setup:2"),
        (f"{CLOUD}/instance/user-data.txt", ASKS, f"/{CLOUD}/instance/user-data.txt"),
        (f"{CLOUD}/instance/user-data.txt", gzip.compress(ASKS.encode()), f"/{CLOUD}/instance/user-data.txt"),
        (
            f"{CLOUD}/instance/cloud-config.txt",
            "#cloud-config\nruncmd:\n- curl -s http://169.254.169.254/latest/meta-data/\n",
            f"/{CLOUD}/instance/cloud-config.txt",
        ),
    ],
)
def test_what_ran_once_holds_up_the_template_and_not_the_host(run, service, write, path, content, place):
    write(path, content, executable=path.endswith("setup"))
    ran = run()
    assert (ran.code, ran.verdict) == (0, "ready"), ran.report["verdict"]["reasons"]
    (finding,) = [each for each in ran.report["findings"] if each["id"] == "code-imdsv1-once"]
    assert (finding["severity"], finding["implies"]) == ("warning", None)
    assert place in finding["summary"]
    switch = ran.report["verdict"]["switch"]
    assert switch["template_waits_for"] == [f"{finding['summary']} [code-imdsv1-once]"]
    assert "create-launch-template-version" in switch["launch_template"]
    assert "hunter2" not in ran.stdout


def test_what_a_schedule_starts_says_how_often(run, service, write):
    write("etc/cron.monthly/report", ASKS, executable=True)
    ran = run()
    assert (ran.code, ran.verdict) == (1, "not-ready")
    (seen,) = [each for each in ran.report["code"] if each["path"] == "/etc/cron.monthly/report"]
    assert (seen["runs"], seen["every_s"]) == ("scheduled", 31 * 86400)
    assert ran.report["verdict"]["switch"]["template_waits_for"] == []


PART = """Content-Type: multipart/mixed; boundary="b"
MIME-Version: 1.0

--b
Content-Type: text/x-shellscript
Content-Transfer-Encoding: base64

{}
--b--
"""
SERVED = {
    "plain": ASKS,
    "config": "#cloud-config\nruncmd:\n- curl -s http://169.254.169.254/latest/meta-data/ # hunter2\n",
    "gzip in MIME": PART.format(base64.b64encode(gzip.compress(ASKS.encode())).decode()),
}


def asked_for_user_data(service):
    return any("user-data" in path for path in service.counts.by_path)


@pytest.mark.parametrize("form", SERVED)
def test_user_data_is_asked_for_only_by_the_option(run, service, write, host, form):
    service.update(user_data=SERVED[form])
    ran = run()
    assert (ran.verdict, "code-imdsv1-once" in ran.finding_ids) == ("ready", False)
    assert not asked_for_user_data(service)
    ran = run("--user-data")
    assert (ran.code, ran.verdict) == (0, "ready")
    (finding,) = [each for each in ran.report["findings"] if each["id"] == "code-imdsv1-once"]
    assert finding["summary"].endswith("asks without a token: /latest/user-data")
    assert ran.report["verdict"]["switch"]["template_waits_for"]
    assert ran.report["probe"]["imdsv1_requests_made"] == 1  # the one that a run makes anyway
    assert asked_for_user_data(service)
    assert "hunter2" not in ran.stdout + ran.stderr
    assert not [each for each in (host / "var").rglob("*") if each.is_file() and b"hunter2" in each.read_bytes()]


def test_user_data_that_asks_for_a_token_is_no_matter(run, service, write):
    token = "TOKEN=$(curl -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"
    asks = 'curl -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/instance-id'
    service.update(user_data=f"#!/bin/sh\n{token}\n{asks}\n")
    ran = run("--user-data")
    assert (ran.verdict, ran.finding_ids) == ("ready", run().finding_ids)
    (seen,) = [each for each in ran.report["code"] if each["path"] == "/latest/user-data"]
    assert (seen["speaks"], seen["runs"]) == ("v2", "once")


def test_what_cloud_init_has_kept_is_named_once(run, service, write):
    write(f"{CLOUD}/instance/user-data.txt", ASKS)
    service.update(user_data=ASKS)
    assert [each["path"] for each in run("--user-data").report["code"]] == [f"/{CLOUD}/instance/user-data.txt"]


def test_a_bomb_is_said_and_the_rest_goes_on(run, service, write):
    bomb = base64.b64encode(gzip.compress(bytes(10_000_000))).decode()
    service.update(user_data=PART.format(bomb))
    write("etc/cron.monthly/report", ASKS, executable=True)
    ran = run("--user-data")
    assert ran.verdict == "not-ready"
    (code,) = [each for each in ran.report["collectors"] if each["id"] == "code"]
    assert (code["status"], "/latest/user-data: it is compressed and has more than" in code["reason"]) == (
        "partial",
        True,
    )


def test_no_user_data_is_no_trouble(run, service, write):
    service.update(user_data=None)
    ran = run("--user-data")
    (record,) = [each for each in ran.report["collectors"] if each["id"] == "user-data"]
    assert (ran.verdict, record["status"], record["reason"]) == ("ready", "nothing", "this instance has no user data")


def test_a_container_that_cron_starts_needs_a_higher_hop_limit_unless_it_has_the_hosts_network(
    run, service, write, host
):
    service.update(hop_limit=1, http_protocol_ipv6="disabled")
    job = {"/bin/sh": b"\x7fELF", "/opt/backup.sh": BY_TOKEN}
    docker_image(host, "acme/backup:1", [job], {"Entrypoint": ["/bin/sh", "/opt/backup.sh"]}, executable=("/bin/sh",))
    write("usr/bin/docker", b"\x7fELF", executable=True)
    write("etc/cron.d/backup", "0 3 * * * root docker run --rm acme/backup:1\n")
    ran = run()
    assert (ran.verdict, switch(ran)) == ("needs-hop-limit", 2)
    assert "/opt/backup.sh in image acme/backup:1" in finding(ran, "scheduled-container-without-token")["summary"]
    service.update(hop_limit=2)
    ran = run()
    assert (ran.verdict, switch(ran)) == ("ready", 2)
    assert "hop-limit-higher-than-needed" not in {each["id"] for each in ran.report["findings"]}
    write("etc/cron.d/backup", "0 3 * * * root docker run --rm --network=host acme/backup:1\n")
    ran = run()
    assert ran.verdict == "ready"
    assert finding(ran, "hop-limit-higher-than-needed")["summary"].endswith("needs more than 1")


def test_a_stopped_container_that_docker_starts_again_counts_as_one_that_runs_later(run, service, write, host):
    service.update(hop_limit=1, http_protocol_ipv6="disabled")
    docker_image(host, "acme/app:1", [{"/bin/sh": b"\x7fELF", "/opt/app.sh": BY_TOKEN}], {}, executable=("/bin/sh",))
    at = f"var/lib/docker/containers/{'cd' * 32}"
    record = {"State": {"ExitCode": 137}, "Path": "/bin/sh", "Args": ["/opt/app.sh"], "Config": {"Image": "acme/app:1"}}
    write(f"{at}/config.v2.json", json.dumps(record))
    write(f"{at}/hostconfig.json", json.dumps({"RestartPolicy": {"Name": "always"}, "NetworkMode": "bridge"}))
    ran = run()
    assert (ran.verdict, switch(ran)) == ("needs-hop-limit", 2)
    (evidence,) = finding(ran, "scheduled-container-without-token")["evidence"]
    assert "/opt/app.sh" in evidence
    assert evidence.endswith(f"started by /{at}/config.v2.json, at each boot")
