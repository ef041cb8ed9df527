"""What several rules say of code that was read, in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.facts.code import OF_IMAGE, CodeSeen, NotRead
from imds_probe.facts.containers import Containers, of_user, short
from imds_probe.facts.facts import Facts
from imds_probe.rules.phrases import few
from imds_probe.rules.settling import by_boot

LINES_MAX = 20
WATCH = ("systemctl enable --now imds-probe-daemon",)
_RESTARTED = "Watch the host, restart these programs once while the daemon watches, and run again after the window."
_REBOOTED = "Watch the host, reboot it once while the daemon is enabled, and run again after the window."
ON_AN_INSTANCE = "Start an instance of this image that does not require tokens, and watch it. "


def how_to_watch(programs: Iterable[CodeSeen | NotRead]) -> str:
    """The order that has a watch settle programs. A reboot starts again those that run, too."""
    return _REBOOTED if any(by_boot(each) for each in programs) else _RESTARTED


def place_of(code: CodeSeen) -> str:
    """The file, and the line where it has lines."""
    if code.in_arguments:
        return f"the arguments of {code.path}"
    return code.path if code.line is None else f"{code.path}:{code.line}"


def matched(code: CodeSeen) -> str:
    """The words that matched, and where."""
    return f"{place_of(code)} {'have' if code.in_arguments else 'has'} {', '.join(code.quote)}"


def named(code: CodeSeen | NotRead, facts: Facts) -> str:
    """What it is called, and where it is."""
    return f"{code.path if isinstance(code, CodeSeen) else code.program}{_inside(code, facts)}"


def called(code: CodeSeen, facts: Facts) -> str:
    """The same in a sentence: what stands in the arguments of an interpreter is not the interpreter."""
    return f"{'code in the arguments of ' if code.in_arguments else ''}{named(code, facts)}"


def whose(code: CodeSeen) -> str:
    """Of which user without privilege it is, to follow its name; empty where root stands behind it."""
    uid = code.runner_uid if code.runner_uid is not None else code.owner_uid
    return f" of {of_user(uid)}" if uid is not None else ""


def detail(code: CodeSeen, facts: Facts) -> str:
    """All that is known of it, in a line."""
    package = f", belongs to {code.package}" if code.package is not None else ""
    by = started(code)
    return f"{matched(code)}{_inside(code, facts)}{whose(code)}{package}{f', {by}' if by else ''}"


def listed(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines of evidence of a finding about many things, bounded."""
    more = len(lines) - LINES_MAX
    return (*lines[:LINES_MAX], *([f"and {more} more"] if more > 0 else []))


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _inside(code: CodeSeen | NotRead, facts: Facts) -> str:
    """The containers that it is in, or the other root, to follow its name; empty for what is the host's."""
    if code.inside is not None:
        return f" in {code.inside}" if code.inside.startswith(OF_IMAGE) else f" in the chroot {code.inside}"
    known = [(facts[Containers].by_identity(identity), identity) for identity in code.container_ids]
    names = [each.title if each else f"container {short(identity)}" for each, identity in known]
    if not names:
        return "" if code.on_host else " in a chroot"
    return f" in {few(['the host', *names] if code.on_host else names)}"


def started(code: CodeSeen | NotRead) -> str:
    """What has it run: processes, and what starts them; empty where nothing is known to."""
    name = code.program if isinstance(code, NotRead) else code.path
    # A program that could not be named is called by its process.
    processes = f"running as {_processes(code)}" if code.pids and name != _processes(code) else ""
    by = "named in" if code.runs == "lies" else "started by"
    return ", ".join(each for each in (processes, *(f"{by} {who}" for who in code.started_by[:1])) if each)


def _processes(code: CodeSeen | NotRead) -> str:
    pids = [str(pid) for pid in code.pids]
    return f"process {pids[0]}" if len(pids) == 1 else f"processes {few(pids)}"
