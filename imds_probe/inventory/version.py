"""What is remembered of files is true for as long as they are read in the same way."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from importlib import resources
from importlib.resources.abc import Traversable

from imds_probe import __version__


def version(package: str, names: Iterable[str]) -> str:
    """Of all that reads in this package, by its text; and of `names`, which say what matters, or what is not read."""
    digest = hashlib.sha256(f"{__version__} {_text(package)}".encode())
    for name in names:
        digest.update(f"\n{name}".encode())
    return digest.hexdigest()


@functools.cache
def _text(package: str) -> str:
    digest = hashlib.sha256()
    waiting: list[Traversable] = [resources.files(package)]
    while waiting:
        for each in sorted(waiting.pop().iterdir(), key=lambda entry: entry.name):
            if each.is_dir() and each.name != "__pycache__":
                waiting.append(each)
            elif each.name.endswith(".py"):
                digest.update(f"{each.name}\0".encode() + each.read_bytes())
    return digest.hexdigest()
