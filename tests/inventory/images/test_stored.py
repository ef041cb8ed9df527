from __future__ import annotations

import hashlib

import pytest

from imds_probe.inventory.images.stored import PATH, Config, chain_ids, config_of, hex_of
from imds_probe.inventory.schedules.commands.container_run import ImageRun

DIGESTS = [f"sha256:{str(number) * 64}" for number in range(3)]
ROOTFS = {"type": "layers", "diff_ids": DIGESTS}


def test_what_an_image_starts() -> None:
    config = {"Entrypoint": ["/e", 1], "Cmd": "a b", "Env": ["A=b=c", "odd", "=x"], "WorkingDir": "srv"}
    assert config_of({"config": config, "rootfs": ROOTFS}) == Config(
        ("/e",), ("/bin/sh", "-c", "a b"), {"PATH": PATH, "A": "b=c"}, "/srv", tuple(DIGESTS)
    )
    assert config_of({"rootfs": ROOTFS}) == Config(environment={"PATH": PATH}, layers=tuple(DIGESTS))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"rootfs": {"diff_ids": "x"}},
        {"rootfs": {"diff_ids": ["../x"]}},
        {"rootfs": {"diff_ids": DIGESTS * 100}},
    ],
)
def test_what_is_none(document: object) -> None:
    assert config_of(document) is None


@pytest.mark.parametrize(
    ("config", "run", "lines"),
    [
        (Config(("/e",), ("c",)), ImageRun("x"), [("/e", "c"), ("c",)]),
        (Config(("/e",), ("c",)), ImageRun("x", ("w",)), [("/e", "w"), ("w",)]),
        (Config(("/e",)), ImageRun("x"), [("/e",)]),
        (Config((), ("c",)), ImageRun("x"), [("c",)]),
        (Config((), ("c",)), ImageRun("x", ("w", "z")), [("w", "z")]),
        (Config(("/e",), ("c",)), ImageRun("x", ("w",), whole=True), [("w",)]),
        (Config(("/e",), ("c",)), ImageRun("x", whole=True), []),
        (Config(), ImageRun("x"), []),
    ],
)
def test_what_a_container_of_it_begins_with(config: Config, run: ImageRun, lines: list[tuple[str, ...]]) -> None:
    assert config.started_by(run) == lines


def test_layers_on_each_other() -> None:
    one, two, three = chain_ids(DIGESTS)
    assert one == DIGESTS[0]
    assert two == f"sha256:{hashlib.sha256(f'{one} {DIGESTS[1]}'.encode()).hexdigest()}"
    assert three == f"sha256:{hashlib.sha256(f'{two} {DIGESTS[2]}'.encode()).hexdigest()}"
    assert chain_ids([]) == []


def test_digits_of_digests() -> None:
    assert [hex_of(each) for each in (DIGESTS[1], "sha256:1", "sha256:../x", None, 1)] == ["1" * 64, "", "", "", ""]


def test_how_the_health_of_a_container_of_it_is_checked() -> None:
    found = config_of(
        {"config": {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}, "Shell": ["/b", "-c"]}, "rootfs": ROOTFS}
    )
    assert found is not None and found.check == ("/b", "-c", "x")
