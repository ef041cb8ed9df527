from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.commands.in_container import InContainer, in_container
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker exec app /x", InContainer("container", "app", ("/x",))),
        ("docker exec -it app sh -c x", InContainer("container", "app", ("sh", "-c", "x"))),
        ("docker exec -itu app web /x -u y", InContainer("container", "web", ("/x", "-u", "y"))),
        ("docker exec -=x web /x", InContainer("container", "web", ("/x",))),
        ("docker exec -uapp --privileged web /x", InContainer("container", "web", ("/x",))),
        (
            "docker -H unix:///s exec -w /srv -e A=1 --env=B=2=3 -e C web /x",
            InContainer("container", "web", ("/x",), "/srv", {"A": "1", "B": "2=3"}),
        ),
        ("docker --context prod container exec web /x", InContainer("container", "web", ("/x",))),
        ("podman exec --user 1000:1000 web /x", InContainer("container", "web", ("/x",))),
        ("nerdctl -n k8s.io exec web /x", InContainer("container", "web", ("/x",))),
        ("docker compose exec -T web /x", InContainer("service", "web", ("/x",))),
        ("docker compose -f /s/c.yml -p s exec -T --index=1 web /x", InContainer("service", "web", ("/x",))),
        (
            "docker-compose -f /s/c.yml run --rm -e A=1 w /x",
            InContainer("service", "w", ("/x",), "", {"A": "1"}, is_new=True),
        ),
        ("docker compose run --rm --entrypoint /e w a", InContainer("service", "w", ("/e", "a"), is_new=True)),
        ("podman-compose exec web /x", InContainer("service", "web", ("/x",))),
        ("kubectl exec pod-1 -- /x", InContainer("pod", "pod-1", ("/x",))),
        (
            "kubectl -n shop exec -it deploy/app -c web -- sh /x",
            InContainer("pod", "deploy/app", ("sh", "/x"), inner="web"),
        ),
        ("k3s kubectl exec pod-1 -- /x", InContainer("pod", "pod-1", ("/x",))),
        ("crictl exec -it 0123abcd /x", InContainer("container", "0123abcd", ("/x",))),
        ("k3s crictl exec 0123abcd /x", InContainer("container", "0123abcd", ("/x",))),
        ("ctr -n k8s.io tasks exec --exec-id e --cwd /srv web /x", InContainer("container", "web", ("/x",), "/srv")),
        ("lxc exec web -- /x", InContainer("container", "web", ("/x",))),
        ("lxc-attach -n web -- /x a", InContainer("container", "web", ("/x", "a"))),
        ("lxc-attach --name=web /x", InContainer("container", "web", ("/x",))),
        ("machinectl shell root@web /bin/sh -c x", InContainer("container", "web", ("/bin/sh", "-c", "x"))),
        ("machinectl -q shell -E A=1 web /x", InContainer("container", "web", ("/x",), environment={"A": "1"})),
        ("docker run x /x", None),
        ("docker ps", None),
        ("docker exec", None),
        ("docker exec -u", None),
        ("docker exec -t app", None),
        ("docker", None),
        ("docker compose up -d", None),
        ("docker compose", None),
        ("kubectl get pods", None),
        ("machinectl shell .host /x", None),
        ("machinectl shell web", None),
        ("machinectl list", None),
        ("lxc-attach -n web", None),
        ("lxc list", None),
        ("k3s server", None),
        ("k3s", None),
        ("tar exec app /x", None),
    ],
)
def test_what_a_program_is_told_to_run_in_a_container(line: str, expected: InContainer | None) -> None:
    program, *arguments = line.split()
    assert in_container(program, arguments) == expected


def test_of_a_name_that_only_running_tells_the_command_is_known() -> None:
    assert in_container("docker", ["exec", None, "/x", None]) == InContainer("container", None, ("/x", ""))
    assert in_container("docker", [None, "exec", "app"]) is None
    assert in_container("lxc-attach", ["-n", None, "--", "/x"]) == InContainer("container", None, ("/x",))


def test_a_schedule_comes_to_it_whether_the_engine_is_found_or_not(tmp_path) -> None:
    command = "cd /srv && sudo docker exec app /x; id=$(docker ps -qf name=app); docker exec $id /y"
    followed = Following(SystemFiles(tmp_path)).follow(
        Scheduled(command, Place("/etc/crontab", 1), "scheduled", "daily")
    )
    assert [(each.name, each.words) for each in followed.containers] == [("app", ("/x",)), (None, ("/y",))]
