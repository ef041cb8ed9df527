import msgspec
import pytest

from imds_probe.fleet import naming
from imds_probe.fleet.hosts import Fix, HopNeed, V1Caller
from imds_probe.fleet.lean import LeanReport

WEB = {"id": "w" * 64, "name": "web", "image": "web:1", "token": "lost", "needs_hop_limit": 2}
POD = {"id": "p" * 64, "name": "app", "pod": "shop-1", "image": "shop:2"}
OLD = {"status": "too-old"}


def report(*findings, state="not-ready", reasons=(), **more):
    document = {
        "schema": "imds-probe.report/v1",
        "probe": {"version": "0.1.0", "run_id": "0" * 32, "started_at": "2026-11-30T00:00:00Z"},
        "verdict": {"state": state, "confidence": "low", "reasons": list(reasons)},
        "findings": [{"summary": "", "implies": "not-ready", **each} for each in findings],
        **more,
    }
    return msgspec.convert(document, LeanReport)


def fixes(*findings, **more):
    return list(naming.fixes_of(report(*findings, **more))[0])


def finding(kind, rule, subject, **more):
    return {"id": kind, "rule": rule, "subject": subject, **more}


def test_software_is_named_by_component_and_version_and_in_containers_by_the_image():
    software = [
        {"component": "botocore", "version": "1.12.253", "requirement": OLD},
        {"component": "botocore", "version": "1.13.0", "requirement": OLD},
        {
            "component": "botocore",
            "version": "1.12.9",
            "requirement": OLD,
            "container": "web",
            "container_ids": ["w" * 64],
        },
        {"component": "botocore", "version": "1.40.0", "requirement": {"status": "ok"}},
    ]
    one = finding("sdk-too-old", "sdks", "botocore", summary="botocore 1.12.253, in use by python3, speaks only IMDSv1")
    assert fixes(one, software=software) == [Fix("software", "botocore 1.12.253", "sdk-too-old")]
    inside = finding("sdk-too-old", "sdks", "botocore", summary="botocore 1.12.9 in web speaks only IMDSv1")
    assert fixes(inside, software=software, containers=[WEB]) == [Fix("image", "web:1")]
    assert fixes(inside, software=software) == [Fix("image", "container web")]
    assert fixes(one, inside, software=software, containers=[WEB]) == [
        Fix("software", "botocore 1.12.253", "sdk-too-old"),
        Fix("image", "web:1"),
    ]


def test_what_is_in_one_image_is_one_fix():
    old = [
        {"component": name, "version": "1", "requirement": OLD, "container": "web", "container_ids": ["w" * 64]}
        for name in ("botocore", "aws-cli-v1")
    ]
    both = [finding("sdk-too-old", "sdks", name, summary=f"{name} 1 in web") for name in ("botocore", "aws-cli-v1")]
    assert fixes(*both, software=old, containers=[WEB]) == [Fix("image", "web:1")]


@pytest.mark.parametrize(
    ("caller", "subject", "expected"),
    [
        ({"program": "/usr/bin/curl"}, "/usr/bin/curl", Fix("program", "/usr/bin/curl", "imdsv1-caller")),
        ({"program": "/usr/bin/curl", "unit": "x.service"}, "x.service", Fix("program", "x.service", "imdsv1-caller")),
        ({"program": "/bin/curl", "script": "/opt/x.sh"}, "/opt/x.sh", Fix("script", "/opt/x.sh", "imdsv1-caller")),
        ({"program": "/bin/curl", "container": "web", "container_id": "w" * 64}, "web", Fix("image", "web:1")),
        (
            {"program": "/bin/curl", "container": "ns/shop-1/app", "script": "/x"},
            "ns/shop-1/app: /x",
            Fix("image", "shop:2"),
        ),
        ({"program": "/bin/curl", "container": "db", "image": "db:3"}, "db", Fix("image", "db:3")),
        (
            {"program": "/bin/curl", "container": "job", "container_id": "j" * 64, "image": "db:3"},
            "db:3",
            Fix("image", "db:3"),
        ),
        (
            {"program": "/bin/curl", "script": "/tmp/jenkins2938472938472.sh"},
            "/tmp/jenkins*.sh",
            Fix("script", "/tmp/jenkins*.sh", "imdsv1-caller"),
        ),
        (  # by an earlier release
            {"program": "/bin/curl", "script": "/tmp/jenkins2938472938472.sh"},
            "/tmp/jenkins2938472938472.sh",
            Fix("script", "/tmp/jenkins*.sh", "imdsv1-caller"),
        ),
        (
            {"program": "/opt/job", "unit": "run-u17.service"},
            "run-*.service",
            Fix("program", "run-*.service", "imdsv1-caller"),
        ),
        ({"program": "/bin/curl"}, "more callers", Fix("check", "imdsv1-caller", "imdsv1-caller")),
    ],
)
def test_callers_are_named_by_what_somebody_would_change(caller, subject, expected):
    by = [{"version": "v1", "count": 3, **caller}, {"version": "v2", "count": 9, "program": "/usr/bin/curl"}]
    found = fixes(finding("imdsv1-caller", "callers", subject), callers={"by": by}, containers=[WEB, POD])
    assert found == [expected]


