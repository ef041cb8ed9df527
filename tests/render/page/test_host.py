from dataclasses import replace

import pytest
from golden_reports import golden_report
from observed import ENDPOINT, FACTS, INSTANCE, changed, report_of, with_imds

from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.owner import LaunchedFrom, Owner
from imds_probe.render.page.blocks import Text
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.host import host, run, service
from imds_probe.report import ProbeInfo


def rows(part):
    return dict(part.blocks[0].rows)


def test_what_is_known_of_the_instance():
    (part,) = host(report_of(changed(FACTS, instance=replace(INSTANCE, account_id=None, auto_scaling_group="web"))))
    assert rows(part)["instance"] == "i-0123456789abcdef0 m7i.large"
    assert rows(part)["account"] == "not known"
    assert rows(part)["Auto Scaling group"] == "web"
    assert "launched by" not in rows(part)
    (elsewhere,) = host(golden_report("unknown-elsewhere"))
    assert rows(elsewhere)["EC2 instance"] == "no (DMI: sys_vendor is QEMU)"
    assert "instance" not in rows(elsewhere)


@pytest.mark.parametrize(
    ("owner", "shown"),
    [
        (Owner("eks-node-group", "web", (), "shop"), "EKS node group web of cluster shop"),
        (Owner("emr", "j-1K48XXXXXXHCB", (), "j-1K48XXXXXXHCB"), "EMR cluster j-1K48XXXXXXHCB"),
        (
            Owner("elastic-beanstalk", None, (), environment_id="e-abcd123456"),
            "Elastic Beanstalk environment e-abcd123456",
        ),
        (Owner("auto-scaling", None, ()), "an Auto Scaling group"),
    ],
)
def test_who_launched_the_instance(owner, shown):
    template = LaunchedFrom("lt-0123456789abcdef0", "3", "")
    (part,) = host(report_of(changed(FACTS, instance=replace(INSTANCE, owner=owner, launch_template=template))))
    assert rows(part)["launched by"] == shown
    assert rows(part)["launch template"] == "lt-0123456789abcdef0 version 3"


@pytest.mark.parametrize(
    ("changes", "name", "shown"),
    [
        ({}, "tokens", "optional (IMDSv1 still works)"),
        ({"tokens": "required"}, "tokens", "required (IMDSv2-only)"),
        ({"tokens": "unknown"}, "tokens", "not known"),
        ({}, "hop limit", "1 (measured by packet capture)"),
        ({"hop_limit_method": "ec2-api"}, "hop limit", "1 (from the EC2 API)"),
        ({"hop_limit": None}, "hop limit", "not known"),
        (
            {"hop_limit": None, "endpoints": (replace(ENDPOINT, hop_limit_reason="no answer came"),)},
            "hop limit",
            "not known (no answer came)",
        ),
        ({}, "IPv6 endpoint", "no route"),
        ({"endpoint": "loses-tokens"}, "endpoint", "loses tokens"),
        ({"instance_tags": None}, "instance tags", "not known"),
        ({"instance_tags": True}, "instance tags", "in metadata"),
    ],
)
def test_what_the_service_allows_is_in_words(changes, name, shown):
    (part,) = service(report_of(with_imds(**changes)))
    assert rows(part)[name] == shown


def test_nothing_is_said_of_a_service_that_was_not_asked():
    assert list(service(report_of(changed(FACTS, imds=None)))) == []


def test_the_run_says_what_it_asked():
    (part,) = run(golden_report("ready"), SHORT)
    assert rows(part)["requests"] == "3 by IMDSv2, 1 by IMDSv1"
    assert rows(part)["imds-probe"] == "0.1.0, with root's privileges"
    assert len(part.blocks) == 1


def test_what_was_not_inspected_in_full_is_named_with_what_stays_unknown():
    runs = (
        CollectorRun("sdks", "partial", 1.0, "3 hide", "which AWS SDKs programs use"),
        CollectorRun("dpkg", "failed", 1.0, "Permission denied"),
        CollectorRun("rpm", "nothing", 1.0, "no database", "not said"),
        CollectorRun("host", "ok", 1.0),
        CollectorRun("containers", "skipped", 1.0, "out of time", "which containers run"),
    )
    (part,) = run(report_of(changed(FACTS, collectors=runs)), SHORT)
    assert part.blocks[1] == Text(
        "Not inspected in full: sdks (which AWS SDKs programs use), dpkg (Permission denied), "
        "containers (which containers run)."
    )


def test_of_many_that_were_not_the_rest_is_counted():
    runs = tuple(CollectorRun(f"c{number}", "failed", 1.0, "no") for number in range(SHORT.items + 4))
    (part,) = run(report_of(changed(FACTS, collectors=runs)), SHORT)
    assert part.blocks[1].text.endswith("c9 (no) and 4 more.")


def test_what_a_run_used_as_far_as_it_was_counted():
    def used(**counted):
        uncounted = ProbeInfo("0.1.0", "0" * 32, "2026-11-23T00:00:00Z", 12.5, True, 1, 3)
        (part,) = run(replace(report_of(FACTS), probe=replace(uncounted, **counted)), SHORT)
        return rows(part).get("used")

    assert used() is None
    assert used(cpu_ms=812.5) == "0.8 s of CPU time"
    assert used(cpu_ms=0.0, bytes_read=3 * 2**20) == "0.0 s of CPU time, 3 MiB read"
    every = {"cpu_ms": 1250.0, "peak_memory_bytes": 48 * 2**20, "bytes_read": 2**25, "disk_bytes_read": 2**20}
    assert used(**every) == "1.2 s of CPU time, 48 MiB of memory, 32 MiB read (1 MiB from disks)"
