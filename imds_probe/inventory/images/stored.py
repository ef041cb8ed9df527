"""An image that lies on the disk: its layers, and what it starts by itself. OCI Image Format Specification, config.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.checks import checks_of
from imds_probe.inventory.containers.description import mapping, text
from imds_probe.inventory.schedules.commands.container_run import ImageRun

LAYERS_MAX = 200  # Docker itself allows 128
WORDS_MAX, WORD_MAX = 200, 64 * 1024
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RECORD_MAX_BYTES = 8 * 1024 * 1024
ROOT_ALONE = frozenset((0,))  # whose records count: what users keep is theirs
_SHELL = ("/bin/sh", "-c")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Config:
    """What an image starts, unless it is told otherwise. Text of strangers: `environment` may have secrets."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    layers: tuple[str, ...] = ()  # digests of what they hold, the lowest first
    check: tuple[str, ...] = ()  # what an engine of its own kind runs in it to see whether it is well

    def started_by(self, run: ImageRun) -> list[tuple[str, ...]]:
        """The command lines that a container of it begins with: its own, and what an entry point is handed, which mostly is what
        that starts in turn.
        """
        if run.whole:
            return [run.words] if run.words else []
        words = run.words or self.command
        lines = [(*self.entrypoint, *words), words if self.entrypoint else ()]
        return [line for line in lines if line]


@dataclass(frozen=True)
class Stored:
    """`layers` are directories below the host's root, the topmost first, `opaque` those in them that hide what lies below."""

    config: Config
    layers: tuple[str, ...]
    opaque: frozenset[str] = frozenset()


def config_of(document: object) -> Config | None:
    """Of the image's own configuration; None for what is none."""
    whole = mapping(document)
    layers = mapping(whole.get("rootfs")).get("diff_ids")
    if not isinstance(layers, list) or len(layers) > LAYERS_MAX or not all(map(hex_of, layers)):
        return None
    config = mapping(whole.get("config"))
    variables = {"PATH": PATH}
    for each in _words(config.get("Env")):
        name, sign, value = each.partition("=")
        variables |= {name: value} if sign and name else {}
    directory = text(config.get("WorkingDir")) or "/"
    return Config(
        _words(config.get("Entrypoint")),
        _words(config.get("Cmd")),
        variables,
        directory if directory.startswith("/") else f"/{directory}",
        tuple(layers),
        next((each.words for each in checks_of(config)), ()),
    )


def _words(listed: object) -> tuple[str, ...]:
    """A list, or as old images have it, a text for a shell."""
    if isinstance(listed, str) and listed:
        return (*_SHELL, listed[:WORD_MAX])
    return (
        tuple(each[:WORD_MAX] for each in listed[:WORDS_MAX] if isinstance(each, str))
        if isinstance(listed, list)
        else ()
    )


def chain_ids(layers: Sequence[str]) -> list[str]:
    """What layers are called once they lie on top of each other, the lowest first: config.md, "Layer ChainID"."""
    found: list[str] = []
    for each in layers:
        found.append(f"sha256:{hashlib.sha256(f'{found[-1]} {each}'.encode()).hexdigest()}" if found else each)
    return found


def hex_of(digest: object) -> str:
    """The digits of a digest, empty for what is none: they are parts of paths."""
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    return match[1] if match else ""
