"""What cloud-init runs: at each boot, or once when an instance is new. Sources: cloud-init's module reference and
"User data formats"; /var/lib/cloud is described in its "Directory layout".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import user_data
from imds_probe.inventory.schedules.cloud_init_places import CLOUD, SERVED
from imds_probe.inventory.schedules.scheduled import AT_BOOT, ONCE, Kind, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.user_data import UserPart
from imds_probe.inventory.schedules.written_files import ENVIRONMENT, Written, started, written

CONFIG, MORE_CONFIG = "/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d"
INSTANCE_CONFIG = f"{CLOUD}/instance/cloud-config.txt"
RAW = ("user-data.txt", "vendor-data.txt", "vendor-data2.txt")
COMMANDS_MAX, ARGUMENTS_MAX = 500, 200
TEXT_MAX = 256 * 1024
SCRIPTS, VENDOR, HOOKS = f"{CLOUD}/instance/scripts", f"{CLOUD}/scripts/vendor", f"{CLOUD}/instance/boothooks"
_MODULES = ("cloud_init_modules", "cloud_config_modules", "cloud_final_modules")
_HOW_OFTEN: Mapping[Kind, str] = {"boot": AT_BOOT, "once": ONCE}


@dataclass(frozen=True)
class _Scripts:
    """A directory whose scripts a module runs, and when it does so by itself."""

    directory: str
    module: str
    kind: Kind


DIRECTORIES = (
    _Scripts(f"{CLOUD}/scripts/per-boot", "scripts_per_boot", "boot"),
    _Scripts(f"{CLOUD}/scripts/per-instance", "scripts_per_instance", "once"),
    _Scripts(f"{CLOUD}/scripts/per-once", "scripts_per_once", "once"),
    _Scripts(VENDOR, "scripts_vendor", "once"),
    _Scripts(SCRIPTS, "scripts_user", "once"),
    _Scripts(HOOKS, "", "boot"),
)


@dataclass(frozen=True)
class _Received:
    """What the instance was given, which the next one is given too: its parts, and what those that are configurations say."""

    path: str
    parts: tuple[tuple[UserPart | str, Mapping[object, object]], ...]


@dataclass(frozen=True)
class _Boots:
    """Which parts of it run at each boot, and do not lie where cloud-init has unpacked them: those count there. Its boothooks; its
    bootcmd; its runcmd, where that module is told to run always; its scripts and what runcmd is made into one of.
    """

    hooks: bool
    config: bool
    commands: bool
    scripts: bool


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Scripts in their directories, commands of configurations, and user data as it was received."""
    configs = [(path, config) for path in _config_paths(files) if (config := _config(files, path))]
    raw = [_received(f"{CLOUD}/instance/{name}", files) for name in RAW]
    always = {name for config in (*(config for _, config in configs), *_configs(raw)) for name in _always(config)}
    for scripts in DIRECTORIES:
        kind: Kind = "boot" if scripts.module in always else scripts.kind
        named = [f"{scripts.directory}/{name}" for name in files.names(scripts.directory)]
        for path in files.files(named, executable=True):
            yield _started((path,), Place(path), kind)
    for path, config in configs:
        kinds: Mapping[str, Kind] = {"bootcmd": "boot", "runcmd": "boot" if "runcmd" in always else "once"}
        found = list(_commands(config, path, kinds, files))
        yield from found
        if path != INSTANCE_CONFIG:  # put together of what was received, which is read itself
            yield from _written(written(config), found, path, files)
    hooks = not files.names(HOOKS)
    merged = bool(files.text(INSTANCE_CONFIG))
    for each, own, unpacked in zip(raw, (True, False, False), (SCRIPTS, VENDOR, VENDOR), strict=True):
        again = f"scripts_{'user' if own else 'vendor'}" in always and not files.names(unpacked)
        boots = _Boots(hooks, not (own and merged), "runcmd" in always, again)
        yield from _of_received(each, boots, files)


def _config_paths(files: SystemFiles) -> list[str]:
    more = [f"{MORE_CONFIG}/{name}" for name in files.names(MORE_CONFIG) if name.endswith(".cfg")]
    return [CONFIG, *files.files(more), INSTANCE_CONFIG]


def _config(files: SystemFiles, path: str) -> Mapping[object, object]:
    text = files.text(path)
    return _document(files, path, text) if text else {}


