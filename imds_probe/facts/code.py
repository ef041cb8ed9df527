"""Code that calls the metadata service, and how much of what runs was read for it."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar, Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import Count, Pid, Seconds

# v1: asks without a token. v2: asks for a token. both: has the one and the other, and reading cannot tell which is used.
# mentions: names the service and does not ask it.
Speaks = Literal["v1", "v2", "both", "mentions"]
# running: a process has loaded it, or would find it where it imports from. scheduled, boot: something starts it later; in a
# container, boot is each start of the container.
# once: it has run on this host, and only another instance of the same template will run it again. lies: nothing starts it.
Runs = Literal["running", "scheduled", "boot", "once", "lies"]
HEADER_ELSEWHERE = (
    "a header from elsewhere"  # stands among the words that matched: only running tells whether it is a token
)
# They stand for programs of which nothing is known, not even how many there are: none of the schedules of a system was read, or
# not all of them.
ALL_SCHEDULED, OTHER_SCHEDULED = "all scheduled programs", "other scheduled programs"
OF_LIBRARY = "library"  # the form of an AWS SDK in an archive that something starts: its version tells how it asks
OF_IMAGE = "image "  # stands before an image's name, which is no program's
AS_IMAGE = " (image)"  # stands behind it where it is said for the package, as none of its packages has the code


@dataclass(frozen=True)
class CodeSeen:
    """A script, a program, or a package of code that names the metadata service, judged as a whole.

    `path` is where the words stand, as its own system calls it, `line` the line there, None in a file without lines. `quote`
    are the words that matched, from the list of words that are looked for; never text around them. `form` is what it is:
    "shell", "python", "jar", "elf". Of an AWS SDK in an archive it is "library": the version tells how that asks, and `quote` is
    its name, its version and where in there it lies; `component`, `manager` and `version` are its own. `package` owns the file:
    "restic 0.11.0-1 (dpkg)". `component` is the catalog's row of that package, and where there is one, `manager` and `version`
    are the package's as in Software. `started_by` says what starts it and how often: "/etc/cron.d/backup, daily"; where nothing is
    known to start it, the file of settings that names it. `container_ids` are identities, empty and `on_host` false for a
    directory that processes were chrooted to. `owner_uid` is the unprivileged user who can write the file, None where root alone
    can.
    `runner_uid` is the one on whose own account alone it runs, None where root or a service of the system runs it, or something
    starts it. `oldest_s` is for how many seconds the oldest of `pids` has run, and of what only a container's start
    starts, the oldest of its containers; None where that is not known.
    `every_s` is the longest time in seconds between two starts by a schedule, None where none starts it or one that waits for
    events: a login, a change. `standing_s` is for how many seconds it and its schedules have stood unchanged, None where that is
    not known. `inside` is the other root that what starts it enters: a directory of the host, or "image backup:1.2". `starter_uid`
    is the unprivileged user whose schedules alone start it, the first of several; None where root's do, or processes tell.
    `newest_s` is `oldest_s` of the unit or container that was started last. `own_network`: what starts it puts it into a container
    with a network of its own, which is not there yet, or into another network namespace. `kept_off`: all that starts it keeps it
    from the service, by its network or a filter of its unit; not said of what runs. `uid` is the unprivileged user as whom alone
    it runs on the host, where a boot alone starts it, and as this user; None otherwise, and where that is not known.
    `in_arguments`: the words stand in the arguments of a process, as with `sh -c`, and `path` is the interpreter.
    """

    path: str
    line: Count | None
    quote: tuple[str, ...]
    speaks: Speaks
    form: str
    runs: Runs = "lies"
    started_by: tuple[str, ...] = ()
    package: str | None = None
    component: str | None = None
    on_host: bool = True
    container_ids: tuple[str, ...] = ()
    pids: tuple[Pid, ...] = ()
    owner_uid: Count | None = None
    runner_uid: Count | None = None
    oldest_s: Seconds | None = None
    every_s: Seconds | None = None
    standing_s: Seconds | None = None
    manager: str | None = None
    version: str | None = None
    inside: str | None = None
    starter_uid: Count | None = None
    newest_s: Seconds | None = None
    own_network: bool = False
    kept_off: bool = False
    uid: Count | None = None
    in_arguments: bool = False


@dataclass(frozen=True)
class NotRead:
    """A program that runs, or that something starts, and whose code was not searched whole. `why` is one of the reasons that
    inventory/code/unread.py lists. `owner_uid` is the unprivileged user who runs it on his own account, None where root does, or
    a service of the system. The rest is as in CodeSeen; `runs` is None where
    processes tell, and in reports that do not say.
    """

    program: str
    why: str
    started_by: tuple[str, ...] = ()
    on_host: bool = True
    container_ids: tuple[str, ...] = ()
    pids: tuple[Pid, ...] = ()
    component: str | None = None  # the catalog's row where the catalog knows the program
    owner_uid: Count | None = None
    oldest_s: Seconds | None = None
    runs: Runs | None = None
    every_s: Seconds | None = None
    standing_s: Seconds | None = None
    inside: str | None = None
    starter_uid: Count | None = None
    newest_s: Seconds | None = None
    own_network: bool = False
    kept_off: bool = False


@dataclass(frozen=True)
class InChangelog:
    """An entry of a package's own changelog that says that support for IMDSv2 was added: where it stands, of which version it is,
    empty where that is not said, and the words by which it is known; never text around them.
    """

    place: str
    version: str
    words: str


@dataclass(frozen=True)
class PackageRead:
    """An installed package whose version does not decide, and whose own files were read: so many, not all of them where `why`
    says why, one of the reasons that inventory/code/unread.py lists. What they say is among the code. `component` is the
    catalog's row, `package` is "cloud-init 19.3-46.amzn2 (rpm)". `started`: one of its files runs, or something starts it; None
    where that was not looked at.
    """

    component: str
    package: str
    files: Count = 0
    why: str = ""
    changelog: InChangelog | None = None
    on_host: bool = True
    container_ids: tuple[str, ...] = ()
    started: bool | None = None


@dataclass(frozen=True)
class CodeRead(Section):
    """How much code stands behind a verdict. `programs` counts what runs, each program once a system; `programs_read` those of
    which all code that they load was searched. The same for what is `scheduled`; None where no schedules were looked for.
    `packages` are those whose own files were read, as no version decides about them. `programs_unseen` says why more programs may
    run than are counted here, and is empty where all were listed.
    """

    report_key: ClassVar[str] = "read"

    programs: Count = 0
    programs_read: Count = 0
    scheduled: Count | None = None
    scheduled_read: Count | None = None
    bytes_searched: Count = 0
    not_read: tuple[NotRead, ...] = ()
    packages: tuple[PackageRead, ...] = ()
    programs_unseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code(Section):
    """All code that was found to name the service."""

    code: tuple[CodeSeen, ...] = field(default=())

    @classmethod
    def absent(cls) -> Code:
        return cls()
