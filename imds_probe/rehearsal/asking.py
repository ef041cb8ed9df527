"""The owner's own requests: how the service answers, before anything is touched, and whether the relay still hands on what it
says, as long as the rehearsal lasts. No token is kept longer than it takes to learn.
"""

from __future__ import annotations

import contextlib
import socket
import time

from imds_probe.errors import ProbeError
from imds_probe.imds.token import plausible
from imds_probe.imds.token_put import USER_AGENT
from imds_probe.rehearsal.connection import Service
from imds_probe.rehearsal.refusal import AnswerHead, Refusal, read_answer_head

ANSWER_LIMIT_BYTES = 64 * 1024
ASKED_WITHIN_S = 2.0
ASKED_TIMES = 3  # of a request that nothing answers in time, as on a host that is busy
TOKEN_LIFE_S = 60
PIECE_BYTES = 16 * 1024
# Small, present on every instance, and no secret.
PATH = b"/latest/meta-data/instance-id"
# In the form of a token, so that it is looked up and not thrown out by its looks. It is none: all of it is the letter A.
NO_TOKEN = b"AQAEA" + b"A" * 49 + b"=="
# The shortest life: the service need not remember the tokens that nobody uses.
_PUT = (
    b"PUT /latest/api/token HTTP/1.1\r\nHost: %s\r\nX-aws-ec2-metadata-token-ttl-seconds: %d\r\nUser-Agent: %s\r\n\r\n"
)
_GET = b"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n%s\r\n"
_WITH = b"X-aws-ec2-metadata-token: %s\r\n"

Address = tuple[str, int]
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class CannotRehearse(ProbeError):
    """The promise cannot be kept here; nothing was touched, or what was is as before."""


def exchange(
    family: socket.AddressFamily,
    address: Address,
    request: bytes,
    *,
    within_s: float = ASKED_WITHIN_S,
    sock: socket.socket | None = None,
) -> bytes:
    """One request on a connection of its own, or on `sock`, and all that came back. Raises OSError, also where it takes too
    long.
    """
    deadline = time.monotonic() + within_s
    answer = bytearray()
    with sock or socket.socket(family, socket.SOCK_STREAM) as asking:
        asking.settimeout(within_s)
        asking.connect(address)
        asking.sendall(request)
        while len(answer) < ANSWER_LIMIT_BYTES:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            asking.settimeout(left_s)
            piece = asking.recv(PIECE_BYTES)
            if not piece:
                break
            answer += piece
    return bytes(answer)


def token_put(host: str, life_s: int = 1) -> bytes:
    """The request for a token. The host is named as clients name it."""
    return _PUT % (_host(host), life_s, USER_AGENT.encode())


def gives_token(answer: bytes) -> bool:
    """Whether this is the answer to a token PUT that went well."""
    read = read_answer_head(answer)
    return read is not None and read.status == 200 and plausible(_body(answer))


def learn(addresses: dict[socket.AddressFamily, Address], *, ask_without_token: bool) -> Service:
    """How the service answers, and in which of the families. Raises CannotRehearse, with the reason.

    `ask_without_token`: whether tokens are required already can only be seen by one request without a token.
    """
    answering = {family: address for family, address in addresses.items() if _answers(family, address)}
    if not answering:
        raise CannotRehearse(
            "the metadata service gives this host no token",
            "Run `imds-probe run` to see why: clients that ask for a token fail here before the switch, too.",
        )
    family, address = next(iter(answering.items()))
    try:
        return Service(answering, *_manner(family, address, ask_without_token=ask_without_token))
    except OSError as error:
        raise CannotRehearse(
            f"the metadata service did not answer a request: {error.strerror or 'timeout'}", "Try again."
        ) from None


def _answers(family: socket.AddressFamily, address: Address) -> bool:
    with contextlib.suppress(OSError):
        return gives_token(_asked(family, address, token_put(address[0])))
    return False


def _asked(family: socket.AddressFamily, address: Address, request: bytes) -> bytes:
    """The answer to one of ASKED_TIMES. Raises OSError."""
    for _ in range(ASKED_TIMES - 1):
        with contextlib.suppress(TimeoutError):
            return exchange(family, address, request)
    return exchange(family, address, request)


def _manner(family: socket.AddressFamily, address: Address, *, ask_without_token: bool) -> tuple[Refusal, bool]:
    """Its refusal, and whether it serves requests with a token that is none."""
    host = _host(address[0])

    def get(path: bytes, headers: bytes) -> bytes:
        return _asked(family, address, _GET % (path, host, USER_AGENT.encode(), headers))

    if ask_without_token and _status(get(PATH, b"")) == 401:
        raise CannotRehearse("tokens are required on this host already", "There is nothing left to rehearse.")
    refused = get(PATH, _WITH % NO_TOKEN)
    learnt = Refusal.learnt(refused)
    if learnt is not None:
        return learnt, False
    token = _body(_asked(family, address, token_put(address[0], TOKEN_LIFE_S)))
    served = _read(get(b"/latest/meta-data/", _WITH % token))
    if not served.tells_life_left or _read(refused).tells_life_left:
        raise CannotRehearse(
            "the metadata service accepts any token while tokens are optional, and does not say which are valid",
            "Look for a metadata proxy, such as kube2iam, that answers in place of the service.",
        )
    return Refusal.as_captured(refused), True


def _read(answer: bytes) -> AnswerHead:
    return read_answer_head(answer) or AnswerHead(0, None, tells_life_left=False)


def _status(answer: bytes) -> int:
    return _read(answer).status


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def _host(address: str) -> bytes:
    return f"[{address}]".encode() if ":" in address else address.encode()
