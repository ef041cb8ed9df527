"""A call as the watch hands it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imds_probe.facts.callers import ANOTHER_HOST, UNKNOWN, VIRTUAL_MACHINE, Origin, TokenOutcome
from imds_probe.watch.caller import Caller, said_program

Version = Literal["v1", "v2"]
How = Literal["tracepoint", "sock_diag", "none"]


@dataclass(slots=True)
class SeenCall:
    """One call. `at` is in seconds since the epoch; `version` is v2 for a request with a token or for one.

    Of method, path and User-Agent there is what imds_probe/kept lets through: whoever calls may write anything there.
    `status` is None where no answer was seen. `how` says how the caller is known, "none" where it is not. `relayed`: it
    came in from outside of this host and belongs to no process here. `outgoing`: it left the host's own stack.

    `token`, `token_ttl`, `distance`, `forwarded` and `interface` are as in facts.callers.CallerSeen. `origin` says who is behind
    it, and `inside` is a process in the network that it came from, where the caller itself is not known. `netns` is the inode of
    that network's namespace, None for the one that is watched; `image` is its container's, once that was looked up.
    """

    at: float
    version: Version
    method: str
    path: str
    user_agent: str
    status: int | None
    family: str
    client: str
    service: str
    caller: Caller | None
    how: How
    relayed: bool
    whole: bool
    outgoing: bool = True
    token: TokenOutcome | None = None
    token_ttl: int | None = None
    distance: int | None = None
    forwarded: bool = False
    interface: str = ""
    origin: Origin = "process"
    inside: Caller | None = None
    netns: int | None = None
    image: str | None = None

    @property
    def program(self) -> str:
        """Who called, in a word: the path of the executable as far as it is known, or its name, which it gives itself."""
        if self.caller is not None:
            return said_program(self.caller)
        if self.origin == "virtual-machine":
            return VIRTUAL_MACHINE
        return ANOTHER_HOST if self.relayed else UNKNOWN

    @property
    def there(self) -> Caller | None:
        """A process that runs where the call comes from, itself if it is known: its container is the caller's."""
        return self.caller or self.inside
