"""What becomes of containers that are seen and cannot be entered. Measuring them for real is in tests/lab."""

import os
import shutil
import time
from dataclasses import replace

import pytest
from contexts import context
from listed_processes import HOST_NETNS, process, take_for_proc
from observed import ENDPOINT, IMDS
from soon import SOON_S

from imds_probe.collect.containers import (
    COLLECTOR,
    DISCOVERY,
    RunningContainers,
    SeenContainers,
    host_pids,
    measured,
    proc_below,
    run_now,
    unlisted,
)
from imds_probe.collect.sdks import COLLECTOR as SDKS
from imds_probe.errors import ProbeError
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import from_environment

ID = "0123456789abcdef" * 4
OTHER_NETNS = 4026532999
ON_LOOPBACK = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A root in which only process 1 runs; its directory of processes, which nothing is mounted at, is taken for a /proc."""
    take_for_proc(tmp_path, monkeypatch)
    process(tmp_path, 1, "0::/init.scope\n", HOST_NETNS)
    (tmp_path / "proc/self").symlink_to("1")
    return tmp_path


def collected(root, counter=None, imds=IMDS):
    deadline = time.monotonic() + SOON_S
    running = run_now(root, deadline=deadline)
    endpoints, counter = from_environment({}), counter or RequestCounter()
    return measured(root / "proc", running, endpoints, imds, deadline=deadline, counter=counter)


def test_a_root_without_processes_is_an_error_of_its_own(tmp_path):
    with pytest.raises(ProbeError, match="no processes are visible below") as caught:
        proc_below(tmp_path)
    assert "Mount /proc at" in str(caught.value)


def test_where_nothing_else_runs_nothing_is_asked(root):
    counter = RequestCounter()
    seen = collected(root, counter)
    assert (seen.containers, seen.unseen, seen.skipped) == ((), (), ())
    assert (counter.imdsv1, counter.imdsv2) == (0, 0)


def test_a_container_whose_namespace_is_hidden(root):
    process(root, 7, f"0::/docker/{ID}\n", None, b"AWS_REGION=eu-west-1\0")
    seen = collected(root)
    (container,) = seen.containers
    assert (container.id, container.runtime, container.network, container.netns) == (ID, "docker", "unknown", None)
    assert (container.reach, container.environment) == ((), (("AWS_REGION",),))
    assert container.sdk_settings == (SdkSettings((Variable("AWS_REGION", "set"),)),)
    assert "run as root" in container.not_measured
    assert "1 of 2 processes hide their namespaces" in seen.unseen[0]


def test_where_the_hosts_own_namespace_cannot_be_entered_nobody_is_measured(root):
    # Following these links leads nowhere, as with processes that have ended.
    process(root, 7, f"0::/docker/{ID}\n", OTHER_NETNS)
    (container,) = collected(root).containers
    assert (container.network, container.reach) == ("own", ())
    assert "1/ns/net is gone" in container.not_measured


@pytest.mark.parametrize("outcome", ["refused", "unreachable", "connect-timeout", "no-route"])
def test_what_does_not_answer_the_host_is_asked_from_nowhere(root, outcome):
    process(root, 7, f"0::/docker/{ID}\n", OTHER_NETNS)
    counter = RequestCounter()
    imds = replace(IMDS, endpoints=(replace(ENDPOINT, token_outcome=outcome),))
    (container,) = collected(root, counter, imds).containers
    assert container.not_measured == "the service does not answer the host itself"
    assert counter.imdsv2 == 0


def test_containers_on_the_hosts_network_count_without_an_answer_too(root):
    process(root, 7, f"0::/docker/{ID}\n", HOST_NETNS)
    (container,) = collected(root, imds=None).containers
    assert (container.network, container.reach) == ("host", ())
    assert container.not_measured


def test_processes_of_the_host_are_those_outside_of_containers_and_of_the_system_those_of_no_user(root):
    process(root, 7, f"0::/docker/{ID}\n", OTHER_NETNS)
    process(root, 8, "0::/system.slice/agent.service\n", HOST_NETNS)
    process(root, 9, "0::/user.slice/user-4242.slice/user@4242.service/agent.service\n", HOST_NETNS)
    assert host_pids(context(root)) == [1, 8, 9]
    assert host_pids(context(root), of_users=False) == [1, 8]


def test_below_a_root_without_processes_there_are_none(tmp_path):
    assert host_pids(context(tmp_path)) == []
    assert unlisted(context(tmp_path)).startswith("no processes are visible below")
    assert not unlisted(context(tmp_path, image=True))


def test_a_list_without_any_process_of_the_host_is_none(root):
    assert not unlisted(context(root))
    shutil.rmtree(root / "proc/1")
    assert unlisted(context(root)) == f"no process of the host itself is listed in {root / 'proc'}"


@pytest.mark.parametrize("cgroups", [(), ("0::/system.slice/agent.service\n",), (f"0::/docker/{ID}\n",)])
def test_where_the_endpoint_is_on_loopback_containers_are_listed_and_none_is_tested(root, cgroups):
    for pid, cgroup in enumerate(cgroups, 7):
        process(root, pid, cgroup, OTHER_NETNS)
    given = context(root, IMDS, environ=ON_LOOPBACK)
    assert DISCOVERY.applies(given)
    assert COLLECTOR.applies(given)
    given.keep(DISCOVERY.collect(given).given)
    (seen,) = COLLECTOR.collect(given).given
    assert isinstance(seen, SeenContainers)
    assert [each.title for each in seen.containers] == [ID[:12] for each in cgroups if "docker" in each]
    assert {(each.reach, each.not_measured) for each in seen.containers} <= {
        ((), "the given endpoint is on loopback, and every container has a loopback of its own")
    }
    assert given.get(RunningContainers) is not None


@pytest.mark.parametrize("environ", [{}, ON_LOOPBACK])
def test_where_the_service_is_turned_off_no_container_is_looked_for(root, environ):
    given = context(root, replace(IMDS, endpoint="disabled"), environ=environ)
    assert not DISCOVERY.applies(given)
    assert not COLLECTOR.applies(given)


def test_a_list_of_processes_that_somebody_else_laid_out_is_none(root, tmp_path):
    os.chown(root / "proc", 4242, 4242)
    assert host_pids(context(root)) == []
    with pytest.raises(ProbeError, match="not a proc file system that root mounted"):
        collected(root)


def test_software_in_containers_is_not_kept_waiting_by_their_networks():
    assert set(DISCOVERY.gives) <= set(SDKS.needs)
    assert not set(COLLECTOR.gives) & set(SDKS.needs)


def test_without_a_list_of_processes_nobody_is_said_to_be_measured(root):
    with pytest.raises(ProbeError, match="could not be listed"):
        COLLECTOR.collect(context(root))
