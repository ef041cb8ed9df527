"""What settles a finding that implies "unknown": nouns that several kinds share, and whether a watched window is one of them.

A watched window is named only where it settles the finding: see settled.py, which decides that afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.duration import SECONDS, in_words
from imds_probe.facts.callers import Callers
from imds_probe.facts.code import CodeSeen, NotRead
from imds_probe.facts.collector_run import NO_ANSWER, OUT_OF_TIME, TOO_SLOW, CollectorRun
from imds_probe.facts.facts import Facts
from imds_probe.facts.image import Image

WINDOW = "a watched window in which the programs start"
LONGER_WINDOW = "a longer watched window (watch.window)"
SILENT_WINDOW = "a watched window without a call by IMDSv1 (imds-probe's daemon)"
WHOLE_BOOT = "a watched window with a boot that is watched from its start"
REHEARSAL = "a rehearsal in which the programs ask (imds-probe rehearse)"
CATALOG = "a row in a catalog of your own (--catalog)"
UPGRADE = "an upgrade to a version that the catalog decides on"
AS_ROOT = "a run as root on the host"
MORE_TIME = "a run with more time (--timeout)"
ON_HOST = "a run on the host itself, or with the host's PID namespace and its root (--root)"
LATER = "a later run"
SERVICE_ITSELF = "a run without AWS_EC2_METADATA_SERVICE_ENDPOINT"
SERVICE_REACHED = "a route to the metadata service, and a firewall that lets requests through"
ANSWERING = "processes and file systems that answer"
EXEMPT = "an environment of the programs with 169.254.169.254 in NO_PROXY"
READABLE_RECORD = "a record of calls that imds-probe can read and only root can write"
OWNER = "the owner's acceptance of the risk ([[accept]])"
AN_INSTANCE = "a watched window on an instance of this image"

WINDOW_S = 14 * SECONDS["d"]  # as Config has it, where nothing watches yet


def by_watch(programs: Sequence[CodeSeen | NotRead], facts: Facts) -> tuple[str, ...]:
    """The watched windows that settle these programs, or some of them; empty where no window settles any.

    A window sees what is started again in it, what a schedule starts in it, and what a boot starts if it has a boot that is watched
    from its start. It does not see a start at no set time.
    """
    if programs and facts.get(Image) is not None:
        return (AN_INSTANCE,)
    callers = facts.get(Callers)
    window_s = WINDOW_S if callers is None else callers.window_s
    needed_s = [needed for each in programs if (needed := _window_for(each)) is not None]
    of_boots = sum(by_boot(each) and (each.every_s or 0.0) <= window_s for each in programs)
    longest_s = max(needed_s, default=0.0)
    window = WINDOW if longest_s <= window_s else f"{LONGER_WINDOW} of {in_words(longest_s)} or more"
    return tuple(
        noun if number == len(programs) else f"{noun}, for {number} of {len(programs)} programs"
        for noun, number in ((window, len(needed_s)), (WHOLE_BOOT, of_boots))
        if number
    )


def by_rehearsal(programs: Sequence[CodeSeen | NotRead], facts: Facts) -> tuple[str, ...]:
    """A rehearsal, where it may settle all of these programs: they run, and are started by nothing else that it would not see.

    What a unit starts at boot and has ended cannot be rehearsed, nor can what a schedule starts where it is in its own place.
    """
    if not programs or facts.get(Image) is not None:
        return ()
    return (REHEARSAL,) if all(each.pids and each.every_s is None for each in programs) else ()


def by_boot(program: CodeSeen | NotRead) -> bool:
    """Whether a boot that is watched from its start shows how a program asks: it runs at no other time."""
    return program.runs == "boot" and not of_containers(program) and not program.pids and program.standing_s is not None


def of_containers(program: CodeSeen | NotRead) -> bool:
    """Whether it runs in containers, which may start at other times than the system."""
    return not program.on_host and bool(program.container_ids)


def _window_for(program: CodeSeen | NotRead) -> float | None:
    """How long a window has to be, in seconds, to see a program at work; None where none is long enough. See settled.silent."""
    if program.every_s is not None and (program.pids or program.runs == "scheduled"):
        return program.every_s
    at_start = program.runs == "boot" and of_containers(program)
    return 0.0 if (program.pids or at_start) and program.every_s is None else None


def by_run(run: CollectorRun | None, facts: Facts, otherwise: str) -> tuple[str, ...]:
    """What another run needs, to see what this one did not: more time where time was lacking, else root where that was lacking;
    `otherwise` in all other cases.
    """
    if run is not None and run.status == "skipped":
        return (MORE_TIME,)
    return (otherwise,) if facts.privileged else (AS_ROOT,)


def to_see(reasons: Sequence[str], facts: Facts, otherwise: str) -> str:
    """What by_reasons says as nouns, as orders: only those that help against these reasons."""
    orders = (
        ("Run imds-probe as root on the host.", not facts.privileged or any("as root" in each for each in reasons)),
        ("Give the run more time with --timeout.", any(OUT_OF_TIME in each or TOO_SLOW in each for each in reasons)),
        (
            "Restart a process that does not answer. Repair or unmount a file system that does not answer. Then run imds-probe "
            "again.",
            any(NO_ANSWER in each for each in reasons),
        ),
    )
    return " ".join(order for order, helps in orders if helps) or otherwise


def by_reasons(reasons: Sequence[str], facts: Facts, otherwise: str) -> tuple[str, ...]:
    """What another run needs, to see what this one left out for these reasons, which collectors say in sentences; `otherwise`
    where they name nothing that is known.
    """
    wanted = (
        (AS_ROOT, not facts.privileged or any("as root" in each for each in reasons)),
        (MORE_TIME, any(OUT_OF_TIME in each or TOO_SLOW in each for each in reasons)),
        (ANSWERING, any(NO_ANSWER in each for each in reasons)),
    )
    return tuple(noun for noun, helps in wanted if helps) or (otherwise,)
