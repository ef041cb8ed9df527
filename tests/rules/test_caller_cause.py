from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import AGENT, with_code
from observed import FACTS, SSM_AGENT, changed, container
from rules.test_relays import MESH, behind_relay
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Reach
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser
from imds_probe.inventory.containers.cgroups import unit_of_user
from imds_probe.rules.caller_cause import PRODUCTS, cause_of
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog.load()
NOTHING_OLD = "no old software was found that explains the call"
INSIDE = replace(CALLER, container="web", container_id=container("web").id, unit=None)
TOKEN = replace(INSIDE, version="v2", path_class="token", path="/latest/api/token")
USE = SdkUse(None, None, ("/srv/env/lib/python3.9/site-packages/botocore-1.dist-info",), 1)
BOTOCORE = SdkSoftware(
    "botocore",
    "pypi",
    "botocore",
    "1.12.0",
    "dist-info",
    USE.paths[0],
    pids=(7,),
    sdk=replace(USE, users=(SdkUser(7, "curl", CALLER.unit),)),
)


def cause(*by, catalog=CATALOG, code=(), **facts):
    callers = callers_of(
        by, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    group = [each for each in by if each.version == "v1"]
    return cause_of(group, callers, with_code(*code, facts=changed(FACTS, callers=callers, **facts)), catalog)


def lost(**changes):
    return replace(container("web"), reach=(Reach("ipv4", "lost", "", distance=1, needs_hop_limit=2, **changes),))


def test_every_product_is_in_the_catalog():
    assert all(CATALOG.row(component) for component, _ in PRODUCTS.values())


def test_who_asks_for_tokens_where_they_are_lost_falls_back():
    found = cause(INSIDE, TOKEN, containers=(lost(),))
    assert found.needs_hop_limit == 2
    assert "Raise the hop limit to 2" in found.fix.text


def test_behind_a_relay_of_its_own_a_hop_limit_is_to_be_tried():
    shop = behind_relay(id=container("web").id, name="web")
    mesh = replace(MESH, container_id=shop.identity)
    sdk = replace(
        INSIDE, user_agent="Boto3/1.43.11"
    )  # which asks for a token first, as no other client there is known to
    assert cause(INSIDE, TOKEN, containers=(shop,), obstacles=(mesh,)).needs_hop_limit == 2
    found = cause(sdk, TOKEN, containers=(shop,), obstacles=(mesh,))
    assert found.needs_hop_limit == 2
    assert found.why.endswith("a higher hop limit is needed: try 2, as the distance could not be measured")
    assert cause(INSIDE, TOKEN, containers=(shop,)).needs_hop_limit is None


@pytest.mark.parametrize(
    "there",
    [
        replace(lost(), netns_owner_uid=1000),
        replace(lost(), reach=(Reach("ipv4", "lost", "", distance=63, needs_hop_limit=64, confirmed=True),)),
        replace(lost(), reach=(Reach("ipv4", "lost", ""),)),
    ],
    ids=["a user's network", "nothing explains the distance", "no distance"],
)
def test_no_hop_limit_is_named_that_does_not_count(there):
    found = cause(INSIDE, TOKEN, containers=(there,))
    assert found.needs_hop_limit is None
    assert "the hop limit that it needs is not known" in found.why
    assert "limit to" not in found.fix.text


@pytest.mark.parametrize(
    ("by", "containers"),
    [
        ((INSIDE,), (lost(),)),  # never asked for a token
        ((INSIDE, replace(TOKEN, program="/other")), (lost(),)),  # somebody else did
        ((INSIDE, TOKEN), (replace(lost(), reach=(Reach("ipv4", "ok", ""),)),)),  # it gets there
        ((INSIDE, TOKEN), (lost(expected="ok"),)),  # trying it and measuring it disagree
        ((INSIDE, TOKEN), ()),
    ],
)
def test_everything_else_needs_a_change(by, containers):
    assert cause(*by, containers=containers).needs_hop_limit is None


def test_an_old_sdk_there_is_named_whatever_it_asks_besides():
    found = cause(CALLER, software=(SSM_AGENT, BOTOCORE))
    assert found.why == "botocore 1.12.0 speaks only IMDSv1 (IMDSv2 since 1.13.25)"
    assert found.fix.commands == ("/srv/env/bin/python3 -m pip install --upgrade 'botocore>=1.13.25'",)
    used = replace(USE, users=(SdkUser(7, "curl", None),))
    inside = replace(BOTOCORE, container="web", container_ids=(container("web").id,), sdk=used)
    found = cause(INSIDE, TOKEN, containers=(lost(),), software=(inside,))
    assert (found.needs_hop_limit, "Rebuild the image" in found.fix.text) == (None, True)


@pytest.mark.parametrize(
    "users",
    [
        (SdkUser(7, "other", None),),
        (SdkUser(7, "curl", None),),  # a number that is used again, and a name that anybody may take
        (SdkUser(8, "curl", "db.service"),),
        (SdkUser(7, "curl", unit_of_user(4242, "web.service")),),
        (),
    ],
)
def test_one_that_somebody_else_uses_is_not(users):
    other = replace(BOTOCORE, sdk=replace(USE, users=users))
    assert NOTHING_OLD in cause(CALLER, software=(other,)).why


def test_in_a_container_that_is_not_known_by_its_id_nothing_of_the_host_is_to_blame():
    assert NOTHING_OLD in cause(replace(CALLER, container="web"), software=(BOTOCORE,)).why


def test_by_the_unit_also_after_a_restart():
    other = replace(BOTOCORE, sdk=replace(USE, users=(SdkUser(99, "gunicorn", "web.service"),)))
    worker = replace(CALLER, program="/usr/bin/python3.11", comm="gunicorn")
    assert "botocore 1.12.0" in cause(worker, software=(other,)).why
    assert NOTHING_OLD in cause(CALLER, software=(other,)).why  # curl, which a script of the same unit starts


def test_an_old_package_is_known_by_what_it_runs():
    agent = replace(SSM_AGENT, version="2.3.0.0-1")
    found = cause(replace(CALLER, program="/usr/bin/amazon-ssm-agent"), software=(agent,))
    assert found.why.endswith("speaks only IMDSv1 (IMDSv2 since 2.3.814.0)") or "2.3.0.0" in found.why
    assert found.fix.commands == ("dnf upgrade amazon-ssm-agent",)
    assert NOTHING_OLD in cause(replace(CALLER, program="/usr/bin/other"), software=(agent,)).why
    by_unit = replace(CALLER, program="curl", unit="amazon-ssm-agent.service")
    assert "2.3.0.0" in cause(by_unit, software=(agent,)).why


@pytest.mark.parametrize(
    ("program", "unit"),
    [
        ("/home/mallory/amazon-ssm-agent", None),
        ("/tmp/usr/bin/amazon-ssm-agent", None),
        ("amazon-ssm-agent", None),
        ("/usr/bin/curl", unit_of_user(4242, "amazon-ssm-agent.service")),
        ("/usr/bin/curl", unit_of_user(4242, "snap.amazon-ssm-agent.amazon-ssm-agent.service")),
    ],
)
def test_a_user_who_gives_his_own_a_packages_name_frames_nobody(program, unit):
    agent = replace(SSM_AGENT, version="2.3.0.0-1")
    assert NOTHING_OLD in cause(replace(CALLER, program=program, unit=unit), software=(agent,)).why


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Boto3/1.9.0 Python/3.6 Botocore/1.12.0", "botocore 1.12.0 speaks only IMDSv1 (IMDSv2 since 1.13.25)"),
        ("aws-sdk-go/1.25.0 (go1.12; linux; amd64)", "1.25.0 speaks only IMDSv1"),
        ("aws-sdk-nodejs/2.500.0 linux/v10", "2.500.0 speaks only IMDSv1"),
        ("Botocore/1.34.0", NOTHING_OLD),
        ("Botocore/garbage aws-sdk-go/", NOTHING_OLD),
        (None, NOTHING_OLD),
    ],
)
def test_by_what_it_says_it_is(agent, said):
    assert said in cause(replace(CALLER, user_agent=agent)).why


