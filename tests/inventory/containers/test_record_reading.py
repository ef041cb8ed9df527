"""Records of containers read by a real reader: the same as read here, and what one owner has costs no other's."""

from __future__ import annotations

import json
import os
import time

import pytest
from contexts import reader

from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.record_reading import RecordsAt, bundles, described
from imds_probe.reading.here import HERE

ID, OTHER = "0123456789abcdef" * 4, "f" * 64
SOON_S = 60


def write(root, path, content):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)


@pytest.fixture(params=[lambda: HERE, reader], ids=["here", "a reader"])
def asked(request):
    return request.param()


def test_what_runtimes_have_on_record_is_told_by_container(tmp_path, asked):
    write(tmp_path, f"var/lib/docker/containers/{ID}/config.v2.json", json.dumps({"Name": "/web"}))
    notes = []
    ids = [ContainerId("docker", ID), ContainerId("docker", OTHER)]
    found, failed = described(
        asked, RecordsAt(str(tmp_path)), None, ids, deadline=time.monotonic() + SOON_S, notes=notes
    )
    assert failed == ""
    assert {each.id: told.name for each, told in found.items()} == {ID: "web", OTHER: None}


def test_what_cannot_be_read_is_a_note(tmp_path, asked):
    write(tmp_path, f"var/lib/docker/containers/{ID}/config.v2.json", "{")
    notes = []
    found, failed = described(
        asked,
        RecordsAt(str(tmp_path)),
        None,
        [ContainerId("docker", ID)],
        deadline=time.monotonic() + SOON_S,
        notes=notes,
    )
    assert [told.name for told in found.values()] == [None]
    assert failed == ""
    assert len(notes) == 1
    assert notes[0].endswith("is not JSON")


def test_the_containers_of_containerd_are_known_with_their_namespaces(tmp_path, asked):
    write(tmp_path, f"run/containerd/io.containerd.runtime.v2.task/default/{ID}/config.json", "{}")
    notes = []
    assert bundles(asked, tmp_path, time.monotonic() + SOON_S, notes) == (frozenset({("default", ID)}), "")
    assert notes == []


def test_time_that_is_over_is_said(tmp_path):
    found, failed = bundles(reader(), tmp_path, time.monotonic() - 1, [])
    assert found == frozenset()
    assert failed
    assert os.listdir(tmp_path) == []
