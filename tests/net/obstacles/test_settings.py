import os

import pytest

from imds_probe.net.obstacles import settings

ECS, CLOUD = "etc/ecs/ecs.config", "etc/cloud/cloud.cfg"


def found(root, route_refused=False):
    looked = settings.look(root)
    assert looked.unread == ()
    items = settings.in_force(looked, route_refused=route_refused)
    return [(each.where, each.quote, each.certain, each.scope) for each in items]


def put(root, name, text):
    place = root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_nothing_there(tmp_path):
    assert found(tmp_path) == []


@pytest.mark.parametrize(("value", "said"), [("true", "true"), ("1", "1"), ("T", "T"), ('"true"', "true")])
def test_ecs_blocks_its_tasks(tmp_path, value, said):
    put(tmp_path, ECS, f"ECS_CLUSTER=blue\n ECS_AWSVPC_BLOCK_IMDS = {value}\n")
    assert found(tmp_path) == [
        ("/etc/ecs/ecs.config", f"ECS_AWSVPC_BLOCK_IMDS={said}", True, "ECS tasks in awsvpc network mode")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ECS_AWSVPC_BLOCK_IMDS=false\n",
        "#ECS_AWSVPC_BLOCK_IMDS=true\n",
        "ECS_AWSVPC_BLOCK_IMDS=\n",
        "ECS_AWSVPC_BLOCK_IMDS=true\nECS_AWSVPC_BLOCK_IMDS=false\n",
        "ECS_ENABLE_TASK_IAM_ROLE=true\nECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true\n",
        "MY_ECS_AWSVPC_BLOCK_IMDS=true\n",
    ],
)
def test_ecs_does_not(tmp_path, text):
    put(tmp_path, ECS, text)
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("disable_ec2_metadata: true", "true"),
        ("disable_ec2_metadata: Yes # why", "Yes"),
        ("disable_ec2_metadata : on", "on"),
    ],
)
def test_cloud_init_takes_it_away(tmp_path, line, said):
    """Of the line only key and value are quoted."""
    quote = f"disable_ec2_metadata: {said}"
    put(tmp_path, CLOUD, f"users:\n - default\n{line}\n")
    assert found(tmp_path) == [("/etc/cloud/cloud.cfg", quote, False, None)]
    assert found(tmp_path, route_refused=True) == [("/etc/cloud/cloud.cfg", quote, True, None)]


@pytest.mark.parametrize(
    "line", ["disable_ec2_metadata: false", "# disable_ec2_metadata: true", "disable_ec2_metadata: no"]
)
def test_cloud_init_does_not(tmp_path, line):
    put(tmp_path, CLOUD, f"{line}\n")
    assert found(tmp_path) == []


def test_later_files_win(tmp_path):
    put(tmp_path, CLOUD, "disable_ec2_metadata: true\n")
    put(tmp_path, f"{CLOUD}.d/10.cfg", "disable_ec2_metadata: false\n")
    put(tmp_path, f"{CLOUD}.d/99.cfg.disabled", "disable_ec2_metadata: true\n")
    assert found(tmp_path) == []
    put(tmp_path, f"{CLOUD}.d/20.cfg", "disable_ec2_metadata: true\n")
    assert [where for where, *_ in found(tmp_path)] == ["/etc/cloud/cloud.cfg.d/20.cfg"]


@pytest.mark.parametrize(
    "line", ["  disable_ec2_metadata: true", "{disable_ec2_metadata: true}", "disable_ec2_metadata: !!bool y"]
)
def test_forms_that_are_not_read_are_named(tmp_path, line):
    put(tmp_path, CLOUD, f"{line}\n")
    assert settings.look(tmp_path) == settings.Settings(
        (), ("/etc/cloud/cloud.cfg: disable_ec2_metadata stands there in a form that was not read",)
    )


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "etc/cloud/cloud.cfg.d").mkdir(parents=True)
    (tmp_path / "etc/ecs").mkdir()
    os.mkfifo(tmp_path / ECS)
    (tmp_path / CLOUD).write_text("x" * (settings.SIZE_MAX + 5))
    assert settings.look(tmp_path) == settings.Settings(
        (),
        (
            "/etc/ecs/ecs.config is not a regular file",
            f"/etc/cloud/cloud.cfg has more than {settings.SIZE_MAX} bytes",
        ),
    )


def test_links_do_not_lead_out_of_the_root(tmp_path):
    put(tmp_path, "outside.cfg", "disable_ec2_metadata: true\n")
    inner = tmp_path / "root/etc/cloud"
    inner.mkdir(parents=True)
    (inner / "cloud.cfg").symlink_to("../../../outside.cfg")
    assert found(tmp_path / "root") == []


def test_more_files_than_are_read(tmp_path):
    for number in range(settings.FILES_MAX + 1):
        put(tmp_path, f"{CLOUD}.d/{number:04}.cfg", "disable_ec2_metadata: true\n")
    looked = settings.look(tmp_path)
    assert [each.where for each in looked.items] == [f"/etc/cloud/cloud.cfg.d/{settings.FILES_MAX - 1:04}.cfg"]
    assert looked.unread == (f"/etc/cloud/cloud.cfg.d: only the first {settings.FILES_MAX} files were read",)
