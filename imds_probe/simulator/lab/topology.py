"""The addresses of a lab and the commands that lay them out: text only, nothing is run here.

Every TTL in a lab comes from the kernel's real forwarding; nothing here writes one. What decides it is how many
namespaces forward a packet, so a link is either a cable between neighbours or a namespace that routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.dataclass import dataclass

SERVICE_IPV4, SERVICE_IPV6 = "169.254.169.254", "fd00:ec2::254"  # EC2 User Guide, "Retrieve instance metadata"
UPLINK, BRIDGE, SECOND_UPLINK = "ens5", "docker0", "ens6"
BRIDGE_MAC = "02:42:ac:11:00:01"  # locally administered
CONTAINER_LINK = SERVICE_LINK = "eth0"
SERVICE_SECOND_LINK = "eth1"
NAT_TABLE, FILTER_TABLE = "imdslab_nat", "imdslab_filter"


@dataclass(frozen=True)
class Address:
    """One interface's addresses with their prefix lengths; `v6` is None where the lab has no IPv6."""

    ipv4: str
    ipv4_prefix: int
    ipv6: str | None
    ipv6_prefix: int


@dataclass(frozen=True)
class Subnet:
    """A /24 or shorter of IPv4 and a /64 of IPv6 (documentation prefix or ULA, never a routable one)."""

    ipv4: str  # the address with {} for its last number
    ipv4_prefix: int
    ipv6: str

    def address(self, number: int, has_ipv6: bool) -> Address:
        """The `number`-th address of both families."""
        ipv6 = self.ipv6.format(f"{number:x}") if has_ipv6 else None
        return Address(self.ipv4.format(number), self.ipv4_prefix, ipv6, 64)


VPC = Subnet("10.0.0.{}", 24, "2001:db8:0:10::{}")
SECOND_VPC = Subnet("10.0.1.{}", 24, "2001:db8:0:11::{}")
THIRD_VPC = Subnet("10.0.2.{}", 24, "2001:db8:0:12::{}")
DOCKER = Subnet("172.17.0.{}", 16, "fd00:172:17::{}")
INSTANCE_NUMBER, FIRST_IN_VPC, FIRST_IN_BRIDGE, LAST_NUMBER = 10, 20, 2, 250


def service_address(has_ipv6: bool) -> Address:
    """The metadata service's addresses."""
    return Address(SERVICE_IPV4, 32, SERVICE_IPV6 if has_ipv6 else None, 128)


def inner_subnet(number: int) -> Subnet:
    """The network between a container and the one inside it; every such pair has its own."""
    return Subnet(f"10.88.{number}.{{}}", 24, f"fd00:10:88:{number:x}::{{}}")


def sysctls(*, forwards: bool, has_ipv6: bool) -> dict[str, str]:
    """Sysctls of one namespace, to be written before its links exist, because links copy the defaults.

    IPv4 defaults are copied from the machine (net.core.devconf_inherit_init_net), so all that matters is written.
    """
    values = {"ipv4/ip_default_ttl": "64", "ipv4/ip_forward": str(int(forwards))}
    values |= {f"ipv4/conf/{scope}/rp_filter": "0" for scope in ("all", "default")}
    if has_ipv6:
        for scope in ("all", "default"):
            values |= {
                f"ipv6/conf/{scope}/disable_ipv6": "0",
                f"ipv6/conf/{scope}/accept_ra": "0",
                f"ipv6/conf/{scope}/forwarding": str(int(forwards)),
                # No duplicate address detection: an address could not be used for a second or more.
                f"ipv6/conf/{scope}/accept_dad": "0",
            }
        values["ipv6/conf/default/hop_limit"] = "64"
    return values


def assign(link: str, address: Address) -> list[str]:
    """ip commands: give a link its addresses and set it up."""
    lines = [f"addr add {address.ipv4}/{address.ipv4_prefix} dev {link}"]
    if address.ipv6:
        lines.append(f"addr add {address.ipv6}/{address.ipv6_prefix} dev {link} nodad")
    return [*lines, f"link set {link} up"]


def default_route(gateway: Address) -> list[str]:
    """ip commands: send everything to a gateway."""
    lines = [f"route add default via {gateway.ipv4}"]
    return [*lines, f"route add default via {gateway.ipv6}"] if gateway.ipv6 else lines


def service_route(link: str, has_ipv6: bool) -> list[str]:
    """ip commands: reach the metadata service directly over a link, as instances do."""
    lines = [f"route add {SERVICE_IPV4}/32 dev {link}"]
    return [*lines, f"route add {SERVICE_IPV6}/128 dev {link}"] if has_ipv6 else lines


def cable(link: str, peer_link: str, peer_namespace: str) -> str:
    """ip command: a cable from here to another namespace; the far end is made there at once, it never appears here."""
    return f"link add {link} type veth peer name {peer_link} netns {peer_namespace}"


