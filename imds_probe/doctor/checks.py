"""The checks, listed by hand in the order in which they are told, and what they come to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from imds_probe import exitcodes
from imds_probe.collect.collectors import COLLECTORS
from imds_probe.collect.needs import Need
from imds_probe.dataclass import dataclass
from imds_probe.doctor import contents, keeping, kernel, program, rights, units
from imds_probe.doctor.check import Check, Host, Result, State
from imds_probe.errors import ProbeError
from imds_probe.report_document import Stored
from imds_probe.system.bug import TellBug, in_short, untold

_AS_ROOT_SAID = re.compile(r"Run as root(?: \(sudo\))?(?:, (?:and|or) |\. |\.?$)")
SWITCHED_OFF, CONFIGURATION = "switched-off", "configuration"


@dataclass(frozen=True)
class Told:
    """One result as it is told. `unknown` are those parts of a report that stay unknown, by the collectors' own words; `costs` is
    what else is lost.
    """

    check: str
    state: State
    found: str
    unknown: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()
    remedy: str = ""


def checks(last: Stored | None = None, began: float | None = None, damaged: Sequence[str] = ()) -> tuple[Check, ...]:
    """`last` is the newest report that the host keeps, which was begun at `began`; `damaged` says what is wrong with others."""
    return (
        Check("program", program.interpreter),
        Check(CONFIGURATION, keeping.configuration),
        Check(SWITCHED_OFF, keeping.switched_off),
        Check("rehearsal", keeping.rehearsed),
        Check("firmware", contents.firmware),
        Check("kernel", kernel.version),
        Check("files", rights.files),
        Check("processes", rights.processes),
        Check("namespaces", rights.namespaces),
        Check("packets", rights.packets),
        Check("packet-rules", rights.rules),
        Check("tools", contents.tools),
        Check("tracing", kernel.tracing),
        Check("control-groups", kernel.groups),
        Check("confinement", rights.confinement),
        Check("packages", contents.packages),
        Check("containers", contents.containers),
        Check("state", keeping.state_directory),
        Check("history", keeping.history),
        Check("lock", keeping.lock),
        Check("last-report", partial(keeping.last_report, last=last, began=began, damaged=damaged)),
        Check("spool", keeping.spool),
        Check("units", units.units),
        Check("clock", kernel.clock),
    )


def looked(host: Host, which: Iterable[Check], bug: TellBug = untold) -> tuple[Told, ...]:
    """What the checks found, in their order. One that fails says so, and takes nothing from the others; `bug` is told of errors
    that nobody expected.
    """
    return tuple(told for check in which for told in _told(check, host, bug))


def unknown_without(need: Need) -> tuple[str, ...]:
    """What stays unknown without something, as the collectors that need it declare it."""
    return tuple(dict.fromkeys(each.without for each in COLLECTORS if need in each.of_host))


def exit_code(told: Iterable[Told]) -> int:
    """A wrong configuration comes first, as no run begins then; then that the host is switched off."""
    missing = {each.check for each in told if each.state == "missing"}
    if CONFIGURATION in missing:
        return exitcodes.USAGE
    if SWITCHED_OFF in missing:
        return exitcodes.SWITCHED_OFF
    return exitcodes.UNKNOWN if missing else exitcodes.READY


def _told(check: Check, host: Host, bug: TellBug) -> Iterator[Told]:
    try:
        found = check.look(host)
        results = (found,) if isinstance(found, Result) else tuple(found)
    except ProbeError as error:
        results = (Result("limited", error.problem, remedy=error.remedy),)
    except OSError as error:
        results = (Result("limited", f"could not be looked at: {error.strerror or error}", remedy="Run as root."),)
    except Exception as error:  # noqa: BLE001 - the other checks have nothing to do with it
        bug(f"the check {check.id}", error)
        results = (Result("limited", f"could not be looked at: {in_short(error)}"),)
    for each in results:
        unknown = unknown_without(each.need) if each.need is not None and each.state != "ok" else ()
        yield Told(check.id, each.state, each.found, unknown, each.costs, _for_who_asks(each.remedy))


def _for_who_asks(remedy: str) -> str:
    """An order to run as root helps root nothing: what else it says is left, and at least where to look."""
    if os.geteuid() != 0 or not (order := _AS_ROOT_SAID.match(remedy)):
        return remedy
    rest = remedy[order.end() :]
    return f"{rest[:1].upper()}{rest[1:]}" or "See what keeps root out: mounts, a security module, links in a circle."
