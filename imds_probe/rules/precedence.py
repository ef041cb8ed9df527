"""Which evidence outweighs which: one table, strongest first. What is weaker never overrules what is stronger.

How code outweighs a version is in requirement.py, and how a watch does in settled.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import Callers
from imds_probe.facts.code import Code, CodeRead
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.findings import Finding, State
from imds_probe.rules.refused import refused_for_good
from imds_probe.rules.rehearsed import all_rehearsed, fit, giving_up

Counts = Literal["capability", "code", "behaviour", "experiment"]

# The managers of packages, and what reads their databases in containers: their collectors' ids. "nothing" says that there is
# none.
INVENTORIES = ("dpkg", "rpm", "apk", "snap", "container-software")


@dataclass(frozen=True)
class Evidence:
    """One kind of evidence on whether callers can do without IMDSv1.

    `decides` says what it decides, and `had` whether these facts have it. `counts_as` is its name in the verdict, None
    where no verdict rests on it. A verdict of one of the states that it makes `sure` is of high confidence.
    """

    name: str
    decides: str
    had: Callable[[Facts], bool]
    counts_as: Counts | None = None
    sure: tuple[State, ...] = ()


def _called(facts: Facts) -> bool:
    callers = facts.get(Callers)
    return callers is not None and callers.losing > 0


def _read(facts: Facts) -> bool:
    """Some of what runs or is started was read. How much of it, the report says: what was not is named, and decides nothing."""
    read = facts.get(CodeRead)
    return read is not None and (read.programs_read > 0 or bool(read.scheduled_read))


def _watched(facts: Facts) -> bool:
    callers = facts.get(Callers)
    return callers is not None and callers.complete


def _watched_a_boot(facts: Facts) -> bool:
    callers = facts.get(Callers)
    return callers is not None and callers.complete and callers.boot_was_silent


def _inventoried(facts: Facts) -> bool:
    """A database of packages was read, or libraries were found. Where there is neither, nothing is known of software."""
    if any((run := facts.collector(name)) and run.status in ("ok", "partial") for name in INVENTORIES):
        return True
    run = facts.collector("sdks")
    return run is not None and run.status == "ok" and any(_libraries(facts))


def _lies(facts: Facts) -> bool:
    code_lies = any(each.speaks == "v1" and each.runs in ("once", "lies") for each in facts[Code].code)
    return code_lies or any(not library.running for library in _libraries(facts))


def _libraries(facts: Facts) -> list[SdkSoftware]:
    return [entry for entry in facts[Installed].software if isinstance(entry, SdkSoftware)]


TABLE: tuple[Evidence, ...] = (
    Evidence(
        "seen calling IMDSv1",
        "blocks, whatever code and catalog say of the caller",
        _called,
        counts_as="behaviour",
        sure=("not-ready",),
    ),
    Evidence(
        "refused after IMDSv1 was turned off, and not seen asking with a token afterwards",
        "blocks, whatever code and catalog say of the caller",
        lambda facts: bool(refused_for_good(facts)),
        counts_as="behaviour",
        sure=("not-ready",),
    ),
    Evidence(
        "rehearsed, refused and without metadata then",
        "blocks, whatever code and catalog say of the caller",
        lambda facts: bool(giving_up(facts)),
        counts_as="experiment",
        sure=("not-ready",),
    ),
    Evidence(
        "rehearsed, and served with a token",
        "settles what is unknown of the caller; code that asks without a token only where the caller was refused before",
        lambda facts: bool(fit(facts)),
        counts_as="experiment",
    ),
    Evidence(
        "rehearsed with every known caller",
        "makes the verdict sure",
        all_rehearsed,
        counts_as="experiment",
        sure=("ready", "needs-hop-limit"),
    ),
    Evidence(
        "code that is loaded or started",
        "blocks where it asks without a token, and is fit where it asks for one, whatever its version and whoever watched",
        _read,
        counts_as="code",
    ),
    Evidence(
        "watched for the whole window",
        "settles what is unknown of programs that were started in it, and makes too old an SDK of theirs a warning; not for what "
        "runs less often than the window is long",
        _watched,
        counts_as="behaviour",
    ),
    Evidence(
        "watched for a whole boot besides",
        "settles the same of what a boot starts, and makes the verdict sure",
        _watched_a_boot,
        counts_as="behaviour",
        sure=("ready", "needs-hop-limit"),
    ),
    Evidence(
        "version against the catalog",
        "decides for installed packages and for libraries in use, where none of these does",
        _inventoried,
        counts_as="capability",
    ),
    Evidence("lies on disk", "warns: nothing that runs uses it now, and nothing starts it", _lies),
    Evidence("nothing of these", "leaves it unknown, and says what would settle it", lambda facts: True),
)


def deciding(findings: Iterable[Finding], facts: Facts) -> tuple[Finding, ...]:
    """The findings that the verdict comes from. Where the service is turned off, nothing that could not be seen loses anything."""
    imds = facts.get(Imds)
    off = imds is not None and imds.endpoint == "disabled"
    return tuple(each for each in findings if each.implies and not (off and each.implies == "unknown"))


def counted(facts: Facts) -> frozenset[Counts]:
    """What a verdict on these facts rests on."""
    return frozenset(each.counts_as for each in TABLE if each.counts_as and each.had(facts))


def is_sure(facts: Facts, state: State) -> bool:
    """Whether evidence of the strongest kinds supports this state."""
    return any(state in each.sure and each.had(facts) for each in TABLE)
