from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.container_run import image


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("run x", "x"),
        ("run --rm -it --name y -v /a:/b -e A=b --network=host registry:5000/x:1 sh -c z", "registry:5000/x:1"),
        ("-H unix:///s --debug run -d x", "x"),
        ("container create --env-file /f x", "x"),
        ("run -- x", "x"),
        ("start x", ""),
        ("ps -a", ""),
        ("run", ""),
        ("run --name", ""),
        ("", ""),
    ],
)
def test_the_image_that_is_run(arguments: str, expected: str) -> None:
    assert image(arguments.split()) == expected


def test_one_that_only_running_tells_is_not_known() -> None:
    assert image(["run", "-e", None, None]) == ""
