"""What faults make of an answer before it is sent. No input or output."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.simulator.faults import NO_STATUS_SENT, Fault
from imds_probe.simulator.messages import Answer

GARBAGE = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\xff\xfe not HTTP\r\n" + bytes(range(256))
HTML_TOKEN = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Log in to continue</body></html>\n"
# Long enough that a client which trusts it has to wait.
EXTRA_LENGTH_BYTES = 100


def instead(fault: Fault, *, http_1_0: bool) -> Answer:
    """The answer of a fault that keeps the service from being asked at all: "status" and "redirect"."""
    if fault.kind == "redirect":
        return Answer(fault.status or 302, first=(("Location", fault.location),), http_1_0=http_1_0)
    retry = () if fault.retry_after_s is None else (("Retry-After", str(fault.retry_after_s)),)
    return Answer(fault.status or 503, first=retry, http_1_0=http_1_0)


def shaped(answer: Answer, fault: Fault) -> Answer:
    """The answer as the fault would have it; unchanged where the fault is about something else."""
    length = len(answer.body)
    match fault.kind:
        case "content-length-too-long":
            return replace(answer, content_length=str(length + EXTRA_LENGTH_BYTES))
        case "content-length-too-short":
            return replace(answer, content_length=str(length // 2))
        case "content-length-negative":
            return replace(answer, content_length="-1")
        case "content-length-not-a-number":
            return replace(answer, content_length="many")
        case "oversized-body":
            # The body itself is sent piece by piece: see delivery.
            return replace(answer, content_length=str(fault.size_bytes))
    if not fault.kind.startswith("token-") or answer.status != 200:
        return answer
    match fault.kind:
        case "token-empty":
            return replace(answer, body=b"")
        case "token-binary":
            return replace(answer, body=b"\xff\xfe\x00\x80" + answer.body[4:])
        case "token-crlf":
            return replace(answer, body=answer.body + b"\r\nX-Injected: yes\r\n")
        case "token-spaces":
            return replace(answer, body=b" " + answer.body[:20] + b" " + answer.body[20:] + b" ")
        case _:
            return replace(answer, body=HTML_TOKEN, last=(("Content-Type", "text/html"),))


def status_shown(answer: Answer, fault: Fault | None) -> int:
    """The status that the client gets to see, 0 for none."""
    if fault is None:
        return answer.status
    if fault.kind == "reset-mid-answer" and fault.at_byte is not None and fault.at_byte < len("HTTP/1.1 200"):
        return 0
    return 0 if fault.kind in NO_STATUS_SENT else answer.status
