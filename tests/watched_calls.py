"""A call as a watch hands it on, from which a test changes what it is about."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.facts.callers import BOOT_S, BootWatched, CallerSeen
from imds_probe.watch.caller import Caller
from imds_probe.watch.seen_call import SeenCall

NOW = 1_700_000_000.0
CURL = Caller(7, "curl", "/usr/bin/curl", "curl …", 0, ("bash",), "web.service", None, None, None)
SEEN = SeenCall(
    at=NOW + 0.5,
    version="v1",
    method="GET",
    path="/latest/meta-data/",
    user_agent="curl/8",
    status=200,
    family="ipv4",
    client="10.0.0.5",
    service="169.254.169.254",
    caller=CURL,
    how="tracepoint",
    relayed=False,
    whole=True,
)
OF_ROLE = replace(SEEN, at=NOW - 100, path="/latest/meta-data/iam/security-credentials/role")
APP = replace(CURL, exe="/usr/bin/python3", script="/opt/a.py", started_by="cron")
# SEEN as evidence has it, after some of them.
CALLER = CallerSeen(
    version="v1",
    program="/usr/bin/curl",
    exe="/usr/bin/curl",
    pid=7,
    comm="curl",
    cmdline="curl …",
    unit="web.service",
    container=None,
    path="/latest/meta-data/",
    path_class="meta-data",
    user_agent="curl/8",
    probe=False,
    count=3,
    refused=0,
    first_seen="2023-11-14T22:00:00Z",
    last_seen="2023-11-14T22:13:20Z",
)
# Of three days ago, watched from before the network was up.
BOOT = BootWatched(
    "0f7a6d0c-5c6e-4b5e-9d2e-3f6a5c0b1d2e",
    "2026-11-20T00:00:00Z",
    3 * 86400.0,
    2.0,
    from_start=True,
    watched_s=BOOT_S - 2,
)
