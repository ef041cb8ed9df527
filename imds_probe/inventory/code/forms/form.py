"""What a language or a form of file is: how it is told from others, and what it says with the words that were found in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.speaks import NOTHING, Evidence, Hit
from imds_probe.inventory.code.words import Search


@dataclass(frozen=True)
class Judged:
    """What a form makes of a file; `unread` says why it could not be searched whole, one of unread.py's reasons."""

    hits: tuple[Hit, ...] = ()
    evidence: Evidence = NOTHING
    unread: str = ""
    searched: int = 0  # bytes, where more was searched than the file itself


@dataclass(frozen=True)
class Form:
    """One form. `ends` are the ends of names, `interpreters` the programs of a first line "#!", `begins` how the content begins:
    any of these makes a file one of this form.

    text: judges a text, which has been read whole; file: judges an open file in which words were searched. Exactly one is
    given. always: it is judged without any of the words as well, as the address may stand in a file that it reads.
    """

    name: str
    ends: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    begins: tuple[bytes, ...] = ()
    text: Callable[[str], Judged] | None = None
    file: Callable[[BinaryIO, Search], Judged] | None = None
    always: bool = False
