from __future__ import annotations

import pytest

from imds_probe.kept.generated_names import lasting, lasting_unit

UUID = "9f6c8f1e-63b5-4a5f-8a53-0d2c2f4a8b10"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            f"/var/lib/amazon/ssm/i-0123456789abcdef0/document/orchestration/{UUID}/awsrunShellScript/0.x/_script.sh",
            "/var/lib/amazon/ssm/i-*/document/orchestration/*/awsrunShellScript/0.x/_script.sh",
        ),
        ("/tmp/jenkins2938472938472.sh", "/tmp/jenkins*.sh"),
        (f"/home/runner/work/_temp/{UUID}.sh", "/home/runner/work/_temp/*.sh"),
        ("/tmp/script_1234.sh", "/tmp/script_*.sh"),  # Packer
        ("/tmp/tmp.Ab3dEfGhIj/run.sh", "/tmp/tmp*/run.sh"),
        ("/tmp/tmpa1b2c3d4.sh", "/tmp/tmp*.sh"),
        (
            "/root/.ansible/tmp/ansible-tmp-1712345678.1234567-4321-123456789/x.py",
            "/root/.ansible/tmp/ansible-tmp*.*-*-*/x.py",
        ),
        (
            f"/opt/codedeploy-agent/deployment-root/{UUID}/d-4XGHLW0QR/deployment-archive/start.sh",
            "/opt/codedeploy-agent/deployment-root/*/d-*/deployment-archive/start.sh",
        ),
        ("/nix/store/3f2a9c1d5e7b/bin/job", "/nix/store/*/bin/job"),
    ],
)
def test_what_is_made_up_for_a_run_is_left_out(name, shown):
    assert lasting(name) == shown
    assert lasting(shown) == shown


@pytest.mark.parametrize(
    "name",
    [
        "/usr/local/bin/register-dns",
        "/opt/jobs/1001.sh",
        "/opt/app-1.2.3/bin/run",
        "/usr/bin/python3.11",
        "/etc/cron.d/0hourly",
        "/tmp/tmpreaper",  # a word
        "/usr/sbin/tmpwatch",
        "/opt/effaced/deadbeefcafe/run",  # letters alone
        "/opt/jobs/s3-sync-eu-west-1.sh",
        "module app.main",
        "/opt/d-DEPLOYMENT/x",
        "a command line that requests /latest/meta-data/",
        "",
    ],
)
def test_a_name_that_somebody_gave_stays(name):
    assert lasting(name) == name


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        ("check-mk-agent@12-3439-0.service", "check-mk-agent@*.service"),
        ("sshd@7-10.0.0.1:22-10.0.0.9:51822.service", "sshd@*.service"),
        ("x@3-[fe80::1]:22-[fe80::2]:5.service", "x@*.service"),
        ("run-u4711.service", "run-*.service"),
        ("run-r0123456789abcdef0123456789abcdef.scope", "run-*.scope"),
        ("run-p4711-i5.service", "run-*.service"),
        ("session-12.scope", "session-*.scope"),
        ("session-c1.scope", "session-*.scope"),
        ("user 1000: run-u7.service", "user 1000: run-*.service"),
        *(
            (each, each)
            for each in (
                "postgresql@13-main.service",
                "backup@db1.service",
                "app@1.service",
                "app@1-2.service",
                "user@1000.service",
                "run-once.service",
                "my-run-u7.service",
                "jenkins.service",
            )
        ),
    ],
)
def test_instances_for_a_connection_and_units_of_a_command_are_one(unit, shown):
    assert lasting_unit(unit) == shown
