"""An image that is judged in the place of a host. Here it stands where everything that must not be used is at hand: a service that
answers, and processes in a /proc below the very root.
"""

import sys

import pytest
from sent import sent
from watching import SOURCE

from imds_probe.simulator import scenarios

ASKS = "#!/bin/sh\ncurl -s http://169.254.169.254/latest/meta-data/instance-id\n"
CLOUD = "var/lib/cloud"
COMMAND = 'aws ec2 modify-image-attribute --image-id "$IMAGE_ID" --imds-support v2.0'
OF_FILES = {"image", "host", "dpkg", "rpm", "apk", "snap", "settings", "sdks", "code"}


@pytest.fixture
def write(host):
    def call(path, content, *, executable=False):
        at = host / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content if isinstance(content, bytes) else content.encode())
        at.chmod(0o755 if executable else 0o644)

    call("bin/sh", b"\x7fELF", executable=True)
    return call


def test_an_image_may_require_tokens_and_nothing_else_is_said(run, service, write):
    ran = run("--image")
    verdict = ran.report["verdict"]
    assert (ran.code, ran.verdict) == (0, "ready"), verdict["reasons"]
    assert verdict["image"] == {"imds_support": "v2.0", "aws_cli": COMMAND}
    assert (verdict["switch"], verdict["rollback"], verdict["confidence"]) == (None, None, "low")
    assert verdict["evidence"] == ["capability"]
    assert (ran.report["image"], ran.imds, ran.report["containers"]) == ({"used": False}, None, None)
    assert (ran.report["host"]["hostname"], ran.report["host"]["kernel"]) == (None, None)


def test_nothing_is_sent_and_no_process_is_looked_at(run, service, lab, made_up, write):
    made_up.start(["sh", "-c", "sleep 600; curl http://169.254.169.254/latest/meta-data/"])
    with sent(lab.instance) as packets:
        ran = run("--image", env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://169.254.169.254"})
    assert packets == []
    assert service.counts.connections == 0
    assert {each["id"] for each in ran.report["collectors"]} <= OF_FILES
    assert (ran.report["read"]["programs"], ran.report["code"]) == (0, [])
    assert (ran.report["probe"]["imdsv1_requests_made"], ran.report["probe"]["imdsv2_requests_made"]) == (0, 0)


def test_old_software_must_not_be_switched(run, service, host, write):
    scenarios.write_host(host, scenarios.OLD_PACKAGES, "i-0123456789abcdef0")
    ran = run("--image")
    assert (ran.code, ran.verdict) == (1, "not-ready")
    assert ran.report["verdict"]["image"]["aws_cli"] == COMMAND


def test_a_risk_that_the_configuration_accepts_stands_in_nobodys_way(run, service, host, write, tmp_path):
    scenarios.write_host(host, scenarios.OLD_PACKAGES, "i-0123456789abcdef0")
    blockers = [each for each in run("--image").report["findings"] if each["implies"] == "not-ready"]
    terms = 'reason = "it is rebuilt"\nowner = "team-os"\nexpires = 9999-12-31\n'
    config = tmp_path / "a.toml"
    config.write_text("".join(f'[[accept]]\nfinding = "{each["id"]}"\nsubject = "*"\n{terms}' for each in blockers))
    ran = run("--image", "--config", str(config))
    assert (ran.code, ran.verdict) == (0, "ready")
    accepted = ran.report["verdict"]["accepted"]
    assert {(each["id"], each["subject"]) for each in accepted} == {(each["id"], each["subject"]) for each in blockers}
    assert {each["owner"] for each in accepted} == {"team-os"}
    config.chmod(0o666)
    refused = run("--image", "--config", str(config))
    assert (refused.code, refused.verdict, refused.report["verdict"]["accepted"]) == (1, "not-ready", [])
    assert "acceptance-unusable" in refused.finding_ids


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{CLOUD}/scripts/per-instance/setup", ASKS),
        ("etc/cloud/cloud.cfg.d/9.cfg", "runcmd:\n- curl -s http://169.254.169.254/latest/meta-data/\n"),
        ("etc/cron.daily/x", ASKS),
    ],
)
def test_what_each_new_instance_runs_must_not_be_switched(run, service, write, path, content):
    write(path, content, executable=content == ASKS)
    ran = run("--image")
    assert (ran.code, ran.verdict) == (1, "not-ready")
    (finding,) = [each for each in ran.report["findings"] if each["implies"] == "not-ready"]
    assert (finding["id"], finding["subject"]) == ("code-imdsv1", f"/{path}")


def test_user_data_of_the_instance_that_it_was_made_of_is_a_warning(run, service, write):
    write(f"{CLOUD}/instance/user-data.txt", ASKS)
    ran = run("--image")
    assert (ran.code, ran.verdict, ran.report["image"]["used"]) == (0, "ready", True)
    assert "code-imdsv1-once" in ran.finding_ids


def test_what_cannot_be_read_says_how_to_find_out(run, service, write):
    write("etc/crontab", "@daily root $TOOL\n")
    ran = run("--image")
    assert (ran.code, ran.verdict) == (3, "unknown")
    (finding,) = [each for each in ran.report["findings"] if each["implies"] == "unknown"]
    assert finding["fix"]["text"].startswith("Start an instance of this image")


def test_the_page_says_what_it_rests_on(run, service, write):
    said = run("--image", "--output", "text", parse=False).stdout
    assert said.startswith("READY")
    assert "ImdsSupport=v2.0 can be set on this image." in said
    assert "nothing runs in an image, and no service was asked" in said
    assert f"Command to require tokens on instances of this image\n  {COMMAND}\n" in said
    assert "This cannot be undone." in said


@pytest.mark.parametrize(
    "arguments",
    [("--watch", "1s"), ("--assume-ec2",), ("--user-data",), ("--no-v1-probe",), ("--report", "file"), ("--root", "/")],
)
def test_what_an_image_has_not_cannot_be_asked_for(made_up, host, service, arguments):
    argv = [sys.executable, "-m", "imds_probe", "run", "--image", "--root", str(host), *arguments]
    ran = made_up.run(argv, timeout_s=60, env={"PYTHONPATH": SOURCE})
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"--image" in ran.stderr
    assert service.counts.connections == 0


def test_its_files_do_not_take_the_place_of_the_hosts_in_the_state_directory(run, service, write, host):
    state = host / "var/lib/imds-probe"
    state.mkdir(mode=0o700)
    write("opt/x.py", "x = 1\n")
    run("--image", "--state-directory", str(state))
    assert list(state.glob("*.remembered")) == []
