"""The settings in force of one system, and the programs that they are in force for, as the parser reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imds_probe.inventory.settings.arguments import VARIABLE
from imds_probe.inventory.settings.looked import Looked, Seen
from imds_probe.inventory.settings.looking import Looking
from imds_probe.inventory.settings.programs import find


def read_settings(looked: Looked) -> Iterator[Seen]:
    """Those of each row that is looked up."""
    places = [place for row in looked.rows for _, switch in row.switches() for place in switch.places]
    variables = {place.key for place in places if place.kind == "environment"}
    variables |= {option[1:] for place in places for option in place.path_options if option.startswith(VARIABLE)}
    ends = {row.id: row.programs for row in looked.rows if row.programs}
    programs = find(Path(looked.proc), looked.pids, ends, variables) if ends else {}
    looking = Looking(Path(looked.root))
    for row in looked.rows:
        running = programs.get(row.id, ())
        yield Seen(row.id, looking.look(row, running), tuple(program.pid for program in running))
