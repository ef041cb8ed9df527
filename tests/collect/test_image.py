import json
import socket
from contextlib import closing
from pathlib import Path

import pytest
from contexts import collected, context

from imds_probe.collect.collectors import COLLECTORS
from imds_probe.collect.image import COLLECTOR
from imds_probe.collect.software import COLLECTORS as MANAGERS
from imds_probe.collect.software import Packages
from imds_probe.facts.image import Image
from imds_probe.system import procfs


def test_it_is_one_where_the_run_says_so(tmp_path):
    assert not COLLECTOR.applies(context(tmp_path))
    assert COLLECTOR.applies(context(tmp_path, image=True))


def test_whether_an_instance_has_run_of_it(tmp_path):
    image = context(tmp_path, image=True)
    collected(image, [COLLECTOR])
    assert image.get(Image) == Image(used=False)
    (tmp_path / "var/lib/cloud/instances/i-1").mkdir(parents=True)
    (tmp_path / "var/lib/cloud/instance").symlink_to("/var/lib/cloud/instances/i-1")
    image = context(tmp_path, image=True)
    collected(image, [COLLECTOR])
    assert image.get(Image) == Image(used=True)


def test_its_processes_are_nobodys():
    assert context(Path("/"), image=True).proc == procfs.NOWHERE


def test_who_looks_at_an_image_looks_at_files():
    named = {each.id for each in COLLECTORS if each.of_image}
    assert named == {"image", "acceptances", "host", "dpkg", "rpm", "apk", "snap", "settings", "sdks", "code"}


@pytest.fixture
def snaps(tmp_path):
    """A root with snaps, one of which the catalog knows, and a snapd below it that must not be asked."""
    state = {"data": {"snaps": {name: {"current": "1", "active": True} for name in ("core20", "amazon-ssm-agent")}}}
    at = tmp_path / "var/lib/snapd"
    at.mkdir(parents=True)
    (at / "state.json").write_text(json.dumps(state))
    (tmp_path / "run").mkdir()
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listening:
        listening.bind(str(tmp_path / "run/snapd.socket"))
        listening.listen()
        yield tmp_path
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_a_snapd_below_it_is_not_asked(snaps):
    image = context(snaps, image=True)
    snap = [each for each in MANAGERS if each.id == "snap"]
    record = collected(image, snap)["snap"]
    assert (record.status, "version of amazon-ssm-agent" in record.reason) == ("failed", True)
    described = snaps / "snap/amazon-ssm-agent/1/meta"
    described.mkdir(parents=True)
    (described / "snap.yaml").write_text("name: amazon-ssm-agent\nversion: 3.3.0\n")
    image = context(snaps, image=True)
    assert collected(image, snap)["snap"].status == "ok"
    (found,) = image.get(Packages).software
    assert (found.package, found.version) == ("amazon-ssm-agent", "3.3.0")
