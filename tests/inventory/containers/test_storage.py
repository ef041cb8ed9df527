import json

import pytest

from imds_probe.inventory.containers.storage import SYSTEM_STORES, describe_crio, listed
from imds_probe.system.rootfs import FileUnreadable

ID = "0123456789abcdef" * 4
# The form of an entry is that of podman 4.3.1: the metadata is JSON in a string.
ENTRY = {
    "id": ID,
    "names": ["web"],
    "image": "00",
    "layer": "00",
    "metadata": json.dumps({"image-name": "docker.io/library/nginx:1.25", "image-id": "00", "name": "web"}),
    "created": "2026-01-01T00:00:00Z",
    "flags": {"MountLabel": "", "ProcessLabel": ""},
}


def write(root, path, content):
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("driver", ["overlay", "vfs"])
@pytest.mark.parametrize("file", ["containers.json", "volatile-containers.json"])
def test_containers_of_podman(tmp_path, driver, file):
    write(tmp_path, f"/var/lib/containers/storage/{driver}-containers/{file}", [ENTRY])
    found = listed(tmp_path, SYSTEM_STORES, [])[ID]
    assert (found.name, found.image, found.sandbox) == ("web", "docker.io/library/nginx:1.25", False)


def test_the_infra_container_of_a_pod(tmp_path):
    metadata = json.dumps({"image-name": "localhost/podman-pause:4.3.1-0"})
    write(tmp_path, "/s/overlay-containers/containers.json", [ENTRY | {"names": ["ab-infra"], "metadata": metadata}])
    assert listed(tmp_path, ("/s",), [])[ID].sandbox


@pytest.mark.parametrize(
    "entry",
    [
        {"id": ID},
        {"id": ID, "names": None, "metadata": None},
        {"id": ID, "names": [7], "metadata": "{"},
        {"id": ID, "names": "web", "metadata": "[" * 100_000},
        {"id": ID, "names": [], "metadata": "[]"},
    ],
)
def test_entries_that_say_little(tmp_path, entry):
    write(tmp_path, "/s/overlay-containers/containers.json", [entry, 7, None, {"id": 3}])
    found = listed(tmp_path, ("/s",), [])
    assert list(found) == [ID]
    assert (found[ID].name, found[ID].image) == (None, None)


@pytest.mark.parametrize("content", ["{}", "7", '"x"'])
def test_a_list_that_is_none(tmp_path, content):
    write(tmp_path, "/s/overlay-containers/containers.json", content)
    assert listed(tmp_path, ("/s",), []) == {}


def test_a_broken_list_is_noted_and_the_next_one_is_read(tmp_path):
    write(tmp_path, "/s/overlay-containers/containers.json", "[{")
    write(tmp_path, "/s/vfs-containers/containers.json", [ENTRY])
    notes = []
    assert list(listed(tmp_path, ("/s",), notes)) == [ID]
    assert notes == ["/s/overlay-containers/containers.json is not JSON"]


CRIO = {
    "io.kubernetes.container.name": "app",
    "io.kubernetes.pod.name": "shop-7d",
    "io.kubernetes.pod.namespace": "prod",
    "io.kubernetes.cri-o.ImageName": "registry.example/app:1",
    "io.kubernetes.cri-o.ContainerType": "container",
}


@pytest.mark.parametrize("store", SYSTEM_STORES)
@pytest.mark.parametrize("kind", ["container", "sandbox"])
def test_containers_of_crio(tmp_path, store, kind):
    annotations = CRIO | {"io.kubernetes.cri-o.ContainerType": kind}
    write(tmp_path, f"{store}/overlay-containers/{ID}/userdata/config.json", {"annotations": annotations})
    found = describe_crio(tmp_path, ID)
    assert (found.name, found.image) == ("app", "registry.example/app:1")
    assert (found.pod, found.pod_namespace, found.sandbox) == ("shop-7d", "prod", kind == "sandbox")


def test_no_container_of_crio(tmp_path):
    assert describe_crio(tmp_path, ID) is None


def test_a_broken_configuration_of_crio_is_said(tmp_path):
    write(tmp_path, f"{SYSTEM_STORES[0]}/overlay-containers/{ID}/userdata/config.json", "{")
    with pytest.raises(FileUnreadable):
        describe_crio(tmp_path, ID)
