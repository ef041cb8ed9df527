"""One connection to the metadata service: who it is of, how far it has come, and what proves that there is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imds_probe.facts.imds import Family
from imds_probe.watch.caller import Caller
from imds_probe.watch.requests import HttpRequestHead, RequestReader
from imds_probe.watch.room import Entry
from imds_probe.watch.segments import MASK, Ends, Segment, ahead_of, written

# How far from what is expected a segment of a live connection may be. A head is 16 KB at most, and an answer 64 KB: wide
# enough for what was lost in between, and so narrow that who does not see the connection does not hit it.
SENT_WINDOW, ANSWERED_WINDOW = 1 << 17, 1 << 18
SIGHTINGS_MAX = 8
BEGINS_WITH = (64, 128, 255)  # TTLs: of Linux and most others, of Windows, of network devices
DISTANCE_MAX = 8  # hops beyond this host: no network of containers has more
Place = tuple[int, bool]  # an interface, and whether packets left by it
# Interfaces of this network namespace have lower numbers. Of another one, they have its number in the watch besides.
APART = 1 << 32
SEEN_WITHIN_S = 3.5  # after who connects: a SYN that was lost is sent again
Sighting = tuple[Place, Ends]
# Where the answers come from. "uplink": in, where the host's way to the service leads. "stack": out of the host's own
# stack, which answers in the service's stead, as a proxy does that connections are redirected to. "elsewhere": in by
# another interface, where anybody who is at its other end may send what he likes.
Answers = Literal["uplink", "stack", "elsewhere"]
RANK: dict[Answers, int] = {"elsewhere": 0, "stack": 1, "uplink": 2}


@dataclass(slots=True, eq=False)
class Opening(Entry):
    """A connection whose first SYN was seen at `sightings[0]`, and its answer once that was."""

    sightings: list[Sighting]
    number: int
    began: float
    answer: int | None = None  # the number that the service began with
    answers: Answers | None = None
    answered_at: Ends | None = None

    def has(self, ends: Ends) -> bool:
        """Whether it was seen with these ends."""
        return self.sightings[0][1] == ends or any(each == ends for _, each in self.sightings)  # mostly the first

    def answered(self, number: int, answers: Answers, ends: Ends) -> None:
        """The service's SYN was seen. One that anybody may have sent gives way to one that nobody else can have."""
        if self.answers is None or RANK[answers] > RANK[self.answers]:
            self.answer, self.answers, self.answered_at = number, answers, ends

    def goes_on_with(self, sighting: Sighting, segment: Segment) -> bool:
        """Whether this is the client's next segment, and it knows the number that the service began with."""
        return (
            self.answer is not None
            and sighting == self.sightings[0]
            and segment.acknowledged == (self.answer + 1) & MASK
        )


@dataclass(slots=True, eq=False)
class Connection(Entry):
    """One connection. `client` and `port` are as on the interface nearest to the caller, where it was seen first."""

    family: Family
    client: str
    port: int
    service: str
    sightings: list[Sighting]
    began: float
    expected: int  # the next sequence number of the client
    acknowledged: int  # how much the client has of the service
    answers: Answers | None = None  # None: nothing shows that the service knows of it
    reader: RequestReader = field(default_factory=RequestReader)
    ahead: dict[int, bytes] = field(default_factory=dict)
    waiting: list[Call] = field(default_factory=list)
    answered: int | None = None  # sequence number of the last answer's beginning
    caller: Caller | None = None  # once it is known for sure
    owner: Caller | None = None  # who was found to hold it open, when one of its requests was looked at
    ttl: int = 0  # of what the client sent first, where that was seen first
    token_answer: TokenAnswer | None = None  # what is to come of the token request that was answered last

    @property
    def interface(self) -> int:
        return self.sightings[0][0][0]

    @property
    def outgoing(self) -> bool:
        """Whether it left the host's own stack, as a process in the host's namespace has it."""
        return self.sightings[0][0][1]

    @property
    def is_apart(self) -> bool:
        """Whether it left another network namespace by an interface of that one's own, past this host's network."""
        return self.interface >= APART

    @property
    def proven(self) -> bool:
        """Whether the service was seen to answer it from where nobody else can."""
        return self.answers is not None and self.answers != "elsewhere"

    @property
    def distance(self) -> int | None:
        """How many routers pass on what the service sends to this client, this host's own the first of them: by what is left
        of the TTL that systems begin with. The client may have begun with another one. None where that is certain.
        """
        if self.outgoing:
            return 0
        passed = next(begin for begin in BEGINS_WITH if begin >= self.ttl) - self.ttl
        return passed + (not self.is_apart) if passed < DISTANCE_MAX else None

    def fits(self, segment: Segment) -> bool:
        """Whether this can be the client's, by both numbers."""
        return (
            abs(ahead_of(segment.number, self.expected)) <= SENT_WINDOW
            and abs(ahead_of(segment.acknowledged, self.acknowledged)) <= ANSWERED_WINDOW
        )

    def fits_answer(self, segment: Segment) -> bool:
        """Whether this can be the service's."""
        return (
            abs(ahead_of(segment.number, self.acknowledged)) <= ANSWERED_WINDOW
            and abs(ahead_of(segment.acknowledged, self.expected)) <= SENT_WINDOW
        )

    def answers_exactly(self, segment: Segment) -> bool:
        """Whether the service has all that the client sent, and goes on where the client expects it to."""
        return segment.number == self.acknowledged and segment.acknowledged == self.expected

    def has(self, segment: Segment) -> bool:
        """Whether all of this was seen before."""
        return ahead_of(self.expected, segment.number + segment.length) >= 0 or segment.number in self.ahead


@dataclass(slots=True, eq=False)
class TokenAnswer:
    """What is seen to come of one token request. `ttl` is what the answer came to this host with, which is at most the hop
    limit; `passed_on`: it left again towards the client. `distance` is the client's, and `direct`: nothing passes on what comes
    to it that is seen here, as on the host and behind an interface of its own.
    """

    distance: int | None
    direct: bool
    status: int | None = None
    ttl: int | None = None
    passed_on: bool = False

    @property
    def arrived(self) -> bool:
        """Whether it was seen to reach the client, as far as this host can see."""
        if self.status is None:
            return False
        return (self.direct or self.passed_on) and not (self.distance and self.ttl and self.ttl <= self.distance)


@dataclass(slots=True, eq=False)
class Call:
    """One request, and the status of its answer once that was seen. `given_up`: nothing confirmed it in time."""

    at: float
    request: HttpRequestHead
    connection: Connection
    status: int | None = None
    given_up: bool = False
    token: TokenAnswer | None = None  # where it asks for one


def connection_of(segment: Segment, sightings: list[Sighting], began: float) -> Connection:
    """The connection of a segment to the service; `sightings` are where it was seen, the first one first."""
    client, port, service = sightings[0][1]
    return Connection(
        family=segment.family,
        client=written(client),
        port=port,
        service=written(service),
        sightings=sightings,
        began=began,
        expected=segment.number,
        acknowledged=segment.acknowledged,
        ttl=segment.ttl,
    )
