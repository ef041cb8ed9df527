"""Causes where a token request was answered, and not with a token."""

from __future__ import annotations

from collections.abc import Callable

from imds_probe.facts.callers import CallerSeen, TokenOutcome
from imds_probe.findings import Fix
from imds_probe.rules.cause import Cause


def _forbidden(caller: CallerSeen) -> Cause:
    if caller.forwarded:
        return Cause(
            "its token request passes a proxy that adds X-Forwarded-For, and the service refuses such a request (403)",
            Fix(
                "Add 169.254.169.254 to the program's NO_PROXY, so that it asks the metadata service directly. You can "
                "also configure the proxy so that it adds no X-Forwarded-For."
            ),
        )
    return Cause(
        "its token request is refused (403), and it falls back",
        Fix(
            "Find out why the token request is refused. The service answers 403 if the request has X-Forwarded-For, or if the "
            "service is turned off. A proxy answers 403 if it forbids the request."
        ),
    )


def _not_found(caller: CallerSeen) -> Cause:
    del caller
    return Cause(
        "its token request is answered with 404 or 405, and it falls back; the server that answers does not speak IMDSv2",
        Fix("Find the proxy or program that answers as the metadata service, and upgrade or remove it."),
    )


def _other(caller: CallerSeen) -> Cause:
    del caller
    return Cause(
        "its token request is answered with an error, and it falls back",
        Fix("Check the method, the path and the TTL header of the token request."),
    )


ANSWERED: dict[TokenOutcome | None, Callable[[CallerSeen], Cause]] = {
    "forbidden": _forbidden,
    "not-found": _not_found,
    "other": _other,
}
