from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands import compose
from imds_probe.inventory.schedules.commands.compose import Service, services
from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

PROJECT = """services:
  web:
    image: acme/web:${TAG:-1}
    command: serve --port 80
    environment: {A: b, C: null, D: "${GONE}"}
    working_dir: /srv
    volumes: ["./jobs:/jobs:ro", "data:/data", "/a", {type: bind, source: /b, target: /c}]
  job:
    image: ${REGISTRY}/job
    entrypoint: [/run, "$$x"]
    environment: ["E=${TAG-2}", F]
    profiles: [jobs]
    network_mode: host
  own:
    build: .
    volumes: x
  odd: 1
"""
WEB = ImageRun(
    "acme/web:1",
    ("serve", "--port", "80"),
    False,
    {"A": "b"},
    "/srv",
    "docker",
    (("/srv/Shop/jobs", "/jobs"), ("/b", "/c")),
)
JOB = ImageRun("reg:5000/job", ("/run", "$x"), True, {"E": "2"}, "", "docker", own_network=False)


@pytest.fixture
def files(tmp_path: Path) -> SystemFiles:
    content = {
        "/srv/Shop/docker-compose.yml": PROJECT,
        "/srv/Shop/.env": "# x\nREGISTRY='reg:5000'\n",
        "/srv/more.yml": "services: {web: {image: other}}\n",
    }
    return SystemFiles(made(tmp_path, content))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker compose up -d", [Service("web", WEB), Service("own", None)]),
        ("docker-compose -f docker-compose.yml up web", [Service("web", WEB)]),
        ("docker compose --profile jobs up --no-deps job", [Service("job", JOB)]),
        ("docker compose run --rm job", [Service("job", JOB)]),
        ("docker compose run --rm -e A=1 web sh -c x", [Service("web", replace(WEB, words=("sh", "-c", "x")))]),
        ("docker compose -f docker-compose.yml -f ../more.yml up web", [Service("web", replace(WEB, name="other"))]),
        ("docker compose -p p up own", [Service("own", None)]),
        ("docker compose run own", [Service("own", ImageRun("shop-own", engine="docker"))]),
        ("docker compose -p p run own", [Service("own", ImageRun("p-own", engine="docker"))]),
        ("docker compose run none /x", [Service("none", None)]),
        ("docker compose up odd", [Service("odd", None)]),
        ("docker compose -f /none.yml up", [Service("", None)]),
        ("docker compose -f /none.yml up web", [Service("web", None)]),
        ("docker compose exec web /x", None),
        ("docker compose ps", None),
        ("docker run x", None),
        ("docker compose", None),
        ("tar compose up", None),
    ],
)
def test_the_services_that_a_command_line_starts(files: SystemFiles, line: str, expected: list[Service] | None) -> None:
    program, *arguments = line.split()
    assert services(program, arguments, "/srv/Shop", {}, files) == expected


def test_a_variable_that_is_nowhere_leaves_the_image_open(files: SystemFiles) -> None:
    (files.root / "srv/Shop/.env").unlink()
    assert services("docker-compose", ["up", "job"], "/srv/Shop", {}, files) == [Service("job", None)]
    with_it = services("docker-compose", ["up", "job"], "/srv/Shop", {"REGISTRY": "r", "TAG": ""}, files)
    assert with_it == [Service("job", ImageRun("r/job", JOB.words, True, {"E": ""}, "", "docker", own_network=False))]


@pytest.mark.parametrize(
    "text", ["", "services: x", "- 1", "services: {web: 1}", "services: {web: {image: 7, command: 'a \"'}}"]
)
def test_what_is_no_project_starts_what_is_not_known(files: SystemFiles, text: str) -> None:
    (files.root / "srv/Shop/docker-compose.yml").write_text(text)
    assert services("docker-compose", ["up", "web"], "/srv/Shop", {}, files) == [Service("web", None)]


@pytest.mark.parametrize(
    ("line", "images", "containers"),
    [
        ("cd /srv/Shop && docker compose up -d web", ["acme/web:1"], []),
        ("cd /srv/Shop && docker compose run --rm web /x", ["acme/web:1"], []),
        ("docker compose run --rm web /x", [], [InContainer("service", "web", ("/x",), is_new=True)]),
        ("docker compose up -d", [], [InContainer("service", None, ())]),
        ("docker start -a job other", [], [InContainer("container", "job", ()), InContainer("container", "other", ())]),
        ("podman container restart -t 5 job", [], [InContainer("container", "job", ())]),
        ("docker stop job", [], []),
    ],
)
def test_what_a_schedule_comes_to(
    files: SystemFiles, line: str, images: list[str], containers: list[InContainer]
) -> None:
    followed = Following(files).follow(Scheduled(line, Place("/etc/crontab", 1), "scheduled", "daily"))
    assert [each.name for each in followed.images] == images
    assert list(followed.containers) == containers


def test_what_is_too_much_of_a_project_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "services:\n" + "".join(f"  s{number}: {{image: x}}\n" for number in range(9))
    files = SystemFiles(made(tmp_path, {"/srv/compose.yml": content}))
    assert len(services("docker", ["compose", "up"], "/srv", {}, files) or ()) == 9
    assert files.take_left_out() == ()
    monkeypatch.setattr(compose, "SERVICES_MAX", 5)
    assert len(services("docker", ["compose", "up"], "/srv", {}, files) or ()) == 5
    assert files.take_left_out() == (LeftOut("/srv/compose.yml", unread.MORE),)


@pytest.mark.parametrize(
    ("said", "check"),
    [
        ("", None),
        ("healthcheck: {interval: 5s}", None),
        ("healthcheck: {test: 'curl $A $$B'}", ("/bin/sh", "-c", "curl b $B")),
        ("healthcheck: {test: [CMD-SHELL, 'a || b']}", ("/bin/sh", "-c", "a || b")),
        ("healthcheck: {test: [CMD, a, b]}", ("a", "b")),
        ("healthcheck: {test: [NONE]}", ()),
        ("healthcheck: {disable: true}", ()),
    ],
)
def test_how_its_health_is_checked(tmp_path: Path, said: str, check: tuple[str, ...] | None) -> None:
    content = f"services:\n  web:\n    image: x\n    {said}\n"
    files = SystemFiles(made(tmp_path, {"/srv/compose.yml": content}))
    (found,) = services("docker", ["compose", "up"], "/srv", {"A": "b"}, files) or ()
    assert found.run is not None
    assert found.run.check == check
