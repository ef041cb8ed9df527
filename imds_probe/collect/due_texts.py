"""What the text of a schedule asks by itself, and from which network."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from imds_probe.collect.code_tasks import Due, Piece, Program
from imds_probe.collect.due_systems import DueSystem
from imds_probe.collect.program_reading import names_of_service, root_files, spoken_encodable
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.elsewhere import said_with_headers
from imds_probe.inventory.code.environment import naming, with_hosts, with_values
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.forwarding import PASSES_ON
from imds_probe.inventory.code.spoken import argument_root
from imds_probe.inventory.code.units import shown
from imds_probe.inventory.schedules.commands.followed import Followed
from imds_probe.inventory.schedules.scheduled import Network, Place, Scheduled


def asks_itself(text: str) -> bool:
    return said_by(io.BytesIO(text.encode("utf-8", "replace")), "-.sh").speaks is not None


def in_network(dues: Iterable[Due], network: Network, followed: Followed) -> Iterator[Due]:
    """What runs in this network. What was started elsewhere nothing may keep from the service."""
    for due in dues:
        yield replace(
            due, own_network=network == "own" or due.own_network, kept_off=network == "none" and not followed.leaves
        )


def of_text(scheduled: Scheduled, followed: Followed, system: DueSystem) -> Iterator[Due]:
    """What the command asks by itself: curl in a crontab. The same of texts that files of a project hold."""
    place = scheduled.place
    dues = _of_one_text(followed.text, scheduled.environment, place, system)
    yield from in_network(dues, scheduled.network, followed)
    in_scripts = [each for each in followed.apart if each.path]
    for held in (*followed.held, *in_scripts):
        dues = _of_one_text(held.text, held.environment, Place(held.path), system)
        yield from in_network(dues, held.network, followed)


def _of_one_text(said: str, environment: Mapping[str, str], place: Place, system: DueSystem) -> Iterator[Due]:
    text = said.encode("utf-8", "replace")
    if named := naming(environment):
        text = with_values(text.decode("latin-1"), named, "shell").encode("latin-1")
    if names := names_of_service(system.ground):
        text = with_hosts(text.decode("latin-1"), names).encode("latin-1")
    name = "-" if text.startswith(b"#!") else "-.sh"
    words = said_by(io.BytesIO(text), name)
    if words.evidence.elsewhere:
        before, system.ground.trail = system.ground.trail, set()
        words = said_with_headers(text, name, environment, root_files(system.ground)) or words
        system.trail |= system.ground.trail
        system.ground.trail = before
    if PASSES_ON in said:
        yield Due(Piece(program=Program(place.path, (), why=unread.FORWARDS)))
    if words.speaks is None:
        return
    root = f"{place.path}:{place.line}:{hashlib.sha256(text).hexdigest()[:16]}"
    if place.given:
        root = argument_root(place.path, text)
    owner = system.ground.visit(place.path).owner_uid
    found = spoken_encodable(replace(shown(root, place.path, words, words.speaks, owner), line=place.line))
    yield Due(Piece(spoken=(found,)), roots=(found.root,))
