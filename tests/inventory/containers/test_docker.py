import json

import pytest

from imds_probe.inventory.containers.checks import Check
from imds_probe.inventory.containers.description import Begins
from imds_probe.inventory.containers.docker import DEFAULT_ROOTS, data_roots, describe
from imds_probe.system.rootfs import FileUnreadable

ID = "0123456789abcdef" * 4


def record(root, place, content):
    path = root / place.lstrip("/") / "containers" / ID
    path.mkdir(parents=True)
    (path / "config.v2.json").write_text(content if isinstance(content, str) else json.dumps(content))


def test_name_and_image(tmp_path):
    # The form is that of Docker 20.10.24, without what is not read.
    said = {"ID": ID, "Config": {"Image": "nginx:1.25", "Labels": {}}, "Image": "sha256:00", "Name": "/web"}
    record(tmp_path, DEFAULT_ROOTS[0], said)
    found = describe(tmp_path, DEFAULT_ROOTS, ID)
    assert (found.name, found.image, found.pod, found.pod_namespace, found.sandbox) == (
        "web",
        "nginx:1.25",
        None,
        None,
        False,
    )


@pytest.mark.parametrize(("kind", "sandbox"), [("podsandbox", True), ("container", False)])
def test_labels_of_kubernetes(tmp_path, kind, sandbox):
    labels = {
        "io.kubernetes.container.name": "app",
        "io.kubernetes.pod.name": "shop-7d",
        "io.kubernetes.pod.namespace": "prod",
        "io.kubernetes.docker.type": kind,
    }
    record(
        tmp_path, DEFAULT_ROOTS[0], {"Name": "/k8s_app_shop-7d_prod_0_0", "Config": {"Labels": labels, "Image": "a"}}
    )
    found = describe(tmp_path, DEFAULT_ROOTS, ID)
    assert (found.name, found.pod, found.pod_namespace, found.sandbox) == ("app", "shop-7d", "prod", sandbox)


@pytest.mark.parametrize(("name", "sandbox"), [("worker", False), ("~internal~ecs~pause", True)])
def test_labels_of_ecs(tmp_path, name, sandbox):
    labels = {"com.amazonaws.ecs.container-name": name, "com.amazonaws.ecs.task-arn": "arn:aws:ecs:eu-west-1:1:task/x"}
    record(tmp_path, DEFAULT_ROOTS[0], {"Name": "/ecs-job-1-worker-aa", "Config": {"Labels": labels}})
    found = describe(tmp_path, DEFAULT_ROOTS, ID)
    assert (found.name, found.sandbox) == (name, sandbox)


def test_user_namespace_remapping_has_a_folder_of_its_own(tmp_path):
    record(tmp_path, "/var/lib/docker/100000.100000", {"Name": "/mapped"})
    (tmp_path / "var/lib/docker/overlay2").mkdir()
    assert describe(tmp_path, DEFAULT_ROOTS, ID).name == "mapped"


@pytest.mark.parametrize(
    "content", ["[]", "7", "null", '"x"', '{"Name": 4, "Config": [1]}', '{"Config": {"Labels": 3}}']
)
def test_odd_records_say_nothing(tmp_path, content):
    record(tmp_path, DEFAULT_ROOTS[0], content)
    found = describe(tmp_path, DEFAULT_ROOTS, ID)
    assert found is None or (found.name, found.image, found.pod) == (None, None, None)


def test_a_broken_record_is_said(tmp_path):
    record(tmp_path, DEFAULT_ROOTS[0], "{")
    with pytest.raises(FileUnreadable):
        describe(tmp_path, DEFAULT_ROOTS, ID)


def test_no_record(tmp_path):
    assert describe(tmp_path, DEFAULT_ROOTS, ID) is None


@pytest.mark.parametrize("key", ["data-root", "graph"])
def test_the_data_root_of_the_settings(tmp_path, key):
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/docker/daemon.json").write_text(json.dumps({key: "/mnt/docker"}))
    assert data_roots(tmp_path) == ("/mnt/docker", *DEFAULT_ROOTS)


@pytest.mark.parametrize(
    "command",
    [
        ("dockerd", "--data-root", "/mnt/d"),
        ("dockerd", "-H", "fd://", "--data-root=/mnt/d"),
        ("dockerd", "-g", "/mnt/d"),
        ("dockerd", "--graph=/mnt/d", "--debug"),
    ],
)
def test_the_data_root_of_the_command_line(tmp_path, command):
    assert data_roots(tmp_path, [command]) == ("/mnt/d", *DEFAULT_ROOTS)


@pytest.mark.parametrize(
    "command", [(), ("dockerd",), ("dockerd", "--data-root"), ("dockerd", "--data-root", "relative")]
)
def test_no_data_root_on_the_command_line(tmp_path, command):
    assert data_roots(tmp_path, [command]) == DEFAULT_ROOTS


def test_broken_settings_are_noted(tmp_path):
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/docker/daemon.json").write_text("{ // comment")
    notes = []
    assert data_roots(tmp_path, notes=notes) == DEFAULT_ROOTS
    assert notes == ["/etc/docker/daemon.json is not JSON"]


def test_what_it_begins_with(tmp_path):
    said = {
        "Name": "/shop-web-1",
        "Path": "/docker-entrypoint.sh",
        "Args": ["nginx", "-g", "daemon off;"],
        "Config": {"WorkingDir": "/srv", "Labels": {"com.docker.compose.service": "web"}},
    }
    record(tmp_path, DEFAULT_ROOTS[0], said)
    found = describe(tmp_path, DEFAULT_ROOTS, ID)
    assert found.begins == Begins(("/docker-entrypoint.sh", "nginx", "-g", "daemon off;"), "/srv")
    assert (found.called, found.service) == ("shop-web-1", "web")


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ({"Path": "/x"}, Begins(("/x",))),
        ({"Path": "/x", "Args": None, "Config": {"WorkingDir": "srv"}}, Begins(("/x",), "/srv")),
        ({"Path": ""}, None),
        ({"Args": ["/x"]}, None),
        ({"Path": "/x", "Args": [7]}, None),
        ({"Path": "/x", "Args": ["a"] * 1000}, None),
        ({"Path": "/x", "Args": ["a" * 100_000]}, None),
    ],
)
def test_half_a_command_line_is_none(tmp_path, said, begins):
    record(tmp_path, DEFAULT_ROOTS[0], said)
    assert describe(tmp_path, DEFAULT_ROOTS, ID).begins == begins


def test_what_it_begins_with_is_not_shown():
    assert "secret" not in repr(Begins(("/x", "--password=secret")))


def test_how_its_health_is_checked(tmp_path):
    health = {"Test": ["CMD", "/check"], "Interval": 2_000_000_000}
    record(tmp_path, DEFAULT_ROOTS[0], {"Name": "/web", "Config": {"Healthcheck": health}})
    assert describe(tmp_path, DEFAULT_ROOTS, ID).checks == (Check(("/check",), 2.0),)
