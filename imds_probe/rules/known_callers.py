"""Who is known to ask the metadata service, or to be made for it: by the watch, by SDKs in use, by code, by installed packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import OF_ROOT_ALONE, REQUESTED_BY_COMMAND_LINE, Callers
from imds_probe.facts.code import Code, CodeSeen, NotRead
from imds_probe.facts.containers import USERS
from imds_probe.facts.facts import Facts
from imds_probe.facts.rehearsals import RehearsedCaller
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.kept.generated_names import lasting_unit

# What distributions call libraries: those who load one are known by that.
_LIBRARY_PACKAGE = re.compile(r"(?:python[23]?|py3|ruby|node|golang)-.{1,100}|lib.{1,100}|perl-.{1,100}|.{1,100}-perl")
WATCH, CODE, PACKAGE = "the watch saw it ask", "its code asks", "it is installed"
_STARTED = ("running", "scheduled", "boot")


@dataclass(frozen=True)
class Known:
    """One who is known. `by` says how, a clause. `program` is a path or a name, `package` that of a package, else empty; `pids` are
    its processes, where it is known by these. Of code, `uid` is the user on whose own account alone it runs, and `started_by` and
    `standing_s` are as in CodeSeen. The rest is as in CallerSeen.
    """

    program: str
    by: str
    script: str | None = None
    unit: str | None = None
    container: str | None = None
    container_id: str | None = None
    uid: int | None = None
    pids: tuple[int, ...] = ()
    package: str = ""
    started_by: tuple[str, ...] = ()
    standing_s: float | None = None

    @property
    def name(self) -> str:
        """What somebody would look for."""
        return self.script or self.program

    def is_rehearsed_as(self, caller: RehearsedCaller) -> bool:
        """Whether what was rehearsed as this caller is it, or a part of it."""
        if not set(self.pids).isdisjoint(caller.pids):
            return self.by != CODE or is_start_of(caller, self.uid, self.started_by)
        if (self.container_id or None) != (caller.container_id or None):
            return False
        if self.package:
            unit = (caller.unit or "").removesuffix(".service")
            return self.package in (caller.program.rpartition("/")[2], unit) and _is_as_installed(caller)
        if self.by == CODE:
            named = not self.pids and self.program in (caller.program, caller.script)
            return named and may_speak_for(caller, self.uid)
        same_place = self.container_id is not None or (
            lasting_unit(self.unit or ""),
            self.uid,
        ) == (lasting_unit(caller.unit or ""), caller.uid)
        return not self.pids and self.name == (caller.script or caller.program) and same_place


def runner_of(code: CodeSeen | NotRead) -> int | None:
    """The user on whose own account alone code runs; None where root or a service runs it."""
    return code.runner_uid if isinstance(code, CodeSeen) else code.owner_uid


def may_speak_for(caller: RehearsedCaller, uid: int | None) -> bool:
    """Whether what came of a caller may tell of what this user, None for root, runs by the same path. Any user can start root's
    script, with variables that have it ask otherwise. In a container, that is the container's own affair.
    """
    return bool(caller.container_id) or caller.uid == 0 or (uid is not None and caller.uid == uid)


def is_start_of(caller: RehearsedCaller, uid: int | None, started_by: tuple[str, ...]) -> bool:
    """Whether a process of code is what starts it as a rule: a unit may do that as any user."""
    units = {by.partition(",")[0] for by in started_by}
    return not started_by or caller.unit in units or may_speak_for(caller, uid)


def _is_as_installed(caller: RehearsedCaller) -> bool:
    """Whether root runs it, or a service of the system a file that root alone can write."""
    unit = caller.unit or ""
    service = unit.endswith(".service") and not unit.startswith(USERS)
    of_root = caller.on_host and caller.program.startswith(OF_ROOT_ALONE)
    return may_speak_for(caller, None) or (service and of_root)


def known_callers(facts: Facts) -> tuple[Known, ...]:
    """All of them. What calls nobody by name, as the watch has those whose process is not known, is among them."""
    return tuple(dict.fromkeys((*_watched(facts), *_by_sdk(facts), *_by_code(facts), *_by_package(facts))))


def _watched(facts: Facts) -> Iterator[Known]:
    callers = facts.get(Callers)
    for each in callers.by if callers is not None else ():
        if not each.probe and not each.is_harmless:
            where = each.unit, each.container, each.container_id, None if each.container_id else each.uid
            yield Known(each.program, WATCH, script_of(each.script), *where)


def script_of(name: str | None) -> str | None:
    """The script that a watch names; None where it names a request in the place of one."""
    return None if name is None or name.startswith(REQUESTED_BY_COMMAND_LINE) else name


def _by_sdk(facts: Facts) -> Iterator[Known]:
    for entry in facts[Installed].software:
        if not isinstance(entry, SdkSoftware):
            continue
        users = {user.pid: user for user in entry.sdk.users}
        container_id = entry.container_ids[0] if entry.container_ids else None
        for pid in entry.pids:
            user = users.get(pid)
            name, unit = (user.comm, user.unit) if user is not None else (f"process {pid}", None)
            by = f"it uses {entry.package} {entry.said_version}"
            yield Known(name, by, None, unit, entry.container, container_id, None, (pid,))


def _by_code(facts: Facts) -> Iterator[Known]:
    for each in facts[Code].code:
        if each.speaks == "mentions" or each.runs not in _STARTED:
            continue
        for container_id in each.container_ids or (None,):
            known = Known(each.path, CODE, uid=runner_of(each), pids=each.pids, started_by=each.started_by)
            yield replace(known, container_id=container_id, standing_s=each.standing_s)


def _by_package(facts: Facts) -> Iterator[Known]:
    for entry in facts[Installed].software:
        if isinstance(entry, SdkSoftware) or _LIBRARY_PACKAGE.fullmatch(entry.package):
            continue
        for container_id in entry.container_ids or (None,):
            yield Known(entry.package, PACKAGE, None, None, entry.container, container_id, package=entry.package)
