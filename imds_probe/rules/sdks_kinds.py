"""The kinds of findings on AWS SDKs."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import ANSWERING, AS_ROOT, CATALOG, MORE_TIME, ON_HOST, OWNER, REHEARSAL, UPGRADE, WINDOW

SDK_TOO_OLD = Kind(
    id="sdk-too-old",
    severity="blocker",
    implies="not-ready",
    title="A program that runs or will be started uses an AWS SDK that speaks only IMDSv1",
    meaning="A process has loaded this SDK, or has it on its search path for libraries, or a schedule or a boot will start a "
    "program that loads an archive (a jar, a zipapp) with this SDK in it. The SDK is older than the first version "
    "that asks for a token. Once tokens are required, the SDK receives no credentials from the instance's role. A process of "
    "Python, Node, Ruby or PHP does not show which libraries it has read, only which it would find. A Python process that "
    "has not loaded TLS is taken to use no SDK, unless its own code imports one.",
    cure="Upgrade the SDK in the places that the finding names, and restart the processes. `imds-probe run --output json` "
    "lists all places.",
    sources=("EC2 User Guide: Use a supported AWS SDK", "imds-probe catalog --sources SDK"),
)
SDK_TOO_OLD_UNASKED = Kind(
    id="sdk-too-old-unasked",
    severity="warning",
    title="An old AWS SDK is in use, but its credentials come from elsewhere",
    meaning="The SDK speaks only IMDSv1. The environment of every process that uses the SDK says that credentials come from "
    "elsewhere, or turns metadata off. The switch then takes no credentials away. A process that asks the metadata service "
    "for a region or an instance id would still fail.",
    cure="Upgrade the SDK when you can.",
)
SDK_TOO_OLD_SILENT = Kind(
    id="sdk-too-old-silent",
    severity="warning",
    title="An old AWS SDK is in use, but made no call by IMDSv1 while it was watched",
    meaning="The SDK speaks only IMDSv1. Every process that uses it was started within the window that was watched (watch.window) "
    "and has run for at least a day since (half of the window if the window is shorter than two days). Nobody called IMDSv1 in the "
    "window, and that outweighs the version. The program may still call for a task that did not come round in the window. The "
    "confidence of the verdict is therefore never high.",
    cure="Upgrade the SDK when you can, or make sure that the program needs no metadata.",
)
SDK_UNSERVED = Kind(
    id="sdk-unserved",
    severity="warning",
    title="An old AWS SDK is in use where no metadata is served",
    meaning="The SDK does not ask for a token, or does so only with a setting that is not in force. The metadata service does not "
    "answer where the programs that use it run: the service is turned off, or the container is cut off from it. The switch "
    "therefore takes nothing away. If the service answers there later and tokens are required, the SDK receives no metadata.",
    cure="Upgrade the SDK before the service is turned on, or the container is let through to it.",
)
SDK_SETTLED = Kind(
    id="sdk-settled",
    severity="info",
    title="An AWS SDK is cleared by stronger evidence than its version",
    meaning="The version of the SDK does not show whether it speaks IMDSv2, or the catalog says that the version is too old. "
    "Stronger evidence shows that the switch does not break the programs that use the SDK, and the finding names that evidence. "
    "It is one of four kinds: the SDK's own code asks for a token; its processes started in the watched window, and nobody called "
    "IMDSv1 in that window; its processes asked with a token in a rehearsal; no metadata is served where they run.",
    cure="Nothing has to be done on this host. If the evidence contradicts what the catalog says of this version, tell the "
    "maintainers of imds-probe that the catalog's row is wrong.",
)
SDK_ON_DISK_TOO_OLD = Kind(
    id="sdk-on-disk-too-old",
    severity="warning",
    title="An AWS SDK on disk speaks only IMDSv1",
    meaning="The SDK is installed where applications are kept, and no running process uses it. A scheduled job may use it "
    "later: imds-probe sees only the processes that run now.",
    cure="Upgrade or remove the SDK, or make sure that the application that uses it needs no metadata.",
)
SDK_UNKNOWN = Kind(
    id="sdk-unknown",
    severity="warning",
    implies="unknown",
    title="IMDSv2 support of an AWS SDK in use is not known",
    meaning="The SDK's version could not be read or could only be narrowed down, or the catalog has no minimum version with a "
    "source for the SDK. A guess could break the host, so the verdict counts the SDK as unknown.",
    cure="Look up the version in the application's list of dependencies, and the first version that speaks IMDSv2 with `imds-probe "
    "catalog NAME`. If the version in use is too old, upgrade it. If it is new enough and imds-probe cannot read it, rehearse the "
    "program (`imds-probe rehearse`), or accept the risk of the finding ([[accept]]). If the catalog has no minimum version, state "
    "one in a catalog file of your own (`imds-probe run --catalog FILE`; docs/catalog.md shows the form).",
    settled_by=(UPGRADE, CATALOG, WINDOW, REHEARSAL, OWNER),
)
SDK_FIGURE_INFERRED = Kind(
    id="sdk-figure-inferred",
    severity="info",
    title="The minimum version of a library in use is inferred, not verified",
    meaning="The catalog's minimum version of this library was concluded from indirect evidence, for example from the day on "
    "which a change was merged. Nobody has inspected the release itself. The version in use is not lower, so the verdict counts "
    "the library as new enough.",
    cure="To be sure, start `imds-probe run --watch 1h` before the switch, and restart the program during the watch: an SDK asks "
    "for metadata when its program first needs it. The report says whether the program called IMDSv1.",
)
SDK_FALLS_BACK = Kind(
    id="sdk-falls-back",
    severity="blocker",
    implies="needs-hop-limit",
    title="An AWS SDK speaks IMDSv2 but receives no token",
    meaning="The SDK speaks IMDSv2, but the hop limit is too low for its container, so the token response never arrives. Most "
    "SDKs then use IMDSv1 without a word, often after a second or more. They work today and break on the day of the switch. "
    "Other SDKs never fall back, and have no metadata already.",
    cure="Raise the hop limit with the switch, as the command does. Or give the container credentials of its own (IRSA, Pod "
    "Identity, an ECS task role) and set AWS_EC2_METADATA_DISABLED=true there.",
    sources=("EC2 User Guide: Instance metadata options, hop limit",),
)
SDKS_NOT_SEEN = Kind(
    id="sdks-not-seen",
    severity="warning",
    implies="unknown",
    title="Some running programs could not be inspected for AWS SDKs",
    meaning="imds-probe lacked the rights or the time to inspect some processes, or could not list them, as below a root without "
    "/proc. One of them may use an old SDK.",
    cure="Run as root on the host itself. Give the run more time with --timeout if its time limit came first. If a process does "
    "not answer, restart it.",
    settled_by=(AS_ROOT, ON_HOST, MORE_TIME, ANSWERING, OWNER),
)
SDK_SEARCH_CUT_SHORT = Kind(
    id="sdk-search-cut-short",
    severity="info",
    title="The search for AWS SDKs on disk did not cover everything",
    meaning="Running processes are always inspected. The search for SDKs on disk has a budget of time and files, so that the "
    "probe can run every hour. It also leaves out directories that it cannot read, network file systems and the storage of "
    "containers. The finding names what was left out.",
    cure="Run `imds-probe run --deep` once. It searches every local file system without a budget. Where applications are on "
    "network file systems, add their directories: `imds-probe run --deep /mnt/efs`.",
)

KINDS = (
    SDK_TOO_OLD,
    SDK_TOO_OLD_UNASKED,
    SDK_TOO_OLD_SILENT,
    SDK_UNSERVED,
    SDK_SETTLED,
    SDK_ON_DISK_TOO_OLD,
    SDK_UNKNOWN,
    SDK_FIGURE_INFERRED,
    SDK_FALLS_BACK,
    SDKS_NOT_SEEN,
    SDK_SEARCH_CUT_SHORT,
)
