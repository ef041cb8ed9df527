"""A lab of network namespaces that stands in for an EC2 host.

    service    169.254.169.254 and fd00:ec2::254, alone at the end of a link
    instance   ens5 (10.0.0.10) one hop from it; docker0 (172.17.0.1); forwards and masquerades, IPv4 and IPv6
    containers added one by one, each kind as far from the service as it would be on a real host

Nothing is ever added to the namespace the process runs in, so the service's addresses exist inside the lab only.
Labs share nothing with each other, however many there are.
"""

from __future__ import annotations

import atexit
import itertools
import os
import subprocess
from types import TracebackType
from typing import Self

from imds_probe.errors import ProbeError, UsageError
from imds_probe.simulator.lab import interrupts, naming, plumbing, processes, stale, topology
from imds_probe.simulator.lab.node import Kind, Node
from imds_probe.simulator.lab.topology import Address, Subnet
from imds_probe.system import process

FORWARDED: tuple[Kind, ...] = ("bridge", "nested", "chain")  # kinds whose packets some namespace forwards


class Lab:
    """A lab; use it in a `with` statement, or call `up` and `down`.

    Whatever ends the process, short of SIGKILL, takes the lab down: leaving the block, an exception, Ctrl-C, and
    SIGTERM (which becomes a KeyboardInterrupt while a lab stands). `remove_stale` clears up after a SIGKILL.
    Needs what privilege.how_to_build_a_lab looks for. Errors: ProbeError, UsageError.
    """

    def __init__(self, name: str = "lab") -> None:
        self.id = naming.new_lab_id(name)
        self.nodes: dict[str, Node] = {}
        self.has_ipv6 = False
        self._process_id = os.getpid()
        self._stands = False
        self._made: list[str] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._forwarding: set[str] = {"instance"}
        self._bridge_numbers = itertools.count(topology.FIRST_IN_BRIDGE)
        self._vpc_numbers = itertools.count(topology.FIRST_IN_VPC)
        self._inner_numbers = itertools.count(1)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @property
    def instance(self) -> Node:
        """The EC2 host."""
        return self._node("instance")

    @property
    def service(self) -> Node:
        """The namespace that holds the metadata service's addresses; what listens there is up to the caller."""
        return self._node("service")

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The names under /run/netns that are this lab's."""
        return tuple(self._made)

    def up(self) -> None:
        """Build the instance and the service. A lab that cannot be finished is taken down again."""
        if self._stands:
            raise UsageError("this lab stands already")
        plumbing.require_tools()
        self._stands = True
        interrupts.termination.take()
        atexit.register(self.down)
        try:
            self._build()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """End the lab's programs and remove its namespaces; nothing happens where that is done already."""
        # A forked child inherits the object and the exit hook, but not the lab.
        if not self._stands or os.getpid() != self._process_id:
            return
        try:
            with interrupts.held():
                for child in self._started:
                    process.stop(child)
                processes.end(self.id)
                plumbing.remove_namespaces(self._made)
                self._made.clear()
                self._started.clear()
                self.nodes.clear()
                self._forwarding = {"instance"}
                self._stands = False
                atexit.unregister(self.down)
        finally:
            # Only now: within `held` the handler in place is its own, and would hide ours from being put back.
            if not self._stands:
                interrupts.termination.give_back()

    @staticmethod
    def remove_stale() -> tuple[str, ...]:
        """Remove what labs left behind whose process was killed; return the names of the namespaces removed."""
        return stale.remove_stale()

    def add_container(
        self,
        name: str,
        kind: Kind = "bridge",
        *,
        inside: Node | None = None,
        with_: Node | None = None,
        hops: int = 3,
        drop: bool = False,
        no_route: bool = False,
    ) -> Node:
        """Add a container and return its node. IPv4 and, where the kernel has it, IPv6.

        bridge     on docker0, one hop further than the instance
        nested     inside another container, `inside` or one made for it, and one hop further than that
        chain      `hops` hops further than the instance, through as many routers less one as it takes
        host       in the instance's namespace
        shared     in the namespace of the container `with_`, as the containers of a pod are
        ipvlan-l3  a link of its own on ens5, no hop further (where the kernel has ipvlan)
        macvlan    a link of its own on a second interface, ens6, no hop further
        awsvpc     an interface of its own that the instance has no part in, as tasks of ECS have; no hop further

        `drop`: what forwards for this container drops its packets to the metadata service. `no_route`: the container
        has no route there at all.
        """
        if kind in ("instance", "service") or name in self.nodes:
            raise UsageError(f"there is one {name if name in self.nodes else kind} in this lab already")
        if (inside and kind != "nested") or (with_ is None) == (kind == "shared"):
            raise UsageError(f"a {kind} container was given the wrong neighbour")
        if any(near and self.nodes.get(near.name) is not near for near in (inside, with_)):
            raise UsageError("that neighbour is not of this lab")
        if (drop and kind not in FORWARDED) or (no_route and kind in ("host", "shared")):
            raise UsageError(f"drop or no_route means nothing for a {kind} container")
        already = len(self._made)
        try:
            return self._add(name, kind, inside or with_, hops, drop=drop, no_route=no_route)
        except ProbeError:
            # No half container stays: the lab is as it was, and the name is free again.
            plumbing.remove_namespaces(self._made[already:])
            del self._made[already:]
            self.nodes = {key: node for key, node in self.nodes.items() if node.netns.exists()}
            raise

    def _add(self, name: str, kind: Kind, other: Node | None, hops: int, *, drop: bool, no_route: bool) -> Node:
        match kind:
            case "host" | "shared":
                return self._guest(name, kind, other or self.instance)
            case "ipvlan-l3":
                return self._ipvlan(name, no_route)
            case "macvlan":
                return self._macvlan(name, no_route)
            case "awsvpc":
                return self._awsvpc(name, no_route)
            case "nested":
                outer = other or self._bridge(f"{name}-outer", "bridge")
                return self._behind(outer, name, kind, drop=drop, no_route=no_route)
            case "chain":
                return self._chain(name, hops, drop=drop, no_route=no_route)
        return self._bridge(name, kind, drop=drop, no_route=no_route)

    def _build(self) -> None:
        self._namespaces("instance", "service")
        instance, service = (naming.NETNS_DIRECTORY / name for name in self._made)
        self.has_ipv6 = plumbing.kernel_has_ipv6(instance)
        self._register("instance", "instance", 0, topology.VPC.address(topology.INSTANCE_NUMBER, self.has_ipv6))
        self._register("service", "service", 0, topology.service_address(self.has_ipv6))
        plumbing.write_sysctls(instance, topology.sysctls(forwards=True, has_ipv6=self.has_ipv6))
        plumbing.write_sysctls(service, topology.sysctls(forwards=False, has_ipv6=self.has_ipv6))
        plumbing.ip_batch(instance, topology.instance_links(service.name, self.has_ipv6))
        plumbing.ip_batch(service, topology.service_links(self.has_ipv6))
        plumbing.nft(instance, topology.masquerade(topology.UPLINK, self.has_ipv6))

    def _bridge(self, name: str, kind: Kind, *, drop: bool = False, no_route: bool = False) -> Node:
        number = self._number(self._bridge_numbers)
        node = self._container(name, kind, 1, topology.DOCKER.address(number, self.has_ipv6))
        link = f"veth{number}"
        cable = topology.cable(link, topology.CONTAINER_LINK, node.netns.name)
        bridge = topology.BRIDGE
        plumbing.ip_batch(self.instance.netns, [cable, f"link set {link} master {bridge}", f"link set {link} up"])
        self._finish(node, self.instance, topology.DOCKER, number, drop=drop, no_route=no_route)
        return node

    def _behind(self, outer: Node, name: str, kind: Kind, *, drop: bool = False, no_route: bool = False) -> Node:
        if outer.kind in ("instance", "service", "host", "shared"):
            raise UsageError(
                f"no container can be nested in {outer.name}", "Give a container with a namespace of its own"
            )
        number = self._number(self._inner_numbers)
        subnet = topology.inner_subnet(number)
        node = self._container(name, kind, outer.distance + 1, subnet.address(2, self.has_ipv6))
        if outer.name not in self._forwarding:
            plumbing.write_sysctls(outer.netns, topology.sysctls(forwards=True, has_ipv6=self.has_ipv6))
            plumbing.nft(outer.netns, topology.masquerade(topology.CONTAINER_LINK, self.has_ipv6))
            self._forwarding.add(outer.name)
        link = f"inner{number}"
        cable = topology.cable(link, topology.CONTAINER_LINK, node.netns.name)
        plumbing.ip_batch(outer.netns, [cable, *topology.assign(link, subnet.address(1, self.has_ipv6))])
        self._finish(node, outer, subnet, 2, drop=drop, no_route=no_route)
        return node

    def _finish(self, node: Node, router: Node, subnet: Subnet, number: int, *, drop: bool, no_route: bool) -> None:
        """The container's end of a cable to the namespace that forwards for it."""
        address = subnet.address(number, self.has_ipv6)
        lines = ["link set lo up", *topology.assign(topology.CONTAINER_LINK, address)]
        if not no_route:
            lines += topology.default_route(subnet.address(1, self.has_ipv6))
        plumbing.ip_batch(node.netns, lines)
        if drop:
            plumbing.nft(router.netns, topology.drop_metadata([address]))

    def _chain(self, name: str, hops: int, *, drop: bool, no_route: bool) -> Node:
        if not 1 <= hops <= 8:
            raise UsageError("a chain has 1 to 8 hops")
        if hops == 1:
            return self._bridge(name, "chain", drop=drop, no_route=no_route)
        last = self._bridge(f"{name}-r1", "chain")
        for number in range(2, hops):
            last = self._behind(last, f"{name}-r{number}", "chain")
        return self._behind(last, name, "chain", drop=drop, no_route=no_route)

    def _guest(self, name: str, kind: Kind, host: Node) -> Node:
        naming.checked(name)
        node = Node(name, kind, host.netns, host.distance, host.ipv4, host.ipv6, self.id, self._started)
        self.nodes[name] = node
        return node

    def _ipvlan(self, name: str, no_route: bool) -> Node:
        address = topology.VPC.address(self._number(self._vpc_numbers), self.has_ipv6)
        node = self._container(name, "ipvlan-l3", 0, address)
        plumbing.ip_batch(self.instance.netns, topology.ipvlan_link(node.netns.name))
        instance = topology.VPC.address(topology.INSTANCE_NUMBER, self.has_ipv6)
        plumbing.ip_batch(self.service.netns, topology.ipvlan_return_route(address, instance))
        self._own_link(node, address, no_route)
        return node

    def _macvlan(self, name: str, no_route: bool) -> Node:
        address = topology.SECOND_VPC.address(self._number(self._vpc_numbers), self.has_ipv6)
        node = self._container(name, "macvlan", 0, address)
        if sum(other.kind == "macvlan" for other in self.nodes.values()) == 1:
            here, there = topology.macvlan_uplink(self.service.netns.name, self.has_ipv6)
            plumbing.ip_batch(self.instance.netns, here)
            plumbing.ip_batch(self.service.netns, there)
        plumbing.ip_batch(self.instance.netns, topology.macvlan_link(node.netns.name))
        self._own_link(node, address, no_route)
        return node

    def _awsvpc(self, name: str, no_route: bool) -> Node:
        address = topology.THIRD_VPC.address(self._number(self._vpc_numbers), self.has_ipv6)
        node = self._container(name, "awsvpc", 0, address)
        link = f"task{sum(other.kind == 'awsvpc' for other in self.nodes.values())}"
        plumbing.ip_batch(self.service.netns, topology.own_interface(link, node.netns.name, address, self.has_ipv6))
        self._own_link(node, address, no_route)
        return node

    def _own_link(self, node: Node, address: Address, no_route: bool) -> None:
        link = topology.CONTAINER_LINK
        routes = [] if no_route else topology.service_route(link, self.has_ipv6)
        plumbing.ip_batch(node.netns, ["link set lo up", *topology.assign(link, address), *routes])

    def _container(self, name: str, kind: Kind, distance: int, address: Address) -> Node:
        self._namespaces(name)
        node = self._register(name, kind, distance, address)
        plumbing.write_sysctls(node.netns, topology.sysctls(forwards=False, has_ipv6=self.has_ipv6))
        return node

    def _namespaces(self, *nodes: str) -> None:
        if not self._stands:
            raise UsageError("this lab does not stand")
        names = [self.id.namespace(node) for node in nodes]
        self._made += names  # noted before they exist: an interrupt in between must not lose one
        plumbing.add_namespaces(names)

    def _register(self, name: str, kind: Kind, distance: int, address: Address) -> Node:
        netns = naming.NETNS_DIRECTORY / self.id.namespace(name)
        self.nodes[name] = Node(name, kind, netns, distance, address.ipv4, address.ipv6, self.id, self._started)
        return self.nodes[name]

    def _node(self, name: str) -> Node:
        if name not in self.nodes:
            raise UsageError("this lab does not stand")
        return self.nodes[name]

    @staticmethod
    def _number(numbers: itertools.count[int]) -> int:
        number = next(numbers)
        if number > topology.LAST_NUMBER:
            raise UsageError(f"a lab has room for fewer than {topology.LAST_NUMBER} containers of a kind")
        return number
