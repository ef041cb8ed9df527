"""What one run leaves for the next, so that the same need not be found out again: a file of entries by a text, in the state
directory. It is worth nothing but time, so whatever is wrong with it, it is thrown away.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from imds_probe.system.small_file import read_pieces
from imds_probe.system.state_directory import StateError, check_directory, check_file

BEGINS = b"imds-probe remembers, format 1\n"
SIZE_MAX_BYTES = 3 * 1024 * 1024  # readers are told two of them in one message, which has an end
ENTRIES_MAX = 40_000
_VERSIONED = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])
T = TypeVar("T")


def is_safe(root: Path, state: Path) -> bool:
    """Whether a state directory may be used in a run on this root: what lies below another system's root may lead anywhere."""
    if root == Path("/") or not state.is_relative_to(root):
        return True
    return os.path.realpath(state).startswith(f"{os.path.realpath(root)}/")


class Remembered(Generic[T]):
    """The entries of one kind. `version` tells what they were found by: those of another are no longer worth anything.
    `damaged` says after `load` that there was a file that made no sense.
    """

    def __init__(self, directory: Path, name: str, kind: type[T], version: str) -> None:
        self.damaged = ""
        self._directory, self._path = directory, directory / f"{name}.remembered"
        self._version = version
        self._decoder = msgspec.msgpack.Decoder(dict[str, kind])  # type: ignore[valid-type]

    def load(self) -> dict[str, T]:
        """What is remembered; nothing where there is nothing, or others could have written it."""
        try:
            check_directory(self._directory)
            if not check_file(self._path):
                return {}
            content = read_pieces(self._path, SIZE_MAX_BYTES + 1)
        except (OSError, StateError):
            return {}
        try:
            return self._decoded(content)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            self.damaged = f"{self._path} was damaged, and is begun anew"
            with contextlib.suppress(OSError):
                self._path.unlink()
            return {}

    def save(self, entries: Mapping[str, T]) -> None:
        """Remember these, and nothing else; what is too much is left out. A file that cannot be written is no matter, and where
        there is no state directory, no run makes one: it would stay behind when the package goes.
        """
        kept = dict(list(entries.items())[:ENTRIES_MAX])
        room = SIZE_MAX_BYTES - len(BEGINS) - hashlib.sha256().digest_size
        while len(payload := msgspec.msgpack.encode((self._version, kept))) > room:
            if not kept:
                return
            kept = dict(list(kept.items())[: len(kept) // 2])
        with contextlib.suppress(OSError, StateError):
            check_directory(self._directory)
            descriptor, written = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._directory)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(BEGINS + hashlib.sha256(payload).digest() + payload)
                os.replace(written, self._path)
            except BaseException:
                os.unlink(written)
                raise

    def _decoded(self, content: bytes) -> dict[str, T]:
        """Nothing of what another version has left: its entries may have had another form. Raises ValueError or a MsgspecError."""
        digest_bytes = hashlib.sha256().digest_size
        payload = memoryview(content)[len(BEGINS) + digest_bytes :]
        if len(content) > SIZE_MAX_BYTES or not content.startswith(BEGINS):
            raise ValueError("not ours")
        if hashlib.sha256(payload).digest() != content[len(BEGINS) : len(BEGINS) + digest_bytes]:
            raise ValueError("not whole")
        version, encoded = _VERSIONED.decode(payload)
        entries: dict[str, T] = self._decoder.decode(encoded) if version == self._version else {}
        if len(entries) > ENTRIES_MAX:
            raise ValueError("too many entries")
        return entries
