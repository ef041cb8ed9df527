"""The token PUT as it goes over the wire, for those that write to sockets themselves."""

from __future__ import annotations

from imds_probe import __version__
from imds_probe.imds.endpoints import Endpoint

TOKEN_PATH = "/latest/api/token"
TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
# In every request of the probe: by its beginning a watch knows the probe's own calls from a stranger's.
USER_AGENT = f"imds-probe/{__version__}"


def token_put(endpoint: Endpoint, life_s: int = 1) -> bytes:
    """A request for a token. It lives one second unless said otherwise, the shortest life there is: nobody uses it."""
    host = f"[{endpoint.address}]" if endpoint.family == "ipv6" else endpoint.address
    if endpoint.port != 80:
        host += f":{endpoint.port}"
    lines = (
        f"PUT {TOKEN_PATH} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {USER_AGENT}",
        f"{TTL_HEADER}: {life_s}",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
