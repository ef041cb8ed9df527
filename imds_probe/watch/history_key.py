"""What makes callers one in the history: calls of the same key are counted together."""

from __future__ import annotations

from typing import NamedTuple

from imds_probe.escape import encodable
from imds_probe.facts.callers import OTHERS, REQUESTED_BY_COMMAND_LINE
from imds_probe.kept.generated_names import lasting_unit
from imds_probe.kept.process_name import is_fetcher
from imds_probe.watch.call_meaning import class_of, is_ours
from imds_probe.watch.seen_call import SeenCall

TEXT_MAX = 300
UNKNOWN_UID = -1  # as NULL is not equal to itself


class Key(NamedTuple):
    """What makes callers one."""

    version: str
    program: str
    unit: str
    container: str
    container_id: str
    path_class: str
    probe: bool
    uid: int
    script: str
    token: str
    client: str
    netns: int
    image: str


NOBODY = Key("v1", OTHERS, "", "", "", "other", False, UNKNOWN_UID, "", "", "", 0, "")


def key_of(seen: SeenCall, container: str | None) -> Key:
    """`container` is what that of the caller is called."""
    caller, there = seen.caller, seen.there
    return Key(
        version=seen.version,
        program=text_of(seen.program),
        unit=lasting_unit(text_of(caller.unit if caller else None)),  # one for each connection would fill the file
        container=text_of(container),
        container_id=text_of(there.container if there else None),
        path_class=class_of(seen),
        probe=is_ours(seen),
        uid=UNKNOWN_UID if caller is None or caller.uid is None else caller.uid,
        script=_script_of(seen),
        token=seen.token or "",
        client=text_of(seen.client if caller is None and not (there and there.container) else None),
        netns=seen.netns or 0,
        image=text_of(seen.image),
    )


def _script_of(seen: SeenCall) -> str:
    """What somebody would mend: the script, or the line of a crontab or of a unit that asks for just this."""
    if seen.caller is None or seen.caller.script is not None:
        return text_of(seen.caller.script) if seen.caller else ""
    return text_of(f"{REQUESTED_BY_COMMAND_LINE}{seen.path}") if is_fetcher(seen.caller.exe) else ""


def text_of(text: str | None) -> str:
    """As the file can hold it, and no more of it than is shown."""
    return encodable(text or "")[:TEXT_MAX]
