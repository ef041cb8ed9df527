"""Which network a unit's programs have, and whether the metadata service is within it: systemd.exec(5) and, of filters,
systemd.resource-control(5).
"""

from __future__ import annotations

import ipaddress
import posixpath
from collections.abc import Collection, Iterable

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import SERVICE
from imds_probe.inventory.schedules.scheduled import Network
from imds_probe.inventory.schedules.systemd.unit import Unit
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

TRUE = ("1", "yes", "y", "true", "t", "on")  # systemd.syntax(7)
# There are filters of addresses only where control groups are, at least also, of version 2.
UNIFIED = ("/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified")
_ADDRESS = ipaddress.IPv4Address(SERVICE[0])
_NAMED = {
    "any": ("0.0.0.0/0",),
    "localhost": ("127.0.0.0/8",),
    "link-local": ("169.254.0.0/16",),
    "multicast": ("224.0.0.0/4",),
}
_SLICES_MAX = 20
_OF_ADDRESSES = frozenset(("AF_INET", "AF_INET6"))
_MAKE_NETWORKS = frozenset(("ip", "nsenter", "slirp4netns", "pasta", "passt", "wg-quick", "brctl", "ovs-vsctl"))
_COMMANDS = ("ExecStartPre", "ExecStart", "ExecStartPost")


@dataclass(frozen=True)
class Networks:
    """Those of the units of one system. `joined` are the names of units whose network others join."""

    units: UnitFiles
    joined: Collection[str]

    @classmethod
    def of(cls, units: UnitFiles, names: Iterable[str]) -> Networks:
        """Of units of which these are started."""
        known = (units.unit(name) for name in names)
        joined = {other for unit in known if unit is not None for other in unit.words("Unit", "JoinsNamespaceOf")}
        return cls(units, joined)

    def of_command(self, unit: Unit, section: str, *, privileged: bool) -> Network:
        """That of one command; a `privileged` one is let off what only the unit's own programs are held to."""
        if self._is_denied(unit, section):
            return "none"
        if unit.last(section, "NetworkNamespacePath"):
            return "own"
        if unit.last(section, "PrivateNetwork").lower() in TRUE:
            shared = unit.words("Unit", "JoinsNamespaceOf") or unit.name in self.joined
            if shared or _makes_network(unit, section):
                return "own"
            return "host" if privileged else "none"
        families = [each.value.split() for each in unit.all(section, "RestrictAddressFamilies")]
        return "none" if families and not privileged and not _has_addresses(families) else "host"

    def _is_denied(self, unit: Unit, section: str) -> bool:
        """Whether filters of the unit or of its slices keep the service's address from it: what one of them allows, is allowed."""
        allowed = denied = False
        for one, where in [(unit, section), *((each, "Slice") for each in self._slices(unit, section))]:
            allowed = allowed or _covers(one.words(where, "IPAddressAllow"))
            denied = denied or _covers(one.words(where, "IPAddressDeny"))
        files = self.units.files
        return denied and not allowed and any(files.status(path) is not None for path in UNIFIED)

    def _slices(self, unit: Unit, section: str) -> Iterable[Unit]:
        """The slice that it is in, and those that one is in: "a-b.slice" is in "a.slice"."""
        of_instance = "system-{}.slice".format(unit.prefix.replace("-", r"\x2d"))
        name = unit.last(section, "Slice") or (of_instance if unit.instance else "system.slice")
        stem = name.removesuffix(".slice")
        parts = stem.split("-") if stem != "-" else []
        for number in range(min(len(parts), _SLICES_MAX), 0, -1):
            yield self.units.slice("-".join(parts[:number]) + ".slice")
        yield self.units.slice("-.slice")


def _covers(words: Iterable[str]) -> bool:
    return any(_has_address(network) for word in words for network in _NAMED.get(word, (word,)))


def _has_address(network: str) -> bool:
    try:
        return _ADDRESS in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _has_addresses(families: Iterable[list[str]]) -> bool:
    """Whether programs may use one of the two families that the service is reached by: lists of those that they may, or with "~"
    before them, may not.
    """
    known: set[str] = set()
    is_denial: bool | None = None
    for words in families:
        denies = words[0].startswith("~")
        is_denial = denies if is_denial is None else is_denial
        some = {word.lstrip("~") for word in words} - {"none"}
        known = known | some if denies == is_denial else known - some
    return bool(_OF_ADDRESSES - known) if is_denial else bool(_OF_ADDRESSES & known)


def _makes_network(unit: Unit, section: str) -> bool:
    """Whether one of its commands may lead a network of its own to others."""
    programs = (each.value.lstrip("-@:+!|").split()[:1] for each in unit.all(section, *_COMMANDS))
    return any(posixpath.basename(name) in _MAKE_NETWORKS for words in programs for name in words)
