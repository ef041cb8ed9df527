"""Reader processes that are killed at their work: each run ends with its report, and none with a better verdict."""

from __future__ import annotations

import json
import os
import shutil
import sys

import killing
import pytest
from report_schema import check
from sdk_zoo import ZOO
from soon import SOON_S
from watching import SOURCE

from imds_probe import exitcodes
from imds_probe.collect.collectors import READING
from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost

NEW_SDK = f"{ZOO}/opt/python-new/lib/python3.11/site-packages"
USES_IT = "import ssl, botocore, time; print('there', flush=True); time.sleep(600)"
BUSYBOX = "/bin/busybox"
# What lies on a disk or beside what is loaded, and is used by nothing, warns. Where the distribution is not known, upstream's
# versions count, which are later than those in which a distribution patched IMDSv2 in. Settings that take the service away
# explain what was measured. Whose a file is says which package its code counts for. Who launches the next instance says what
# else to change, and nothing of this one.
HOLD_NOTHING_UP = (
    *("SDKs on a disk", "system of the host", "settings that take the service away"),
    *("code that lies with it", "code on disk", "owners of files", "owner of the instance", "schedules as they are"),
)
# Something that the host's cron starts, and that asks for a token.
ASKS = """#!/bin/sh
token=$(curl -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
curl -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id
"""
OLD = "#!/bin/sh\ncurl http://169.254.169.254/latest/meta-data/instance-id\n"
# Without it, each container counts as one of an image of its own.
CHANGES_NOTHING = "identity of an image"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A host that is ready by all that is read with the help of readers: packages, one of them by its code, a setting, a script of
    cron's, and one that nothing starts and no settings name,
    """
    root = tmp_path_factory.mktemp("killed") / "host"
    more = {"datadog-agent": "1:7.60.0-1", "ec2-hibinit-agent": "1.0.0-0ubuntu4"}
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES | more, "i-0123456789abcdef0")
    (root / "etc/datadog-agent").mkdir(parents=True)
    (root / "etc/datadog-agent/datadog.yaml").write_text("ec2_prefer_imdsv2: true\n")
    # Of this version nobody has written down whether it asks for a token: its code is read.
    (root / "var/lib/dpkg/info/ec2-hibinit-agent.list").write_text("/.\n/usr/bin/hibinit-agent\n")
    for place in ("etc/cron.d", "usr/local/bin", "usr/bin", "bin"):
        (root / place).mkdir(parents=True, exist_ok=True)
    (root / "etc/cron.d/ask").write_text("0 3 * * * root /usr/local/bin/ask\n")
    (root / "usr/local/bin/ask").write_text(ASKS)
    (root / "usr/bin/hibinit-agent").write_text(ASKS)
    (root / "usr/local/bin/old.sh").write_text(OLD)
    (root / "usr/local/bin/ask").chmod(0o755)
    shutil.copy(BUSYBOX, root / "bin/sh")
    return root


@pytest.fixture(scope="module")
def made_up(lab, host, tmp_path_factory):
    """a container, and SDKs that are in use."""
    inside = tmp_path_factory.mktemp("web") / "root"
    scenarios.write_host(inside, {"awscli": "2.9.19-1"}, "")
    for place in ("bin", "dev"):
        (inside / place).mkdir()
    (inside / "dev/null").touch()  # what the container's process has as its standard streams
    shutil.copy(BUSYBOX, inside / "bin")
    with MadeUpHost(lab.instance, host) as standing:
        reading, writing = os.pipe()
        with open(reading) as said:
            standing.start(("/usr/bin/python3", "-c", USES_IT), env={"PYTHONPATH": NEW_SDK}, stdout=writing)
            os.close(writing)
            assert said.readline() == "there\n"
        standing.start_container("web", root=inside, argv=(BUSYBOX, "sleep", "infinity"))
        yield standing


@pytest.fixture(scope="module")
def probed(made_up, host, _service):
    """What comes of a run by this program: its exit code and report."""

    def call(*program):
        argv = [sys.executable, *program, "run", "--output", "json", "--root", str(host)]
        done = made_up.run(argv, timeout_s=SOON_S, env={"PYTHONPATH": f"{SOURCE}:{SOURCE}/tests"})
        assert done.stderr == b""
        return done.returncode, check(json.loads(done.stdout))

    return call


@pytest.fixture(scope="module")
def before(probed):
    code, report = probed("-m", "imds_probe")
    assert (code, lacking(report)) == (exitcodes.READY, [])
    assert len(evidence(report)[0]) > 5
    asking = {("/usr/local/bin/ask", "v2"), ("/usr/bin/hibinit-agent", "v2"), ("/usr/local/bin/old.sh", "v1")}
    assert {(each["path"], each["speaks"]) for each in report["code"]} == asking
    return report


def evidence(report):
    """What was found, and what was not seen."""
    software = [(each["component"], each["container"], each["version"]) for each in report["software"]]
    names = [each["name"] for each in report["containers"] or ()]
    code = [(each["path"], each["speaks"], each["started_by"]) for each in report["code"] or ()]
    read = {name: value for name, value in (report["read"] or {}).items() if name != "bytes_searched"}
    return sorted(software, key=str), names, report["sdks_unseen"], code, read


def lacking(report):
    """The collectors that say that they lack something, and the programs that were not read."""
    missing = [each["id"] for each in report["collectors"] if each["status"] in ("partial", "failed")]
    return missing + [each["program"] for each in (report["read"] or {}).get("not_read", ())]


@pytest.mark.parametrize("task", range(len(READING)), ids=[each.id for each in READING])
@pytest.mark.parametrize("process", ["_parser", "_opener"])
def test_no_run_is_better_for_it(probed, before, process, task):
    """Whoever has lost something says so, and is not called ready. An opener has a successor, which may have read it all."""
    code, report = probed(killing.__file__, process, str(task))
    if evidence(report) == evidence(before) and not lacking(report):
        assert code == exitcodes.READY
        assert process == "_opener" or READING[task].id == CHANGES_NOTHING
    else:
        assert lacking(report)
        assert code == (exitcodes.READY if READING[task].id in HOLD_NOTHING_UP else exitcodes.UNKNOWN)
