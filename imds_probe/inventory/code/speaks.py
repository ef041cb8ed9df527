"""What the words in a file, or in all files of a package together, say of how it asks the metadata service."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import fields
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Speaks

# service: an address or a name of it. path: what EC2 has there. token: where a token comes from. header: how one is handed in.
# sdk: what AWS SDKs that ask by token leave in a program. old: the same of libraries that never did. client: what a program calls
# to have an SDK ask.
Kind = Literal["service", "path", "token", "header", "sdk", "old", "client"]


@dataclass(frozen=True)
class Hit:
    """A word of the list: its line, None in a file without lines, and whether it is only said: in a comment, a document, a
    list of addresses that may not be asked.
    """

    line: int | None
    word: str
    kind: Kind
    said: bool = False
    bare: bool = False  # in a request that surely carries no token


@dataclass(frozen=True)
class Evidence:
    """What a file has in its code, which others of its package may lack.

    service, path: names the service; names what EC2 has there. token: names where a token comes from, or its header. asks:
    has something that could ask, which a file of settings has not. requests: calls something that makes requests, with the
    service named in that call. bare: has a request that surely carries no token. sdk: has an AWS SDK within that asks by
    token itself. elsewhere: has a request whose headers come from where only running tells.
    """

    service: bool = False
    path: bool = False
    token: bool = False
    asks: bool = False
    requests: bool = False
    bare: bool = False
    sdk: bool = False
    elsewhere: bool = False

    def __or__(self, other: Evidence) -> Evidence:
        return Evidence(*map(operator.or_, _values(self), _values(other)))


_values = operator.attrgetter(*(each.name for each in fields(Evidence)))
NOTHING = Evidence()


@dataclass(frozen=True)
class Said:
    """What was read in a file. `speaks` is None where it has none of the words; `whole` says that all of it was searched,
    `unread` else why not: one of the reasons that unread.py lists. `searched` is in bytes.
    """

    form: str
    hits: tuple[Hit, ...] = ()
    speaks: Speaks | None = None
    whole: bool = True
    unread: str = ""
    searched: int = 0
    evidence: Evidence = NOTHING

    @property
    def shown(self) -> Hit | None:
        """The word to show: the one in a request without a token, else one in code, of the service before others."""
        return min(self.hits, key=lambda hit: (not hit.bare, hit.said, hit.kind != "service"), default=None)

    @property
    def quote(self) -> tuple[str, ...]:
        """The words that matched, each once."""
        live = tuple(dict.fromkeys(hit.word for hit in self.hits if not hit.said))
        return live or tuple(dict.fromkeys(hit.word for hit in self.hits))


def speaks_of(evidence: Evidence, *, met: bool) -> Speaks | None:
    """How code with this evidence asks; `met` where it has any of the words."""
    if not (evidence.service and evidence.asks and (evidence.path or evidence.requests)):
        return "mentions" if met else None
    if not evidence.token:
        return "both" if evidence.sdk or (evidence.elsewhere and not evidence.bare) else "v1"
    return "both" if evidence.bare else "v2"


def together(said: Mapping[str, Said]) -> tuple[Speaks, str] | None:
    """How the files of one package ask, taken together, and the path of the one that shows it; None where none has a word.

    A base address in one module, a path in the next and the helper that fetches tokens in a third are one client.
    """
    met = {path: each for path, each in said.items() if each.hits}
    evidence = NOTHING
    for each in said.values():
        if each.evidence is not NOTHING:  # as of most files
            evidence |= each.evidence
    speaks = speaks_of(evidence, met=bool(met))
    if speaks is None:
        return None
    return speaks, min(met, key=lambda path: (_rank(met[path], speaks), path))


def _rank(said: Said, speaks: Speaks) -> tuple[bool, ...]:
    """Lower for what shows it better."""
    has = said.evidence
    wanted = has.token if speaks == "v2" else has.bare or not has.token
    return (said.speaks == "mentions", not (wanted and has.service), not has.service, not has.path)