def test_code_is_named_by_package_script_or_image():
    code = [
        {"path": "/opt/a.sh", "speaks": "v1"},
        {"path": "/usr/bin/b", "speaks": "v1", "package": "restic 0.11.0-1 (dpkg)"},
        {"path": "/app/c.py", "speaks": "v1", "container_ids": ["w" * 64]},
    ]
    found = [finding("code-imdsv1", "code", subject) for subject in ("/opt/a.sh", "/usr/bin/b", "/app/c.py in web")]
    assert fixes(*found, code=code, containers=[WEB]) == [
        Fix("script", "/opt/a.sh", "code-imdsv1"),
        Fix("software", "restic 0.11.0-1 (dpkg)", "code-imdsv1"),
        Fix("image", "web:1"),
    ]


def test_what_has_no_name_of_its_own_is_a_check():
    unknown = finding("package-manager-failed", "software", "dpkg", implies="unknown")
    general = finding("containers-not-seen", "containers", "containers", implies="unknown")
    expected = [
        Fix("check", "package-manager-failed: dpkg", "package-manager-failed"),
        Fix("check", "containers-not-seen", "containers-not-seen"),
    ]
    assert fixes(unknown, general, state="unknown") == expected
    assert fixes(unknown, state="unknown", imds={"endpoint": "disabled"}, reasons=["x [y-z]"]) == [
        Fix("check", "y-z", "y-z")
    ]
    assert fixes(unknown, state="ready") == []


def test_accepted_findings_and_those_that_the_hop_limit_cures_hold_nobody_back():
    cured = finding("hop-limit-too-low", "containers", "containers", implies="needs-hop-limit")
    taken = finding("software-too-old", "software", "cloud-init", implies=None, accepted={"owner": "x"})
    why = ["cloud-init is old [software-too-old]", "rule sdks was not judged: it failed"]
    assert fixes(cured, taken, reasons=why) == [
        Fix("check", "software-too-old", "software-too-old"),
        Fix("check", "rule sdks was not judged", ""),
    ]
    assert fixes(cured) == [Fix("check", "not explained by the report", "")]


def test_what_is_kept_is_bounded_and_the_rest_is_counted():
    many = [finding(f"kind-{number}", "x", "host") for number in range(100)]
    kept, left_out = naming.fixes_of(report(*many))
    assert (len(kept), left_out) == (naming.FIXES_MAX, 100 - naming.FIXES_MAX)
    assert len(naming.text("x" * 1000)) == naming.NAME_MAX


def test_callers_by_imdsv1_without_the_probe():
    by = [
        {"version": "v1", "program": "/bin/curl", "script": "/x.sh", "count": 2},
        {"version": "v1", "program": "/bin/wget", "script": "/x.sh", "count": 3},
        {"version": "v1", "program": "/bin/probe", "count": 3, "probe": True},
        {"version": "v1", "program": "/bin/app", "container": "web", "count": 9},
        {"version": "v2", "program": "/bin/app", "count": 9},
    ]
    found = naming.callers_of(report(callers={"by": by}, containers=[WEB]))
    assert found == (V1Caller("/bin/app", "web:1", 9), V1Caller("/x.sh", "", 5))


def test_images_that_need_a_higher_hop_limit():
    liar = {"id": "l" * 64, "image": "liar", "token": "lost", "needs_hop_limit": 64}
    fine = {"id": "f" * 64, "image": "fine", "token": "ok", "needs_hop_limit": 2}
    idle = {"id": "i" * 64, "image": "idle", "token": "lost", "needs_hop_limit": 2, "metadata_need": "unlikely"}
    made = report(containers=[WEB, liar, fine, idle])
    assert naming.hops_of(made) == (HopNeed("liar", 64), HopNeed("web:1", 2))
    made.verdict = msgspec.convert(
        {"state": "unknown", "confidence": "low", "switch": {"http_put_response_hop_limit": 3}}, type(made.verdict)
    )
    assert naming.hops_of(made) == (HopNeed("web:1", 2),)


def test_rows_by_findings_are_not_multiplied():
    """What nobody can look at in time is counted, so that the host is not taken for freed."""
    code = [{"path": "/x", "speaks": "v1"}] * 3000
    many = [finding("c", "code", subject) for subject in ["y"] * 3000 + ["/x in a"] * 3000]
    made = report(*many, code=code)
    found, left_out = naming.fixes_of(made)
    assert found == (Fix("check", "c: y", "c"), Fix("script", "/x", "c"))
    assert 2900 < left_out < 3000
    wide = [{"component": "a", "version": "1", "requirement": OLD, "container_ids": ["w" * 64] * 60_000}]
    made = report(finding("s", "software", "a"), finding("t", "settings", "settings"), software=wide)
    assert naming.fixes_of(made) == ((), 2)


def test_findings_that_a_summary_has_left_out_hold_the_host_back():
    made = report(finding("x", "settings", "settings"), findings_left_out=20)
    assert naming.fixes_of(made) == ((Fix("check", "x", "x"),), 20)
