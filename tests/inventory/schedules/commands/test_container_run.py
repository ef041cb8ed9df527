from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.container_run import ImageRun, run_by


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("run x", "x"),
        ("run --rm -it --name y -v /a:/b -e A=b --network=host registry:5000/x:1 sh -c z", "registry:5000/x:1"),
        ("-H unix:///s --debug run -d x", "x"),
        ("container create --env-file /f x", "x"),
        ("run -dp 3000:3000 x", "x"),
        ("run -itv /a:/b -p80:80 x", "x"),
        ("run -- x", "x"),
        ("start x", ""),
        ("ps -a", ""),
        ("run", ""),
        ("run --name", ""),
        ("", ""),
    ],
)
def test_the_image_that_is_run(arguments: str, expected: str) -> None:
    found = run_by(arguments.split())
    assert (found.name if found else "") == expected


def test_one_that_only_running_tells_is_not_known() -> None:
    assert run_by(["run", "-e", None, None]) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("run x", ImageRun("x")),
        ("run x a -b", ImageRun("x", ("a", "-b"))),
        (
            "run --entrypoint /e -e A=1 --env=B=2=3 -e FROM_OUTSIDE -w /srv x a",
            ImageRun("x", ("/e", "a"), True, {"A": "1", "B": "2=3"}, "/srv"),
        ),
        ("run -de A=1 -eB=2 -w/srv x", ImageRun("x", (), False, {"A": "1", "B": "2"}, "/srv")),
        ("run --entrypoint= x a", ImageRun("x", ("a",), True)),
        ("run -v /a:/b:ro --volume=/c:/d x", ImageRun("x", mounts=(("/a", "/b"), ("/c", "/d")))),
        ("run --mount type=bind,src=/a,dst=/b,ro x", ImageRun("x", mounts=(("/a", "/b"),))),
        ("run --mount source=/a,target=/b,type=bind x", ImageRun("x", mounts=(("/a", "/b"),))),
        ("run -v data:/b -v /b --mount type=tmpfs,dst=/b --mount type=bind,dst=/b x", ImageRun("x")),
        ("run --network host x a", ImageRun("x", ("a",), own_network=False)),
        ("run --net=host x", ImageRun("x", own_network=False)),
        ("run --network container:web x", ImageRun("x", own_network=False)),
        ("run --network none x", ImageRun("x", own_network=False)),
        ("run --network slirp4netns:mtu=9000 x", ImageRun("x", own_network=False)),
        ("run --network backend x", ImageRun("x")),
        ("run --net= x", ImageRun("x")),
        ("create --workdir=/srv --env A= x", ImageRun("x", (), False, {"A": ""}, "/srv")),
    ],
)
def test_what_it_runs_in_it(arguments: str, expected: ImageRun) -> None:
    assert run_by(arguments.split()) == expected


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ([], None),
        (["--health-cmd", "curl x || exit 1"], ("/bin/sh", "-c", "curl x || exit 1")),
        (['--health-cmd=["CMD", "a", "b"]'], ("a", "b")),
        (["--health-cmd", "none"], ()),
        (["--no-healthcheck"], ()),
    ],
)
def test_how_its_health_is_checked(options: list[str], check: tuple[str, ...] | None) -> None:
    found = run_by(["run", *options, "x", "y"])
    assert found is not None and (found.name, found.words, found.check) == ("x", ("y",), check)
