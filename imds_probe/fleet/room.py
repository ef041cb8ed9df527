"""How much a page of the fleet shows: 80 columns of a terminal, or a document that scrolls."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.escape import terminal
from imds_probe.render.page.bounds import cut_front

WIDE = 200  # characters of a name where no column is short


@dataclass(frozen=True)
class Room:
    """`rows` are of any table, `groups` of those by a key, `problems` of files of each kind, and `ids` of a list of hosts.
    `narrow`: whether names have to be as short as their columns. `drawn`: whether there is room for what is drawn, which says
    again what tables and sentences say.
    """

    rows: int
    groups: int
    problems: int
    ids: int
    narrow: bool
    drawn: bool

    def fitting(self, text: str, width: int) -> str:
        """The end of a name, in a column of this width where columns are narrow: what is escaped is longer than it was."""
        return cut_front(terminal(text[-WIDE * 10 :]), width if self.narrow else WIDE)


TERMINAL = Room(rows=10, groups=10, problems=3, ids=5, narrow=True, drawn=False)
# All that the picture has: its lists are bounded.
DOCUMENT = Room(rows=100, groups=100, problems=20, ids=100, narrow=False, drawn=True)
