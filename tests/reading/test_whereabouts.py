from __future__ import annotations

import os
from contextlib import closing

from imds_probe.reading.whereabouts import SIZE_BYTES, Whereabouts


def test_what_is_said_last_is_known_to_who_shares_it() -> None:
    with closing(Whereabouts.made()) as ours, closing(Whereabouts(os.dup(ours.descriptor))) as theirs:
        assert ours.get() == (b"", b"", False)
        theirs.put(b"/proc/7/root", b"/a\xff/b")
        assert ours.get() == (b"/proc/7/root", b"/a\xff/b", False)
        theirs.read()
        assert ours.get() == (b"/proc/7/root", b"/a\xff/b", True)
        theirs.put(b"/", b"")
        assert ours.get() == (b"/", b"", False)
        theirs.put(b"/", b"/" + b"x" * 2 * SIZE_BYTES)
        root, path, _ = ours.get()
        assert root == b"/"
        assert SIZE_BYTES - 100 < len(path) < SIZE_BYTES


def test_whatever_is_in_the_memory_is_bounded() -> None:
    with closing(Whereabouts.made()) as ours:
        os.pwrite(ours.descriptor, b"\xff" * SIZE_BYTES, 0)
        root, path, _ = ours.get()
        assert len(root) + len(path) < SIZE_BYTES
