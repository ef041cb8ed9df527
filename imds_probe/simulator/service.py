"""How the metadata service answers one request: a function of request, state and tokens, without input or output.

The order of the checks is this simulator's where no source gives one; each rule by itself has one.
"""

from __future__ import annotations

import math

from imds_probe.simulator.documents import VERSIONS, Documents
from imds_probe.simulator.messages import (
    REASONS,
    TOKEN_HEADER,
    TOKEN_PATH,
    TTL_HEADER,
    TTL_HEADER_SENT,
    Answer,
    MetadataRequest,
)
from imds_probe.simulator.state import InstanceState
from imds_probe.simulator.tokens import TTL_MAX_S, TTL_MIN_S, Tokens

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}
VERSIONED_TOKEN_PATHS = {f"/{version}/api/token" for version in VERSIONS} - {TOKEN_PATH}
LONGEST_TTL_TEXT = 10


def answer_to(request: MetadataRequest, state: InstanceState, documents: Documents, tokens: Tokens) -> Answer:
    """The answer of an instance in this state, as the EC2 User Guide and captures have it."""
    if state.http_endpoint == "disabled":
        return refusal(state, 403)
    if request.path == TOKEN_PATH:
        return _token_path(request, state, tokens)
    if request.path in VERSIONED_TOKEN_PATHS and request.method == "PUT":
        return refusal(state, 403)  # "intended", says the EC2 User Guide
    return _metadata(request, state, documents, tokens)


def refusal(state: InstanceState, status: int, *extra: tuple[str, str]) -> Answer:
    """An answer with an error status; its body is empty or XHTML, for both were captured."""
    http_1_0 = state.http_version == "1.0"
    if state.error_body == "empty":
        return Answer(status, first=extra, http_1_0=http_1_0)
    title = f"{status} - {TITLES.get(status) or REASONS.get(status, 'Error')}"
    body = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n'
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"\n'
        '  "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n'
        f"<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
    )
    return Answer(status, body.encode(), extra, (("Content-Type", "text/html"),), http_1_0=http_1_0)


def _token_path(request: MetadataRequest, state: InstanceState, tokens: Tokens) -> Answer:
    if request.method != "PUT":
        return refusal(state, 405, ("Allow", "OPTIONS, PUT"))
    if "x-forwarded-for" in request.headers:
        return refusal(state, 403)
    ttl = request.headers.get(TTL_HEADER, "")
    if not (ttl.isascii() and ttl.isdigit() and len(ttl) < LONGEST_TTL_TEXT and TTL_MIN_S <= int(ttl) <= TTL_MAX_S):
        return refusal(state, 400)
    http_1_0 = state.http_version == "1.0"
    token = tokens.issue(int(ttl), http_1_0=http_1_0)
    return Answer(200, token.encode(), ((TTL_HEADER_SENT, str(int(ttl))),), limits_hops=True, http_1_0=http_1_0)


def _metadata(request: MetadataRequest, state: InstanceState, documents: Documents, tokens: Tokens) -> Answer:
    first: tuple[tuple[str, str], ...] = ()
    token = request.headers.get(TOKEN_HEADER)
    if token is None and state.http_tokens == "required":
        return refusal(state, 401)
    if token is not None:
        if "x-forwarded-for" in request.headers:
            return refusal(state, 403)  # seen with kube2iam: jtblin/kube2iam#279
        left_s = tokens.remaining_s(token)
        if left_s is not None:
            # Captures show what is left of the token's life, not what was asked for.
            first = ((TTL_HEADER_SENT, str(math.ceil(left_s))),)
        elif state.http_tokens == "required" or state.invalid_token_when_optional == "unauthorized":
            return refusal(state, 401)
    if request.method not in {"GET", "HEAD"}:
        return refusal(state, 405, ("Allow", "GET, HEAD"))
    document = documents.get(request.path)
    if document is None:
        return refusal(state, 404)
    ranges = "none" if document.content_type == "text/plain" else "bytes"
    return Answer(
        200,
        document.body,
        (
            *first,
            ("Content-Type", document.content_type),
            ("Accept-Ranges", ranges),
            ("Last-Modified", documents.built),
        ),
        (),
        http_1_0=state.http_version == "1.0",
    )
