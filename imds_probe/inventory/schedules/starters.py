"""Who starts what is scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Starter = Literal["cron", "init"]
# Programs that start what is scheduled, by the names of their files. In a container that has none of them nothing starts.
STARTERS: Mapping[str, Starter] = {
    **dict.fromkeys(("cron", "crond", "cronie", "anacron", "fcron"), "cron"),
    "busybox": "cron",  # which may be its crond, as on Alpine
    **dict.fromkeys(("systemd", "init", "openrc-init", "runsvdir"), "init"),
}
