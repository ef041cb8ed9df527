"""Reports of one host each, and the files that hold how each is shown.

Times, ids and durations are fixed. Renew the files with `.venv/bin/python tests/golden_reports.py`, and read what changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from code_seen import AGENT, BACKUP, PACKED, with_code
from observed import (
    FACTS,
    HOST,
    OLD_CLOUD_INIT,
    PROBE,
    SSM_AGENT,
    changed,
    container,
    report_of,
    with_containers,
    with_imds,
)
from since_switch_seen import FOR_GOOD, RECOVERED, SWITCHED, as_caller, since
from watched_calls import BOOT
from watched_calls import CALLER as CALLED
from whole_hosts import fell_short, whole

from imds_probe.facts.acceptances import Acceptance, Acceptances, UnusableAcceptance
from imds_probe.facts.callers import BOOT_S, Callers, CallerSeen
from imds_probe.facts.code import NotRead
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import OsRelease
from imds_probe.facts.imds import Imds
from imds_probe.facts.platform import Platform
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.facts.switched import WatchedSince
from imds_probe.inventory.code.unread import HIDDEN
from imds_probe.render import html, text
from imds_probe.report import Report, dump
from imds_probe.watch.evidence import callers_of

DIRECTORY = Path(__file__).parent / "render/golden"
RENEW = ".venv/bin/python tests/golden_reports.py"
WINDOW_S = 14 * 86400.0

DEBIAN = replace(HOST, os=OsRelease("debian", "12", "Debian GNU/Linux 12 (bookworm)"))
REGION = (("AWS_REGION",),)
WEB_IDENTITY = (("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),)
CONTAINERS = (
    container("host-agent", 0, environment=REGION),
    container("web", 1, "lost", environment=REGION),
    container("api", 1, "lost", pod="api-7d9f", environment=WEB_IDENTITY),
    container("pause", 1, "lost", sandbox=True),
    container("vpn", None, "refused", runtime="netns", image=None),
)
FAR = (
    container("web", 1, "lost", environment=REGION),
    container("far", 3, "lost", environment=REGION),
    container("rootless", None, "lost", runtime="process", image=None, netns_owner_uid=1000),
)
REACHED = (
    container("host-agent", 0, "ok", 2, environment=REGION),
    container("web", 1, "ok", 2, environment=REGION),
)
BOTOCORE = SdkSoftware(
    "botocore",
    "pypi",
    "botocore",
    "1.12.0",
    "dist-info",
    "/srv/app/venv/lib/python3.11/site-packages/botocore-1.12.0.dist-info",
    pids=(4711, 4712),
    sdk=SdkUse(None, None, ("/srv/app/venv/lib/python3.11/site-packages/botocore-1.12.0.dist-info",), 3),
)
GO = SdkSoftware(
    "aws-sdk-go-v1",
    "go",
    "github.com/aws/aws-sdk-go",
    None,
    "names of functions",
    "/usr/bin/rclone",
    container="web",
    also_in=("api-7d9f/api",),
    container_ids=("web" * 21 + "w", "api" * 21 + "a"),
    sdk=SdkUse("1.25.38", None, ("/usr/bin/rclone",), 1),
)
DEBIANS_AGENT = replace(SSM_AGENT, manager="dpkg", version="3.3.987.0-1", source="dpkg database")
SOFTWARE = (DEBIANS_AGENT, OLD_CLOUD_INIT, BOTOCORE, GO)
# Called within the window of a run of that day.
CALLER = replace(CALLED, first_seen="2026-11-21T04:00:00Z", last_seen="2026-11-22T22:13:20Z")
V2 = replace(CALLER, version="v2", program="/usr/bin/amazon-ssm-agent", unit="amazon-ssm-agent.service", count=340)
# What a run without root does not see.
NO_NFT = "nftables: nft: Operation not permitted (you must be root); needs root (CAP_NET_ADMIN)"
UNREAD = tuple(NotRead(f"process {pid}", HIDDEN, pids=(pid,)) for pid in (1, 412, 733))
INCOMPLETE = (
    fell_short("dpkg", "failed", "Permission denied: /var/lib/dpkg/status"),
    fell_short("obstacles", "partial", NO_NFT),
    fell_short("sdks", "partial", "3 processes could not be inspected: run as root"),
    fell_short("containers", "skipped", "the run's time limit came first"),
)


UNWATCHED_BOOT = replace(BOOT, began_s=41.0, from_start=False, watched_s=BOOT_S - 41)


def watched(*by: CallerSeen, observed_s: float = WINDOW_S) -> Callers:
    """Two weeks in which these called."""
    callers = callers_of(
        by,
        window_s=WINDOW_S,
        observed_s=observed_s,
        needed_coverage=0.99,
        dropped=0,
        watched_until="2026-11-23T00:00:00Z",
    )
    # For an hour, nobody has watched the boot.
    return replace(callers, boots=(BOOT if observed_s == WINDOW_S else UNWATCHED_BOOT,))


def unprivileged(facts: Facts) -> Facts:
    """The same host, inspected without root and in too little time."""
    facts = changed(facts, host=DEBIAN, software=(), containers=None, collectors=INCOMPLETE, privileged=False)
    return with_code(not_read=UNREAD, facts=facts)


def switched(facts: Facts) -> Facts:
    """The same host where tokens are required."""
    return changed(facts, imds=replace(facts[Imds], tokens="required"))


SWITCHED_CLEAN = replace(SWITCHED, watched=WatchedSince(86_000.0))
JOB = {"script": "/opt/register.sh", "started_by": "cron", "unit": "cron.service", "path_class": "identity"}

FOUND: dict[str, Callable[[], Facts]] = {
    "ready": lambda: FACTS,
    "ready-watched": lambda: changed(
        with_containers(*REACHED, limit=2),
        callers=watched(V2),
    ),
    "ready-accepted": lambda: changed(
        with_code(not_read=(PACKED,)),
        host=DEBIAN,
        software=(OLD_CLOUD_INIT,),
        acceptances=Acceptances(
            "2026-11-23",
            (
                Acceptance(
                    "software-too-old",
                    "cloud-init",
                    "this host never boots again",
                    "team-os",
                    "2027-01-31",
                    "/etc/a.toml:1",
                ),
                Acceptance("code-not-read", "*", "the vendor says so", "team-app", "2026-12-01", "/etc/a.toml:8"),
                Acceptance("imdsv1-caller", "old.service", "ends in May", "team-app", "2027-05-31", "/etc/a.toml:15"),
            ),
            (
                UnusableAcceptance(
                    "/etc/a.toml:22", "owner", "is missing", 'Add a line such as owner = "team-storage".'
                ),
            ),
        ),
    ),
    "ready-switched": lambda: switched(
        changed(with_containers(*REACHED, limit=2), callers=watched(V2), switched=SWITCHED_CLEAN)
    ),
    "needs-hop-limit": lambda: changed(with_containers(*CONTAINERS), callers=watched(V2, observed_s=3600.0)),
    "needs-hop-limit-far": lambda: changed(with_containers(*FAR), callers=watched(V2)),
    "needs-hop-limit-switched": lambda: switched(with_containers(*CONTAINERS)),
    "not-ready": lambda: changed(FACTS, host=DEBIAN, software=(OLD_CLOUD_INIT,)),
    "not-ready-much": lambda: changed(
        with_containers(*CONTAINERS), host=DEBIAN, software=SOFTWARE, callers=watched(CALLER, V2)
    ),
    "not-ready-code": lambda: with_code(
        BACKUP,
        replace(AGENT, package="agent 1.2-1 (dpkg)", owner_uid=1000),
        replace(AGENT, path="/srv/app/app.jar", form="jar", speaks="both"),
        replace(BACKUP, path="/opt/old/region.sh", line=3, runs="lies", started_by=()),
        replace(BACKUP, path="/var/lib/cloud/instance/user-data.txt", line=2, runs="once", started_by=()),
        not_read=(PACKED,),
        facts=changed(FACTS, host=DEBIAN, software=(DEBIANS_AGENT,)),
    ),
    "unknown-code": lambda: with_code(not_read=(PACKED,)),
    "not-ready-switched": lambda: switched(
        changed(
            FACTS, host=DEBIAN, software=(OLD_CLOUD_INIT,), callers=watched(replace(CALLER, count=12, refused=12), V2)
        )
    ),
    "not-ready-refused-switched": lambda: since(
        FOR_GOOD, as_caller(RECOVERED, unit="agent.service"), as_caller(FOR_GOOD, **JOB)
    ),
    "unknown": lambda: unprivileged(
        with_imds(hop_limit=None, hop_limit_method="unknown", tokens="unknown", tokens_method="not-answered")
    ),
    "unknown-switched": lambda: switched(unprivileged(FACTS)),
    "unknown-elsewhere": lambda: changed(
        FACTS,
        platform=Platform(False, "DMI: sys_vendor is QEMU"),
        imds=None,
        instance=None,
        containers=None,
        software=(),
    ),
}


def _whole(name: str) -> Callable[[], Facts]:
    return lambda: whole(FOUND[name]())


# All that a run would have collected on such a host, whatever the case is about.
CASES = {name: _whole(name) for name in FOUND}


def golden_report(name: str, facts: Facts | None = None) -> Report:
    """One of them, or of these facts in place of its own, without anything that is measured."""
    report = report_of(CASES[name]() if facts is None else facts)
    asked = report.facts.get(Imds) is not None
    return replace(
        report,
        probe=replace(
            PROBE,
            duration_ms=1234.5,
            privileged=report.facts.privileged,
            imdsv1_requests_made=1 if asked else 0,
            imdsv2_requests_made=3 if asked else 0,
        ),
        rules=tuple(replace(run, duration_ms=0.1) for run in report.rules),
    )


def without_own(document: str) -> str:
    """A page without its style and its script, which are files of their own, and without their digests."""
    without = re.sub(r"(<(style|script)>).*?(?=</\2>)", r"\1", document, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]{44}", "sha256-", without)


def files(name: str) -> dict[Path, str]:
    """What each file of one of them must hold."""
    report = golden_report(name)
    return {
        DIRECTORY / f"{name}.txt": text.render(report, text.Style()),
        DIRECTORY / f"{name}.json": dump(report) + "\n",
        DIRECTORY / f"{name}.html": without_own(html.render(report)),
    }


def all_files() -> dict[Path, str]:
    """The same for all."""
    return {path: held for name in CASES for path, held in files(name).items()}


if __name__ == "__main__":
    wanted = all_files()
    DIRECTORY.mkdir(exist_ok=True)
    for path in set(DIRECTORY.iterdir()) - set(wanted):
        path.unlink()
    for path, held in wanted.items():
        path.write_text(held)
