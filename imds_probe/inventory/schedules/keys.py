"""What tells one schedule from another one. Commands and variables can be secrets: of them a digest alone is kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.scheduled import Scheduled

# Of a text for a shell; what a shell would make of it is no matter here.
_NAMED_FILE = re.compile(r"/[A-Za-z0-9_.@%+:,/-]{1,400}")
NAMED_MAX = 20


def key_of(scheduled: Scheduled) -> str:
    """The same for what is started alike and stands in the same place."""
    command = scheduled.command
    parts: tuple[Iterable[str], ...] = (
        ("text", command) if isinstance(command, str) else ("words", *command),
        (scheduled.place.path, str(scheduled.place.line), scheduled.directory, scheduled.user),
        (f"{name}={value}" for name, value in sorted(scheduled.environment.items())),
        (scheduled.root, "") if scheduled.image is None else (scheduled.image,),
        (str(scheduled.whole), *(() if scheduled.own_network else ("host",))),
        (each for pair in scheduled.mounts for each in pair),
        ("own",) if scheduled.check is None else scheduled.check,
        () if scheduled.asked is None else _asked(scheduled.asked),
        () if scheduled.network == "host" else (scheduled.network,),
    )
    digest = hashlib.sha256()
    for part in parts:
        for text in part:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        digest.update(b"\0\0")
    return digest.hexdigest()


def _asked(asked: InContainer) -> tuple[str, ...]:
    environment = (f"{name}={value}" for name, value in sorted(asked.environment.items()))
    return (asked.by, str(asked.name), asked.inner, asked.directory, *environment, "", *asked.words)


def named_files(scheduled: Scheduled) -> tuple[str, ...]:
    """The absolute paths that the command names, the first NAMED_MAX, as the system itself calls them."""
    if scheduled.image is not None or scheduled.asked is not None or scheduled.root:
        return ()
    command = scheduled.command
    text = command if isinstance(command, str) else "\n".join(command)
    found = dict.fromkeys(each.rstrip("/:,.") for each in _NAMED_FILE.findall(text[:65536]))
    return tuple(each for each in found if each)[:NAMED_MAX]