def test_an_inferred_figure_is_said_of_who_asks():
    inferred = Catalog((replace(CATALOG.row("botocore"), grade="inferred"),))
    says = replace(CALLER, user_agent="Botocore/1.12.0")
    found = cause(says, catalog=inferred)
    assert found.evidence == ("the minimum version 1.13.25 is inferred, not verified",)


def test_half_old_and_from_outside():
    token = replace(TOKEN, container=None, container_id=None, unit=CALLER.unit)
    assert cause(CALLER, token).why.startswith("it also asks for tokens")
    relayed = replace(CALLER, program="another host", exe=None, unit=None)
    assert cause(relayed).why == "this host forwards its requests"


@pytest.mark.parametrize(
    ("changes", "blamed"),
    [
        ({}, True),
        ({"on_host": True}, True),
        ({"on_host": False}, False),  # another file may lie there in its own mount namespace
        ({"program": "/usr/bin/amazon-ssm-agent (not verified)"}, False),
        ({"program": "/home/u/amazon-ssm-agent"}, False),
        ({"program": "/usr/local/bin/amazon-ssm-agent"}, False),
        ({"program": "amazon-ssm-agent", "exe": None}, False),  # anybody calls himself what he likes
        ({"program": "/snap/amazon-ssm-agent/9881/amazon-ssm-agent"}, True),
    ],
)
def test_a_package_is_blamed_only_for_its_own_program(changes, blamed):
    agent = replace(SSM_AGENT, version="2.3.0.0-1")
    caller = replace(CALLER, program="/usr/bin/amazon-ssm-agent", exe="/usr/bin/amazon-ssm-agent")
    assert (NOTHING_OLD not in cause(replace(caller, **changes), software=(agent,)).why) is blamed


