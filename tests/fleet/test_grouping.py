import pytest

from imds_probe.errors import UsageError
from imds_probe.fleet.grouping import groups, keys, tags_of
from imds_probe.fleet.hosts import WHOLE, Host
from imds_probe.fleet.instances import Instance


def test_keys_by_commas_or_one_by_one():
    assert keys(["account,owner", "tag:Team, owner"]) == ("account", "owner", "tag:Team")
    assert tags_of(("owner", "tag:a:b")) == ("a:b",)
    for wrong in ("colour", "tag:", "tag"):
        with pytest.raises(UsageError, match="Group by account"):
            keys([wrong])


def test_by_tags_and_by_what_only_ec2_knows():
    hosts = [Host(key, 0, 0, WHOLE, "", "ready", "") for key in ("i-1", "i-2", "i-3")]
    hosts[2].owner = "kops a"
    known = {
        key: Instance(key, "running", 0, "", 0, "", "", "1", "eu-west-1", "", "", "auto-scaling x", (team,))
        for key, team in (("i-1", "a"), ("i-3", ""))
    }
    found, left_out = groups(hosts, ("tag:Team", "owner", "account"), known)
    assert left_out == 0
    assert {(each.by, each.value, each.hosts) for each in found} == {
        *(("tag:Team", "a", 1), ("tag:Team", "", 2)),
        *(("owner", "auto-scaling x", 2), ("owner", "", 1)),
        *(("account", "1", 2), ("account", "", 1)),
    }
