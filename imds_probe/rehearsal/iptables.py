"""The same rules made with iptables, where those of nf_tables would keep others from NAT: before Linux 4.18.

A rule matches only while xt_recent has seen the service's address within LEASE_S, and a line in /proc is what it sees. That
holds for a rule set, too, that somebody saved meanwhile and loads after a boot. The rule that leads to our chain is the one
that asks xt_recent: whoever removes it removes that file of /proc as well, so that the next renewal fails.

Only classes of net_cls are matched, or all that is in a network namespace. A rule that names a group by its path (xt_cgroup) is
checked anew whenever somebody changes the table by iptables-legacy. Once the group is gone, nobody could change the table any
more.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import shlex
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from imds_probe.errors import CommandMissing, ProbeError
from imds_probe.net.namespaces import call_in
from imds_probe.net.nfnetlink import DELCHAIN, DELTABLE, NFPROTO, NLM_F_NONREC, Change, Nfnetlink, text
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.group import NAME, PREFIX
from imds_probe.rehearsal.rules import LEASE_S, Addresses, Group
from imds_probe.system.process import run
from imds_probe.system.small_file import read_pieces

Tools = Mapping[socket.AddressFamily, str]
TOOLS: Tools = {socket.AF_INET: "iptables", socket.AF_INET6: "ip6tables"}
# What a legacy iptables has loaded: to ask it for a table that is not there loads it.
LOADED = {socket.AF_INET: "ip_tables_names", socket.AF_INET6: "ip6_tables_names"}
TABLE, HOOK = "nat", "OUTPUT"
# A chain's name has at most 28 characters.
CHAIN_OF_OURS = re.compile(r"imds-probe-([0-9]{1,7})-([0-9a-f]{1,9})")
WITHIN_S = 20.0  # the lock of iptables may be another's for a moment
NAMES_BYTES = 4096
T = TypeVar("T")


class IptablesRules:
    """Of one network namespace, by default that of the calling thread. `put_up` raises CannotRehearse, and others raise OSError
    where the rules are gone.
    """

    def __init__(
        self,
        name: str,
        service: Addresses,
        relay: Addresses,
        group: Group,
        netns: int | None = None,
        *,
        tools: Tools = TOOLS,
    ) -> None:
        self._chain, self._service, self._relay, self._group = chain_of(name), service, relay, group
        self._netns, self._tools = netns, tools
        self._leases: dict[socket.AddressFamily, int] = {}
        self._before: dict[socket.AddressFamily, frozenset[str]] = {}

    def put_up(self) -> None:
        """Without a lease: nothing matches yet. All of it is there afterwards, or nothing."""
        self._before = {family: _there(family, self._netns) for family in self._service}
        try:
            for family in self._service:
                to = str(self._relay[family][1])
                self._must(family, "-N", self._chain)
                self._must(family, "-A", self._chain, "-p", "tcp", "-j", "REDIRECT", "--to-ports", to)
                self._must(family, "-I", HOOK, *self._matching(family))
                self._leases[family] = inside(self._netns, functools.partial(self._opened, family))
        except BaseException:
            self.take_down()
            raise

    def renew(self, families: Iterable[socket.AddressFamily]) -> None:
        """Have the rules of these families match for LEASE_S from now on."""
        for family in families:
            self._write("+", family)

    def follow(self, group: Group) -> None:
        """Match the connections of this group instead: by its class, which is a rehearsal's own and stays, or all of them."""
        if (group.class_id, group.whole) != (self._group.class_id, self._group.whole):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def end_lease(self) -> None:
        """New connections go direct. Raises OSError where the rules are gone."""
        for family in self._leases:
            self._write("-", family)

    def take_down(self) -> None:
        """Remove what there is."""
        for family, before in self._before.items():
            remove(family, self._chain, self._netns, self._tools, before)

    def left(self) -> list[str]:
        """What is still there, in words."""
        return [
            f"the chain {chain} of {self._tools[family]}"
            for family, chain in chains(self._netns, self._tools)
            if chain == self._chain
        ]

    def close(self) -> None:
        while self._leases:
            os.close(self._leases.popitem()[1])

    def _matching(self, family: socket.AddressFamily) -> list[str]:
        """New connections of the group to the service, as long as the lease is there."""
        address, port = self._service[family]
        return [
            *("-d", address, "-p", "tcp", "--dport", str(port)),
            # Without this, a connection that conntrack picks up in its middle would be led to the relay, and reset.
            *("--tcp-flags", "FIN,SYN,RST,ACK", "SYN"),
            *(() if self._group.whole else ("-m", "cgroup", "--cgroup", str(self._group.class_id))),
            *("-m", "recent", "--rcheck", "--seconds", f"{LEASE_S:.0f}", "--rdest", "--name", self._lease_of(family)),
            # As it is listed: without this, iptables-nft does not find the rule again by what it lists.
            *("--mask", "255.255.255.255" if family == socket.AF_INET else "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            *("-m", "comment", "--comment", "imds-probe rehearse", "-j", self._chain),
        ]

    def _lease_of(self, family: socket.AddressFamily) -> str:
        return f"{self._chain}-{4 if family == socket.AF_INET else 6}"

    def _opened(self, family: socket.AddressFamily) -> int:
        return os.open(f"{of_this_thread()}/xt_recent/{self._lease_of(family)}", os.O_WRONLY | os.O_CLOEXEC)

    def _write(self, sign: str, family: socket.AddressFamily) -> None:
        try:
            os.lseek(self._leases[family], 0, os.SEEK_SET)  # xt_recent takes nothing elsewhere
            os.write(self._leases[family], f"{sign}{self._service[family][0]}\n".encode())
        except OSError as error:
            # The file goes with the last rule that names it; what is open of it does nothing then.
            number = errno.ENOENT if error.errno in (errno.EIO, errno.EINVAL) else error.errno or errno.EIO
            raise OSError(number, os.strerror(number)) from None

    def _must(self, family: socket.AddressFamily, *arguments: str) -> None:
        tool = self._tools[family]
        try:
            done = inside(self._netns, lambda: run([tool, "-w", "-t", TABLE, *arguments], timeout_s=WITHIN_S))
        except CommandMissing:
            raise CannotRehearse(
                f"{tool} is not installed, and this kernel needs it for a rehearsal", "Install the package iptables."
            ) from None
        if done.returncode:
            raise CannotRehearse(
                f"{tool} cannot redirect the connections of one control group: {done.stderr_line()}",
                "Run as root, on a kernel with the modules xt_cgroup, xt_recent and xt_REDIRECT.",
            )


def chain_of(name: str) -> str:
    """The chain of the rehearsal of this name."""
    match = NAME.fullmatch(name)
    assert match is not None, name  # noqa: S101 - `own_name` made it
    return f"imds-probe-{match[1]}-{int(match[2]):x}"


def rehearsal_of(chain: str) -> str | None:
    """The name of the rehearsal whose chain it is; None where it is none's."""
    match = CHAIN_OF_OURS.fullmatch(chain)
    return None if match is None else f"{PREFIX}{match[1]}-{int(match[2], 16)}"


def chains(netns: Path | int | None = None, tools: Tools = TOOLS) -> list[tuple[socket.AddressFamily, str]]:
    """Those of rehearsals in the table of NAT, whether or not these still run. Nothing is loaded for that."""
    found = []
    for family, tool in tools.items():
        with contextlib.suppress(CommandMissing):
            if not inside(netns, functools.partial(_is_loaded, family, tool)):
                continue
            for line in _listed(tool, netns):
                _, chain = (*line.split()[:2], "", "")[:2]
                if line.startswith("-N ") and rehearsal_of(chain) is not None:
                    found.append((family, chain))
    return found


def remove(
    family: socket.AddressFamily,
    chain: str,
    netns: Path | int | None = None,
    tools: Tools = TOOLS,
    before: frozenset[str] = frozenset(),
) -> None:
    """Remove a chain, and what leads to it. `before` is what of iptables-nft was there before the rehearsal: what it made, and
    what is empty now, goes.
    """
    tool = tools[family]
    with contextlib.suppress(CommandMissing):
        for line in _listed(tool, netns):
            if line.startswith(f"-A {HOOK} ") and line.endswith(f" -j {chain}"):
                _run(netns, [tool, "-w", "-t", TABLE, "-D", *shlex.split(line)[1:]])
        _run(netns, [tool, "-w", "-t", TABLE, "-F", chain])
        _run(netns, [tool, "-w", "-t", TABLE, "-X", chain])
        if _is_of_nf_tables(tool):
            _tidy(NFPROTO[family], netns, before)


def _tidy(family: int, netns: Path | int | None, before: frozenset[str]) -> None:
    """Of the table of iptables-nft: only what is empty is removed, whoever uses it meanwhile."""
    table = text(1, TABLE)
    with contextlib.suppress(OSError), Nfnetlink(netns) as netlink:
        if HOOK not in before and (family, TABLE, HOOK) in netlink.chains():
            netlink.change([Change(DELCHAIN, family, table + text(3, HOOK), NLM_F_NONREC)])
        # Linux before 4.15 does not know the flag.
        if "" not in before and not any(each[:2] == (family, TABLE) for each in netlink.chains()):
            netlink.change([Change(DELTABLE, family, table, NLM_F_NONREC)])


def inside(netns: Path | int | None, call: Callable[[], T]) -> T:
    """Call it in a network namespace, None for that of the calling thread."""
    return call() if netns is None else call_in(netns, call)


def of_this_thread() -> str:
    """Where /proc tells of its network; thread-self is of Linux 3.17."""
    return f"/proc/self/task/{threading.get_native_id()}/net"


def _there(family: socket.AddressFamily, netns: int | None) -> frozenset[str]:
    """The chains that iptables-nft has in its table of NAT, and "" for the table itself."""
    try:
        with Nfnetlink(netns) as netlink:
            found = [name for each, table, name in netlink.chains() if (each, table) == (NFPROTO[family], TABLE)]
            return frozenset([*found, *([""] if (NFPROTO[family], TABLE) in netlink.tables() else [])])
    except OSError:
        return frozenset()  # a kernel without nf_tables


def _is_loaded(family: socket.AddressFamily, tool: str) -> bool:
    """Whether there is a table of NAT where this tool looks."""
    if _is_of_nf_tables(tool):
        return bool(_there(family, None))
    try:
        return TABLE.encode() in read_pieces(Path(of_this_thread()) / LOADED[family], NAMES_BYTES).split()
    except PermissionError:
        raise ProbeError("packet rules cannot be listed: no permission", "Run as root (CAP_NET_ADMIN).") from None
    except OSError:
        return False


def _is_of_nf_tables(tool: str) -> bool:
    return b"nf_tables" in run([tool, "--version"], timeout_s=WITHIN_S).stdout


def _listed(tool: str, netns: Path | int | None) -> list[str]:
    return _run(netns, [tool, "-w", "-t", TABLE, "-S"])


def _run(netns: Path | int | None, argv: list[str]) -> list[str]:
    """The lines that it prints; none where it fails: what is left is looked at later."""
    done = inside(netns, lambda: run(argv, timeout_s=WITHIN_S))
    return [] if done.returncode else done.stdout.decode(errors="replace").splitlines()