def test_another_users_token_explains_nothing():
    token = replace(TOKEN, container=None, container_id=None, unit=CALLER.unit, uid=4242)
    assert NOTHING_OLD in cause(replace(CALLER, uid=0), token).why
    assert cause(replace(CALLER, uid=4242), token).why.startswith("it also asks for tokens")


def test_who_takes_the_probes_name():
    found = cause(replace(CALLER, user_agent="imds-probe/1.0", uid=4242))
    assert found.why == "it calls itself imds-probe, but does not run as root"
    assert "--no-v1-probe" in found.fix.text


@pytest.mark.parametrize(
    ("changes", "explained"),
    [
        ({"pids": (CALLER.pid,)}, True),
        ({"pids": (CALLER.pid,), "speaks": "both"}, False),
        ({"pids": (99,)}, False),
        ({"pids": (99,), "path": CALLER.program}, False),  # not shown to be the host's own file of that path
        ({"pids": (CALLER.pid,), "on_host": False}, False),
        ({"pids": (CALLER.pid,), "on_host": False, "container_ids": ("f" * 64,)}, False),
    ],
)
def test_code_that_the_caller_runs_explains_the_call(changes, explained):
    found = cause(CALLER, code=(replace(AGENT, **changes),))
    assert (found.why == "its own code asks without a token: /opt/agent/agent") is explained
    if explained:
        assert found.evidence == ("/opt/agent/agent has 169.254.169.254, latest/meta-data",)
        assert found.fix.text.startswith("Ask the owner of /opt/agent/agent")


def test_code_is_that_of_the_hosts_own_program():
    code = (replace(AGENT, pids=(), path=CALLER.program),)
    assert cause(replace(CALLER, on_host=True), code=code).why.startswith("its own code asks without a token")


def test_what_one_process_of_an_interpreter_was_given_explains_no_other():
    given = replace(AGENT, pids=(99,), path=CALLER.program, in_arguments=True)
    assert not cause(replace(CALLER, on_host=True), code=(given,)).why.startswith("its own code")
    its_own = replace(given, pids=(CALLER.pid,))
    said = f"its own code asks without a token: the arguments of {CALLER.program}"
    assert cause(replace(CALLER, on_host=True), code=(its_own,)).why == said


def test_no_hop_limit_cures_code_that_asks_without_a_token():
    code = replace(AGENT, on_host=False, container_ids=(INSIDE.container_id,), pids=(INSIDE.pid,))
    found = cause(INSIDE, TOKEN, containers=(lost(),), code=(code,))
    assert found.needs_hop_limit is None
    assert found.why.startswith("its own code asks without a token")


@pytest.mark.parametrize(("pid", "is_known"), [(7, True), (8, False)])
def test_the_unit_of_a_command_is_kept_without_its_number_and_its_process_is_known_all_the_same(pid, is_known):
    sdk = replace(BOTOCORE, sdk=replace(USE, users=(SdkUser(7, "curl", "run-u17.service"),)))
    found = cause(replace(CALLER, unit="run-*.service", pid=pid), software=(sdk,))
    assert ("botocore 1.12.0" in found.why) == is_known
