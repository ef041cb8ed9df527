"""What a run and its workers say to each other: opener, parser, and the fork server that makes both."""

from __future__ import annotations

from imds_probe.reading.messages import Message


# To the opener, from the run.
class Grant(Message, frozen=True):
    """From now on paths may be looked up below this root, but not at or below `refused`: paths within the root that lead
    to what did not answer before; nor are files read at `given_up`, which no parser could bear.
    """

    root: bytes
    refused: list[bytes]
    given_up: list[bytes]


class Revoke(Message, frozen=True):
    """From now on there is no root."""


Order = Grant | Revoke


# To the parser, from the run.
class Ask(Message, frozen=True):
    """A task by its id, with its arguments as encoded by msgspec. `roots` are those that were granted."""

    task: str
    arguments: bytes
    roots: list[bytes]


class NewDoor(Message, frozen=True):
    """The socket to another opener comes with this message."""


class GoOn(Message, frozen=True):
    """There is no other opener: the files of this task stay closed."""


Command = Ask | NewDoor | GoOn


# From the parser, to the run.
class Result(Message, frozen=True):
    """One piece of what a task gives, as encoded by msgspec."""

    encoded: bytes


class Done(Message, frozen=True):
    """The task is at its end."""


class Trouble(Message, frozen=True):
    """The task ended early: with trouble that was to be expected, or by a bug, which `traceback` is of."""

    reason: str
    traceback: str


class OutOfMemory(Message, frozen=True):
    """The task took more memory than it may have. The worker that says so is not asked again."""


class DoorLost(Message, frozen=True):
    """The opener did not answer in time, where `hangs`, or is gone."""

    hangs: bool


Word = Result | Done | Trouble | OutOfMemory | DoorLost


# To the fork server, from the run. The worker's ends of its sockets come with Spawn.
class Terms(Message, frozen=True):
    """What holds for all workers. A parser may take so much memory, and waits so long for an answer of its opener's. No worker
    may use more of a CPU than there is until `deadline`, a time.monotonic. `functions` are those that parsers work on tasks
    with, by the ids of the tasks, as task.Task has them; their modules and `modules` are there before the first parser.
    """

    memory_mib: int
    reply_s: float
    deadline: float | None
    functions: dict[str, str]
    modules: list[str]


class Spawn(Message, frozen=True):
    """Fork a worker of this role: "opener" or "parser"."""

    role: str


class Import(Message, frozen=True):
    """Import these modules, for the workers that are forked from now on."""

    modules: list[str]


class End(Message, frozen=True):
    """Kill this worker, and reap it if it goes within this time."""

    pid: int
    within_s: float


Errand = Terms | Spawn | Import | End


# From the fork server, to the run.
class Imported(Message, frozen=True):
    """It is done, as far as there are such modules."""


class Spawned(Message, frozen=True):
    """The worker's process."""

    pid: int


class Ended(Message, frozen=True):
    """Whether it has ended: what hangs in the kernel does so only when that lets it go. `seconds` of CPU that it took, and
    the `resident_bytes` that it had at most, with those that it shared.
    """

    gone: bool
    seconds: float
    resident_bytes: int


Account = Spawned | Imported | Ended
