"""What will run, and what ran once, in the lab: from files on a host's disk to the verdict and its commands."""

import gzip

import pytest

ASKS = "#!/bin/sh\ncurl -s http://169.254.169.254/latest/meta-data/instance-id # password=hunter2\n"
CLOUD = "var/lib/cloud"


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
    ran = run("--code")
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
    ran = run("--code")
    assert (ran.code, ran.verdict) == (1, "not-ready")
    (seen,) = [each for each in ran.report["code"] if each["path"] == "/etc/cron.monthly/report"]
    assert (seen["runs"], seen["every_s"]) == ("scheduled", 31 * 86400)
    assert ran.report["verdict"]["switch"]["template_waits_for"] == []
