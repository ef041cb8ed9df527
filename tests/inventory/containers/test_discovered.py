import dataclasses
from pathlib import Path

import pytest

from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery, NetworkNamespace


def test_what_is_found_cannot_be_changed_and_can_be_compared():
    container = DiscoveredContainer("ab", "docker", None, None, None, None, (7, 9), 7, 5, "own")
    assert (container.pod_uid, container.sandbox, container.inside) == (None, False, None)
    namespace = NetworkNamespace(5, Path("/proc/7/ns/net"), "container", "ab", (7, 9), (container,))
    found = Discovery((container,), (namespace,), 0, 2, True, ())
    assert hash(found) == hash(dataclasses.replace(found))
    with pytest.raises(dataclasses.FrozenInstanceError):
        container.pid = 1
