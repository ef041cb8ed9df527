"""Where the metadata service is: the two link-local addresses, or the one that the environment names."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError
from imds_probe.facts.imds import Family

ENDPOINT_VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
MODE_VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
# ip6-localhost is Debian's name in /etc/hosts.
_LOOPBACKS = {"localhost": "127.0.0.1", "ip6-localhost": "::1"}


@dataclass(frozen=True)
class Endpoint:
    """An address and port of the metadata service. The address is numeric: no name is ever looked up, and "localhost" is the
    loopback's everywhere (RFC 6761).
    """

    address: str
    port: int = 80

    @property
    def family(self) -> Family:
        return "ipv6" if ":" in self.address else "ipv4"

    @property
    def socket_family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if self.family == "ipv6" else socket.AF_INET

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if self.family == "ipv6" else self.address
        return f"http://{host}" if self.port == 80 else f"http://{host}:{self.port}"


IPV4 = Endpoint("169.254.169.254")
IPV6 = Endpoint("fd00:ec2::254")


@dataclass(frozen=True)
class Endpoints:
    """Which addresses a run asks: the primary one decides, the twin (if any) is looked at beside it."""

    primary: Endpoint
    twin: Endpoint | None
    given: bool  # named by the user, so meant, also where DMI does not say EC2

    @property
    def on_loopback(self) -> bool:
        """Whether only this network namespace can reach it: every other one has a loopback of its own."""
        return ipaddress.ip_address(self.primary.address).is_loopback


def from_environment(environ: Mapping[str, str]) -> Endpoints:
    """Read the two variables as the AWS SDKs do: an explicit endpoint wins over the mode.

    Raises UsageError for a value that is no plain http URL with a numeric host or localhost, or a mode other than IPv4 and IPv6.
    """
    url = environ.get(ENDPOINT_VARIABLE, "").strip()
    if url:
        return Endpoints(_parse(url), twin=None, given=True)
    mode = environ.get(MODE_VARIABLE, "").strip().lower()
    if mode not in ("", "ipv4", "ipv6"):
        raise UsageError(f"{MODE_VARIABLE} is neither IPv4 nor IPv6", "Set it to IPv4 or IPv6, or unset it.")
    if mode == "ipv6":
        return Endpoints(IPV6, twin=IPV4, given=False)
    return Endpoints(IPV4, twin=IPV6, given=False)


def _parse(url: str) -> Endpoint:
    remedy = (
        "Give a URL such as http://127.0.0.1:1338 (a numeric address or localhost, no path), or unset the variable."
    )
    try:
        parts = urlsplit(url)
        port = parts.port or 80
        host = (parts.hostname or "").removesuffix(".")
        address = ipaddress.ip_address(_LOOPBACKS.get(host, host))
    except ValueError:
        raise UsageError(f"{ENDPOINT_VARIABLE} is not a URL with a numeric address", remedy) from None
    if parts.scheme != "http" or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{ENDPOINT_VARIABLE} has more than http, address and port", remedy)
    return Endpoint(str(address), port)


def has_route(endpoint: Endpoint) -> bool:
    """Whether the kernel knows a way there. Connecting a UDP socket asks the routing table and sends nothing."""
    try:
        with socket.socket(endpoint.socket_family, socket.SOCK_DGRAM) as sock:
            sock.connect((endpoint.address, endpoint.port))
    except OSError:
        return False
    return True
