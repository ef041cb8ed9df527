"""Which of the variables that steer AWS SDKs a process sets, and to values of which class. Values may be secrets: none is kept."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from imds_probe.facts.sdk_settings import (
    DISABLED,
    ENDPOINT,
    ENDPOINT_MODE,
    LOAD_CONFIG,
    PROXY,
    V1_DISABLED,
    ValueClass,
    Variable,
)
from imds_probe.kept.metadata_path import HOSTS

# AWS SDKs and Tools Reference Guide, environment variables list.
KNOWN = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_REGION",
        DISABLED,
        ENDPOINT,
        ENDPOINT_MODE,
        V1_DISABLED,
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "AWS_METADATA_SERVICE_TIMEOUT",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        LOAD_CONFIG,
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        PROXY,
    }
)
_PROXIES = ("http_proxy", PROXY)
_EXEMPTING = ("no_proxy", "NO_PROXY")
_SERVICE = ipaddress.ip_address("169.254.169.254")
_SWITCHES = frozenset({DISABLED, V1_DISABLED, LOAD_CONFIG})
_MODES: dict[str, ValueClass] = {"ipv4": "ipv4", "ipv6": "ipv6"}


def variables_in(environ: bytes, asked: Collection[str] = KNOWN) -> tuple[Variable, ...]:
    """Those that are set in the content of /proc/PID/environ, by their names, sorted. The first of a name counts."""
    found: dict[str, Variable] = {}
    proxying: dict[str, str] = {}
    for entry in environ.split(b"\0"):
        name, separator, value = entry.partition(b"=")
        known = name.decode("ascii", "replace")
        if separator and known in (*_PROXIES, *_EXEMPTING):
            proxying.setdefault(known, value.decode(errors="replace"))
        elif separator and known in asked and known not in found:
            found[known] = Variable(known, value_class(known, value.decode(errors="replace")))
    if PROXY in asked and (proxied := _proxied(proxying)):
        found[PROXY] = Variable(PROXY, proxied)
    return tuple(found[name] for name in sorted(found))


def _proxied(proxying: Mapping[str, str]) -> ValueClass | None:
    """Whether requests for the metadata address go to a proxy: None where they do not, "other" where those of Python alone do."""
    if _is_proxied_by_go(proxying):
        return "elsewhere"
    return "other" if _is_proxied_by_python(proxying) else None


def _is_proxied_by_go(proxying: Mapping[str, str]) -> bool:
    """golang.org/x/net/http/httpproxy: names in capitals come first, and what is empty is as if it were not set."""
    proxy, exempt = (next(filter(None, map(proxying.get, reversed(names))), "") for names in (_PROXIES, _EXEMPTING))
    entries = [entry.strip() for entry in exempt.split(",")]
    return bool(proxy) and not any(
        entry == "*" or entry.removesuffix(":80") == str(_SERVICE) or _is_network_of_service(entry) for entry in entries
    )


def _is_proxied_by_python(proxying: Mapping[str, str]) -> bool:
    """urllib.request: names in small letters come first, even where they are empty; networks, ports and * among others exempt from
    nothing.
    """
    proxy, exempt = (
        next((proxying[name] for name in names if name in proxying), "") for names in (_PROXIES, _EXEMPTING)
    )
    entries = [entry.strip() for entry in exempt.split(",")]
    return bool(proxy) and exempt != "*" and not any(entry.lstrip(".") == str(_SERVICE) for entry in entries)


def _is_network_of_service(entry: str) -> bool:
    try:
        return "/" in entry and _SERVICE in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def value_class(name: str, value: str) -> ValueClass:
    """Of which class a value is, for what the variable steers."""
    if not value:
        return "empty"
    if name in _SWITCHES:
        said = value.lower()  # as SDKs do: with a blank or a carriage return behind it, it is no "true"
        return "true" if said == "true" else "false" if said == "false" else "other"
    if name == ENDPOINT:
        return "instance" if _is_service(value) else "elsewhere"
    if name == ENDPOINT_MODE:
        return _MODES.get(value.strip().lower(), "other")
    return "set"


def _is_service(endpoint: str) -> bool:
    try:
        host = urlsplit(endpoint.strip()).hostname or ""
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in HOSTS
    return (f"[{address}]" if address.version == 6 else str(address)) in HOSTS
