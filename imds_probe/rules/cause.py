"""Why somebody asks without a token, and what cures that."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.findings import Fix


@dataclass(frozen=True)
class Cause:
    """`needs_hop_limit` is set where nothing else has to change, and `past` where nothing has to change any more. `evidence` says
    how that is known. `open`: it may be the cause of a part of the calls only, as several clients cannot be told apart. `raised`:
    the hop limit was raised since, and whether that is enough is not known. `unidentified`: it is enough, and nobody knows the
    process, nor whether it still runs and calls so. `doubtful`: the hop limit cures a part of the calls at least, and it is not
    known whether the rest asks for tokens at all.
    """

    why: str
    fix: Fix
    evidence: tuple[str, ...] = ()
    needs_hop_limit: int | None = None
    past: bool = False
    open: bool = False
    raised: bool = False
    unidentified: bool = False
    doubtful: bool = False
