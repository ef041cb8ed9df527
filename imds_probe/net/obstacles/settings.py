"""Settings of other software that take the metadata service away from somebody: the ECS agent, cloud-init."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.net.obstacles.obstacle import Obstacle, shortened
from imds_probe.system import rootfs

SIZE_MAX = 256 * 1024
FILES_MAX = 200
ECS_CONFIG = "etc/ecs/ecs.config"
CLOUD_CONFIG = "etc/cloud/cloud.cfg"
_TRUE_IN_GO = ("1", "t", "T", "true", "True", "TRUE")  # strconv.ParseBool, which the ECS agent uses
_ECS_KEY = "ECS_AWSVPC_BLOCK_IMDS"
_CLOUD_KEY = "disable_ec2_metadata"
# A key of the outermost level with a plain YAML 1.1 truth value. There is no YAML reader here, and none is needed for
# the one form in which people write it; whatever else mentions the key is named as unread.
_CLOUD_LINE = re.compile(rf"{_CLOUD_KEY}\s*:\s+(?:(true|yes|on)|(false|no|off))\s*(?:#.*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """Those that take the service away from somebody, and what could not be read of them."""

    items: tuple[Obstacle, ...] = ()
    unread: tuple[str, ...] = ()


def look(root: Path) -> Settings:
    """Settings below a system's root. That of cloud-init is not certain to be in force: see `in_force`."""
    found: list[Obstacle] = []
    unread: list[str] = []
    for name, text in _texts(root, [ECS_CONFIG], unread):
        found += _ecs(name, text)
    cloud = [CLOUD_CONFIG, *_fragments(root, f"{CLOUD_CONFIG}.d", unread)]
    last: Obstacle | None = None
    for name, text in _texts(root, cloud, unread):
        for line in text.splitlines():
            if _CLOUD_KEY not in line or line.lstrip().startswith("#"):
                continue
            said = _CLOUD_LINE.fullmatch(line.rstrip())
            if said is None:
                unread.append(f"/{name}: {_CLOUD_KEY} stands there in a form that was not read")
            else:  # later files and lines win
                last = _setting(name, f"{_CLOUD_KEY}: {said[1]}", certain=False) if said[1] else None
    return Settings((*found, last) if last else tuple(found), tuple(unread))


def in_force(found: Settings, *, route_refused: bool) -> list[Obstacle]:
    """The settings. `route_refused` says that the routes of the running system refuse the address: what cloud-init does at boot
    when it is told to.
    """
    return [replace(each, certain=each.certain or route_refused) for each in found.items]


def _ecs(name: str, text: str) -> list[Obstacle]:
    value = ""
    for line in text.splitlines():
        key, _, after = line.strip().partition("=")
        if key.strip() == _ECS_KEY:
            value = after.strip().strip("\"'")
    if value not in _TRUE_IN_GO:
        return []
    return [_setting(name, f"{_ECS_KEY}={value}", certain=True, scope="ECS tasks in awsvpc network mode")]


def _setting(name: str, quote: str, *, certain: bool, scope: str | None = None) -> Obstacle:
    return Obstacle(
        kind="setting",
        family="ipv4",  # both put a route for 169.254.169.254
        where=shortened(f"/{name}", 120),
        quote=quote,
        target=None,
        certain=certain,
        scope=scope,
        applies_to="any",
    )


def _fragments(root: Path, folder: str, unread: list[str]) -> list[str]:
    try:
        names = [name for name in rootfs.names(root, folder) if name.endswith(".cfg")]
    except rootfs.FileUnreadable as trouble:
        unread.append(shortened(trouble.problem, 200))
        return []
    if len(names) > FILES_MAX:
        unread.append(f"/{folder}: only the first {FILES_MAX} files were read")
    return [f"{folder}/{name}" for name in names[:FILES_MAX]]


def _texts(root: Path, names: list[str], unread: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            content = rootfs.read(root, f"/{name}", SIZE_MAX)
        except rootfs.FileUnreadable as trouble:
            unread.append(shortened(trouble.problem, 200))
            continue
        if content is not None:
            yield name, content.decode(errors="replace")


def read_settings(root: str) -> Iterator[Settings]:
    """The same, for a task."""
    yield look(Path(root))
