import io
from dataclasses import replace

import pytest
from observed import FACTS, changed

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.code import CodeSeen
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.words import CLIENTS
from imds_probe.rules.asking import Asking
from imds_probe.rules.called import Call, calls
from imds_probe.rules.metadata_need import need_of_processes

CATALOG = Catalog.load()
BOTO = CATALOG.row("boto2")
CODE = CodeSeen("/srv/app.py", 2, ("get_instance_metadata",), "mentions", "python", "running", pids=(7,))
CALL = Call("get_instance_metadata", "/srv/app.py")
KEYS = SdkSettings((Variable("AWS_ACCESS_KEY_ID", "set"), Variable("AWS_SECRET_ACCESS_KEY", "set")))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, (CALL,)),
        ({"pids": (8,)}, ()),
        ({"pids": (), "container_ids": ("c",)}, (CALL,)),
        ({"runs": "lies"}, ()),
        ({"component": "boto2"}, ()),
        ({"speaks": "v1"}, ()),  # the library may be a part of it
        ({"quote": ("EC2MetadataUtils",)}, ()),
    ],
)
def test_calls_are_those_of_the_code_that_runs_with_the_sdk(changes, found):
    assert calls(BOTO, changed(FACTS, code=(replace(CODE, **changes),)), [7], ["c"]) == found
    assert calls(None, FACTS, [7]) == ()


def test_keys_do_not_spare_what_a_program_asks_for_itself():
    need = need_of_processes([KEYS], Asking("boto", BOTO, "pypi", "2.49.0", True, calls=(CALL,)))
    assert (need.state, need.for_credentials.state) == ("likely", "unlikely")
    assert need.reason == "/srv/app.py has boto ask for instance metadata by get_instance_metadata"
    assert need_of_processes([KEYS], Asking("boto", BOTO, "pypi", "2.49.0", True)).state == "unlikely"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", "import boto.utils\nboto.utils.get_instance_metadata()", ("get_instance_metadata",)),
        ("a.py", "from boto import utils\nutils.get_instance_userdata()", ("get_instance_userdata",)),
        ("a.py", "import boto.utils  # get_instance_metadata", ()),
        ("a.py", "def get_instance_metadata():\n    return {}", ()),
        ("a.js", "new AWS.EC2MetadataCredentials()", ("EC2MetadataCredentials",)),
        ("a.rb", "Aws::InstanceProfileCredentials.new", ("InstanceProfileCredentials",)),
        ("a.py", "InstanceMetadataRegionFetcher().retrieve_region()", ("InstanceMetadataRegionFetcher",)),
    ],
)
def test_calls_are_seen_in_code(name, text, found):
    assert said_by(io.BytesIO(text.encode()), f"/srv/{name}").quote == found


def test_what_is_searched_for_is_what_rows_name():
    assert {name for row in CATALOG.rows for asked in row.asks_for for name in asked.calls} == set(CLIENTS)