def _document(files: SystemFiles, path: str, text: str) -> Mapping[object, object]:
    document = files.yaml(text, path)
    return document if isinstance(document, dict) else {}


def _always(config: Mapping[object, object]) -> Iterator[str]:
    """The modules that a configuration has run at each boot: an entry "[scripts-user, always]"."""
    for stage in _MODULES:
        for entry in _list(config.get(stage)):
            if isinstance(entry, list) and len(entry) > 1 and entry[1] == "always" and isinstance(entry[0], str):
                yield entry[0].replace("-", "_")


def _commands(
    config: Mapping[object, object], path: str, kinds: Mapping[str, Kind], files: SystemFiles
) -> Iterator[Scheduled]:
    """A text is for a shell, a list is what is started. What will not run again here is no matter where it is too much."""
    left = COMMANDS_MAX
    for key, kind in kinds.items():
        for entry in _list(config.get(key)):
            left -= 1
            if left < 0:
                if kind == "boot" or files.of_image:
                    said = f"{path} has more than {COMMANDS_MAX} commands, and the rest was not read"
                    files.leave_out(path, unread.MORE, said)
                return
            if isinstance(entry, str):
                yield _started(entry[:TEXT_MAX], Place(path), kind)
            elif isinstance(entry, list) and entry:
                yield _started(
                    tuple(str(word)[:TEXT_MAX] for word in entry[:ARGUMENTS_MAX] if _is_plain(word)), Place(path), kind
                )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def served(content: bytes, files: SystemFiles) -> Iterator[Scheduled]:
    """What the user data runs that the service gives: nothing new where cloud-init has kept the same on disk. What it has for each
    boot runs at the next one.
    """
    if content != files.content(f"{CLOUD}/instance/{RAW[0]}", user_data.RAW_MAX_BYTES):
        received = _parsed(content, SERVED, files)
        configs = (*(_config(files, path) for path in _config_paths(files)), *_configs([received]))
        always = {name for config in configs for name in _always(config)}
        yield from _of_received(received, _Boots(True, True, "runcmd" in always, "scripts_user" in always), files)


def _received(path: str, files: SystemFiles) -> _Received:
    return _parsed(files.content(path, user_data.RAW_MAX_BYTES), path, files)


def _parsed(content: bytes | None, path: str, files: SystemFiles) -> _Received:
    parts = user_data.parts(content, lambda text: files.yaml(text, path)) if content else ()
    return _Received(
        path,
        tuple(
            (part, _document(files, path, part.text) if isinstance(part, UserPart) and part.kind == "config" else {})
            for part in parts
        ),
    )


def _configs(received: Iterable[_Received]) -> Iterator[Mapping[object, object]]:
    return (config for each in received for _, config in each.parts)


def _of_received(received: _Received, boots: _Boots, files: SystemFiles) -> Iterator[Scheduled]:
    found: list[Scheduled] = []
    own: list[Written] = []
    path = received.path
    kinds: Mapping[str, Kind] = {
        "bootcmd": "boot" if boots.config else "once",
        "runcmd": "boot" if (boots.config and boots.commands) or boots.scripts else "once",
    }
    for part, config in received.parts:
        if isinstance(part, str):
            files.say(f"{path}: {part}")
        elif part.kind == "config":
            found += _commands(config, path, kinds, files)
            own += written(config)
        else:
            again = boots.hooks if part.kind == "boothook" else boots.scripts and part.kind == "script"
            found += _script(part, path, "boot" if again else "once")
    yield from found
    yield from _written(own, found, path, files)


def _written(own: list[Written], found: Iterable[Scheduled], path: str, files: SystemFiles) -> Iterator[Scheduled]:
    """The code in files that are written before these commands run, as far as something starts it."""
    if own:
        texts = (each.command if isinstance(each.command, str) else " ".join(each.command) for each in found)
        yield from started(own, texts, Place(path), files)


def _script(part: UserPart, path: str, kind: Kind) -> Iterator[Scheduled]:
    text = part.text.lstrip().removeprefix("#cloud-boothook").lstrip()
    if part.kind == "handler":
        text = f"#!/usr/bin/python3\n{text}"
    if text:
        yield _started(text[:TEXT_MAX], Place(path), kind)


def _started(command: tuple[str, ...] | str, place: Place, kind: Kind) -> Scheduled:
    return Scheduled(command, place, kind, _HOW_OFTEN[kind], environment=ENVIRONMENT)
