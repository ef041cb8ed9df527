"""The kinds of findings on AWS SDKs."""

from __future__ import annotations

from imds_probe.findings import Kind

SDK_TOO_OLD = Kind(
    id="sdk-too-old",
    severity="blocker",
    implies="not-ready",
    title="A running program uses an AWS SDK that speaks only IMDSv1",
    meaning="The SDK that a process has loaded, or finds where it looks for libraries, is older than the first version "
    "that asks for a token. Once tokens are required it gets no credentials from the instance's role. For Python, "
    "Node, Ruby and PHP it is not visible which libraries a process has really read, only which it would find; a "
    "Python that has not even loaded TLS is taken to use none.",
    cure="Upgrade it where the finding says, and restart the processes. `imds-probe run --output json` lists all places.",
    sources=("EC2 User Guide: Use a supported AWS SDK", "imds-probe catalog --sources SDK"),
)
SDK_TOO_OLD_UNASKED = Kind(
    id="sdk-too-old-unasked",
    severity="warning",
    title="An old AWS SDK that gets its credentials elsewhere",
    meaning="It speaks only IMDSv1, but the environment of every process that uses it says that credentials come from "
    "elsewhere, or turns the metadata service off. Then the switch does not concern it; a region or an instance id "
    "that it asks for would still be missed.",
    cure="Upgrade it when you can.",
)
SDK_ON_DISK_TOO_OLD = Kind(
    id="sdk-on-disk-too-old",
    severity="warning",
    title="An old AWS SDK on disk",
    meaning="It lies where applications are kept, and no running process uses it. A job that is started now and then "
    "may: what does not run now cannot be seen.",
    cure="Upgrade or remove it, or see that whatever uses it needs no metadata.",
)
SDK_UNKNOWN = Kind(
    id="sdk-unknown",
    severity="warning",
    implies="unknown",
    title="An AWS SDK of which it is not known",
    meaning="Its version could not be read, or only narrowed down, or the catalog has no sourced minimum for it. A guess "
    "could break the host, so it counts as unknown.",
    cure="Look the version up in what the application was built from. A catalog file of your own can state a minimum: "
    "see `imds-probe catalog --help`.",
)
SDK_FALLS_BACK = Kind(
    id="sdk-falls-back",
    severity="blocker",
    implies="needs-hop-limit",
    title="An SDK that falls back to IMDSv1, because its token is lost",
    meaning="The SDK speaks IMDSv2, but the token response's hop limit is too low for the container that it runs in: the "
    "response never arrives, and the SDK quietly uses IMDSv1 instead, often after waiting for a second or more. It "
    "works today and breaks on the day of the switch.",
    cure="Raise the hop limit with the switch, as the command says; or give the container credentials of its own (IRSA, "
    "Pod Identity, an ECS task role) and AWS_EC2_METADATA_DISABLED=true.",
    sources=("EC2 User Guide: Instance metadata options, hop limit",),
)
SDKS_NOT_SEEN = Kind(
    id="sdks-not-seen",
    severity="warning",
    implies="unknown",
    title="AWS SDKs not seen",
    meaning="Some processes could not be looked at, for lack of rights or time, so that an old SDK may be among them.",
    cure="Run as root, and on the host itself; give it more time with --timeout.",
)
SDK_SEARCH_CUT_SHORT = Kind(
    id="sdk-search-cut-short",
    severity="info",
    title="The search on disk was cut short",
    meaning="What running processes use is always looked at. The search for SDKs that lie on disk has a budget of time and "
    "files, so that the probe can run every hour; it was used up.",
    cure="Run `imds-probe run --deep` once, with further directories where applications are kept elsewhere.",
)

KINDS = (
    SDK_TOO_OLD,
    SDK_TOO_OLD_UNASKED,
    SDK_ON_DISK_TOO_OLD,
    SDK_UNKNOWN,
    SDK_FALLS_BACK,
    SDKS_NOT_SEEN,
    SDK_SEARCH_CUT_SHORT,
)
