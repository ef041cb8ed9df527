"""What a language is made of, for following what its programs load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import Asked, Begun, Load, Way
from imds_probe.inventory.sdks.start import Start

TEXT_MAX_BYTES = 4 * 1024 * 1024  # of a script whose imports are followed; the longest that people write have a tenth


@dataclass(frozen=True)
class Language:
    """One language, or one that is compiled to be loaded by a machine of its own.

    runs: whether a program, by its file's name without numbers at the end and by the names of what it has mapped, is its
    interpreter.
    begins: what a program is started with.
    asked: what a file's text asks for: pure, and kept for as long as the file is the same.
    found: where that lies, from the file of this path on; files, or other programs that are started.
    ends: how its files are called.
    whole: of a package that loads some of its files by name, all are taken for loaded.
    """

    id: str
    runs: Callable[[str, frozenset[str]], bool]
    begins: Callable[[Start, Ground], Begun]
    asked: Callable[[BinaryIO], Asked]
    found: Callable[[Asked, Load, Way, Ground], Iterator[Load | Start]]
    ends: tuple[str, ...]
    whole: bool = True


def of_text(parse: Callable[[bytes], Asked]) -> Callable[[BinaryIO], Asked]:
    """The same of a file. Nobody has read what one that is too long asks for."""

    def asked(file: BinaryIO) -> Asked:
        text = file.read(TEXT_MAX_BYTES + 1)
        return parse(text) if len(text) <= TEXT_MAX_BYTES else Asked(dynamic=True)

    return asked
