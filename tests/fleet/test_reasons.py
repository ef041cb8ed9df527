import fleets_made

from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import WHOLE, Host
from imds_probe.fleet.instances import Instance
from imds_probe.fleet.reasons import Terms, why_not, without_id

NOW = int(fleets_made.NOW)
ID = fleets_made.instance_id(1)


def host(key=ID, **more):
    return Host(key, NOW, 0, WHOLE, "0.1.0", "ready", "medium", **more)


def test_a_host_that_may_be_switched():
    """All limits are reached, and none is passed."""
    ends = {"valid_until": NOW, "accepted": 1, "accepted_until": "2026-11-30", "hop_limit": 2, "hop_limit_needed": 2}
    known = Instance(ID, "running", NOW - 3600, "optional", 2, "", "", "1", "", "", "", "eks-node-group web")
    owned = host(account="1", owner="eks-node-group c/web", **ends)
    assert why_not(owned, known, Gathered(NOW), Terms(0)) == ""
    owned.owner = "kops x"  # another kind may be seen from the host
    assert why_not(owned, known, Gathered(NOW), Terms(0)) == ""


def test_the_newest_report_without_an_id_of_each_host_name():
    found = Gathered(NOW)
    later = host("mi-0123456789abcdef0", hostname="a")
    later.started_at += 5
    for each in (later, host("host a", hostname="a"), host("host ?"), host(hostname="b")):
        found.add(each)
    assert without_id(found) == {"a": NOW + 5}
