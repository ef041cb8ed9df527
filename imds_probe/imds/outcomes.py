"""What a request came to: the one place that makes an Outcome of what a socket, a status line or an exception says.

The client, the exchanges on sockets of other namespaces and the measuring of hop limits all ask
here, so that the same end has the same name everywhere.
"""

from __future__ import annotations

import http.client
import re

from imds_probe.imds.dialer import Conversation
from imds_probe.imds.replies import Outcome
from imds_probe.kept.user_agent import kept_user_agent

SILENCE = "the time limit came first"
RESET = "connection reset"
CLOSED = "connection closed"
MALFORMED = "malformed answer"
NO_TOKEN = "200, but the body is no token"
LENGTH_IS_NO_NUMBER = "Content-Length is no number"

BY_STATUS = {
    200: Outcome.OK,
    400: Outcome.BAD_REQUEST,
    401: Outcome.UNAUTHORIZED,
    403: Outcome.FORBIDDEN,
    404: Outcome.NOT_FOUND,
    429: Outcome.THROTTLED,
    503: Outcome.THROTTLED,
}
SERVER_MAX = 100  # characters of a Server header
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?![0-9])")


def classify(conversation: Conversation, status: int | None, trouble: str) -> tuple[Outcome, str]:
    """Name the outcome and say why, from what the socket saw, the status line, and what went wrong if anything."""
    error = conversation.connect_error
    if error is not None:
        if isinstance(error, TimeoutError):
            return Outcome.CONNECT_TIMEOUT, "no answer to the connection attempt"
        if isinstance(error, ConnectionRefusedError | ConnectionResetError):
            return Outcome.REFUSED, "connection refused"
        return Outcome.UNREACHABLE, error.strerror or "the address cannot be reached"
    if not conversation.connected:
        return Outcome.UNREACHABLE, trouble or "the connection was not made"
    if trouble:
        if conversation.bytes_received == 0:
            return Outcome.ANSWER_LOST, f"connected, but received no answer: {trouble}"
        return Outcome.GARBAGE, f"the answer is broken: {trouble}"
    if status is None:
        return Outcome.GARBAGE, "the answer has no status"
    return of_status(status), f"HTTP status {status}"


def of_status(status: int) -> Outcome:
    """What a well-formed answer with this status is."""
    return BY_STATUS.get(status, Outcome.UNEXPECTED)


def of_beginning(data: bytes) -> Outcome:
    """What an answer is going to be by its first bytes, for those that need no more of it."""
    match = _STATUS_LINE.match(data)
    if match is not None:
        return of_status(int(match[1]))
    return Outcome.GARBAGE if data else Outcome.ANSWER_LOST


def trouble_of(error: Exception) -> str:
    """A short word for a failure after the connection was made, without quoting what was received."""
    if isinstance(error, TimeoutError):
        return SILENCE
    if isinstance(error, http.client.RemoteDisconnected):  # which is a ConnectionResetError, though nobody reset
        return CLOSED
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return RESET
    return error.strerror or MALFORMED if isinstance(error, OSError) else MALFORMED


def server_name(value: str | None) -> str | None:
    """What a Server header names, as far as that is known: it comes from whoever answered."""
    return None if value is None else kept_user_agent(value[:SERVER_MAX])