def instance_links(service_namespace: str, has_ipv6: bool) -> list[str]:
    """ip commands, in the instance: the uplink with the metadata service at its end, and an empty container bridge."""
    return [
        "link set lo up",
        cable(UPLINK, SERVICE_LINK, service_namespace),
        *assign(UPLINK, VPC.address(INSTANCE_NUMBER, has_ipv6)),
        *service_route(UPLINK, has_ipv6),
        # Snooping drops neighbour solicitations while the bridge has not learnt who listens. Without an address of its
        # own a bridge takes the lowest of its ports', and changes it when ports come and go: containers would send to
        # the old one for seconds. Docker gives its bridge one, too.
        f"link add {BRIDGE} address {BRIDGE_MAC} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
        *assign(BRIDGE, DOCKER.address(1, has_ipv6)),
    ]


def service_links(has_ipv6: bool) -> list[str]:
    """ip commands, in the service: its addresses, and the way back to the instance's subnet and to nowhere else."""
    lines = [
        "link set lo up",
        *assign(SERVICE_LINK, Address(SERVICE_IPV4, 32, SERVICE_IPV6 if has_ipv6 else None, 128)),
    ]
    return [*lines, *subnet_routes(VPC, SERVICE_LINK, has_ipv6)]


def subnet_routes(subnet: Subnet, link: str, has_ipv6: bool) -> list[str]:
    """ip commands: a subnet lies directly on a link."""
    lines = [f"route add {subnet.ipv4.format(0)}/{subnet.ipv4_prefix} dev {link}"]
    return [*lines, f"route add {subnet.ipv6.format('')}/64 dev {link}"] if has_ipv6 else lines


def masquerade(outgoing: str, has_ipv6: bool) -> list[str]:
    """nft commands: hide what leaves over a link behind the link's address."""
    lines = []
    for family in ("ip", "ip6") if has_ipv6 else ("ip",):
        table = f"{family} {NAT_TABLE}"
        lines += [
            f"add table {table}",
            # Before Linux 4.18 answers were translated back only where both chains existed.
            f"add chain {table} prerouting {{ type nat hook prerouting priority -100; }}",
            f"add chain {table} postrouting {{ type nat hook postrouting priority 100; }}",
            f"add rule {table} postrouting oifname {outgoing} masquerade",
        ]
    return lines


def drop_metadata(incoming: Iterable[Address]) -> list[str]:
    """nft commands: forward nothing from these addresses to the metadata service, as host firewalls are told to."""
    chain = f"inet {FILTER_TABLE} forward"
    lines = [f"add table inet {FILTER_TABLE}", f"add chain {chain} {{ type filter hook forward priority 0; }}"]
    for address in incoming:
        lines.append(f"add rule {chain} ip saddr {address.ipv4} ip daddr {SERVICE_IPV4} drop")
        if address.ipv6:
            lines.append(f"add rule {chain} ip6 saddr {address.ipv6} ip6 daddr {SERVICE_IPV6} drop")
    return lines


def macvlan_uplink(service_namespace: str, has_ipv6: bool) -> tuple[Sequence[str], Sequence[str]]:
    """ip commands, in the instance and in the service: a second network interface, as a parent for macvlan links.

    The first one cannot be: a link carries either ipvlan or macvlan children, the kernel refuses both.
    """
    here = [cable(SECOND_UPLINK, SERVICE_SECOND_LINK, service_namespace), f"link set {SECOND_UPLINK} up"]
    there = [
        # Here too: unlike ARP, neighbour discovery answers only for the addresses of the link that was asked on.
        *assign(SERVICE_SECOND_LINK, service_address(has_ipv6)),
        *subnet_routes(SECOND_VPC, SERVICE_SECOND_LINK, has_ipv6),
    ]
    return here, there


def own_interface(link: str, namespace: str, container: Address, has_ipv6: bool) -> list[str]:
    """ip commands, in the service: an interface of a container's own with the service at its end."""
    lines = [
        cable(link, CONTAINER_LINK, namespace),
        *assign(link, service_address(has_ipv6)),
        f"route add {container.ipv4}/32 dev {link}",
    ]
    return [*lines, f"route add {container.ipv6}/128 dev {link}"] if container.ipv6 else lines


def macvlan_link(namespace: str) -> list[str]:
    """ip commands, in the instance: a container's own link on the second uplink."""
    return [f"link add link {SECOND_UPLINK} name {CONTAINER_LINK} netns {namespace} type macvlan mode bridge"]


def ipvlan_link(namespace: str) -> list[str]:
    """ip commands, in the instance: a container's own link on the uplink, routed by the instance's table."""
    return [f"link add link {UPLINK} name {CONTAINER_LINK} netns {namespace} type ipvlan mode l3"]


def ipvlan_return_route(container: Address, instance: Address) -> list[str]:
    """ip commands, in the service: answers go to the instance, since an ipvlan L3 link resolves no neighbours."""
    lines = [f"route add {container.ipv4}/32 via {instance.ipv4}"]
    return [*lines, f"route add {container.ipv6}/128 via {instance.ipv6}"] if container.ipv6 else lines
