"""What a call that was seen is after, whether the probe made it itself, and what is lost where it is refused."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from imds_probe.facts.callers import ELSEWHERE
from imds_probe.kept.metadata_path import is_other_clouds
from imds_probe.kept.shapes import OMITTED
from imds_probe.watch.caller import cgroup_of, place_of
from imds_probe.watch.seen_call import SeenCall

OURS = "imds-probe/"  # how the probe's own client names itself
# By the beginning of the path below /latest or a dated version: what a caller is after, without names in it.
_CLASSES = (
    ("api/token", "token"),
    ("meta-data/iam/", "credentials"),
    ("meta-data/identity-credentials/", "credentials"),
    ("user-data", "user-data"),
    ("dynamic/instance-identity", "identity"),
    ("meta-data/", "meta-data"),
    ("dynamic/", "dynamic"),
)
_LISTED = ("meta-data", "dynamic", "user-data")


def path_class(path: str) -> str:
    """What a request is after, in one word."""
    if is_other_clouds(path):
        return "other-cloud"
    below = _below_version(path)
    if below in (f"meta-data/{OMITTED}", f"dynamic/{OMITTED}"):
        return "other"  # EC2 is not known to have such a thing
    return next((name for start, name in _CLASSES if below.startswith(start)), "other")


def _below_version(path: str) -> str:
    """Without "latest" or the date of a version."""
    return path.strip("/").partition("/")[2]


def is_ours(seen: SeenCall) -> bool:
    """Whether the probe made this call itself. Anybody may say so: root is believed, on the host and in the container that
    we are in ourselves.
    """
    if not seen.user_agent.startswith(OURS) or seen.caller is None or seen.caller.uid is None:
        return False
    return seen.caller.uid == 0 and seen.caller.container in (None, _own_container())


def may_be_ours(seen: SeenCall) -> bool:
    """Whether the host made it, it says that it is the probe's, and nobody knows which process it was."""
    unknown = seen.caller is None or seen.caller.uid is None
    return unknown and seen.outgoing and seen.user_agent.startswith(OURS)


def is_harmless(seen: SeenCall) -> bool:
    """Whether it loses nothing: see CallerSeen.is_harmless."""
    wanted = class_of(seen)
    refused = seen.status == 401 and wanted != "other-cloud"
    return wanted in ELSEWHERE and not refused and not is_served(seen)


def is_without_effect(seen: SeenCall) -> bool:
    """Whether nothing is lost where it is refused: it asks only whether anything answers, or for another cloud's paths."""
    return class_of(seen) in ("head", "other-cloud")


def class_of(seen: SeenCall) -> str:
    """The kind of request, as the history keeps it. HEAD of what the service has tells that it is there, or that a notice is not
    given yet, which nobody is told without a token: it counts as GET does.
    """
    wanted = path_class(seen.path)
    only_asks_for_a_server = wanted in (*ELSEWHERE, "token") and _below_version(seen.path) not in _LISTED
    return "head" if seen.method == "HEAD" and only_asks_for_a_server else wanted


@cache
def _own_container() -> str | None:
    proc = Path("/proc")
    return place_of(cgroup_of(proc, os.getpid()), proc, os.getuid())["container"]


def is_served(seen: SeenCall) -> bool:
    """Whether it was, or may have been, as no answer was seen to what the service may have."""
    return not is_other_clouds(seen.path) if seen.status is None else seen.status < 400
