"""Programs that pass on to the metadata service what others ask them: these name no address of the service, and ask as they like.

Source: socat(1), systemd-socket-proxyd(8), ncat(1), redir(1), simpleproxy(1).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from imds_probe.facts.imds import SERVICE

# Named in the settings of a server, as a text for a shell that starts nothing.
PASSES_ON = f": passes on what it is asked to {SERVICE[0]}"
_FORWARDERS = frozenset(("systemd-socket-proxyd", "redir", "simpleproxy", "tcpproxy"))
_LISTENERS = ("socat", "ncat", "nc")  # only if they listen
_LISTENING = ("LISTEN", "-l", "-kl", "-lk", "--listen")
LINES_MAX, LINE_MAX = 20_000, 2000


def names_address(text: str) -> bool:
    """Whether it has an address of the service."""
    return any(address in text for address in SERVICE)


def is_forwarder(words: Sequence[str]) -> bool:
    """Whether this command is a program that listens, and connects to the service for whoever connects to it."""
    if not any(map(names_address, words[1:])):
        return False
    name = posixpath.basename(words[0])
    listens = any(each in _LISTENING or "LISTEN:" in each.upper() for each in words[1:])
    return name in _FORWARDERS or (name in _LISTENERS and listens)


def starts_forwarder(script: str) -> bool:
    """Whether a line of a text for a shell is such a command, or has it behind others."""
    for line in script.split("\n")[:LINES_MAX]:
        if not names_address(line) or line.lstrip().startswith("#"):
            continue
        words = line[:LINE_MAX].replace(";", " ").split()
        for at, word in enumerate(words):
            if posixpath.basename(word) in (*_FORWARDERS, *_LISTENERS) and is_forwarder(words[at:]):
                return True
    return False
