"""The kinds of findings on installed packages."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import (
    AN_INSTANCE,
    ANSWERING,
    AS_ROOT,
    CATALOG,
    LONGER_WINDOW,
    MORE_TIME,
    OWNER,
    REHEARSAL,
    UPGRADE,
    WHOLE_BOOT,
    WINDOW,
)

READABLE = "a setting that imds-probe can read"
REPAIRED = "a repair of the quoted file or command"
SOFTWARE_TOO_OLD = Kind(
    id="software-too-old",
    severity="blocker",
    implies="not-ready",
    title="An installed package speaks only IMDSv1",
    meaning="The package is older than the first version that asks for a token, or its own code was read and asks for none. Once "
    "tokens are required, its metadata calls are answered with 401: the program receives no credentials, no region and no user "
    "data.",
    cure="Upgrade the package. `imds-probe run --output json` lists the version it needs, and the source of that number.",
    sources=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
)
SOFTWARE_TOO_OLD_SILENT = Kind(
    id="software-too-old-silent",
    severity="warning",
    title="An installed library speaks only IMDSv1, and no program was seen to call IMDSv1 with it",
    meaning="The package is a library that is older than the first version that asks for a token. All processes that have it "
    "loaded were started within the window that was watched, and nobody called IMDSv1 in that window. The watch outweighs the "
    "version. A program that starts later, or less often than the window is long, may still call IMDSv1. The confidence of the "
    "verdict therefore stays below high.",
    cure="Upgrade the package, so that a later use of it does not break.",
)
SOFTWARE_NEEDS_SETTING = Kind(
    id="software-needs-setting",
    severity="blocker",
    implies="not-ready",
    title="An installed package uses IMDSv2 only with a setting",
    meaning="This version can speak IMDSv2, but it does so only with a setting that is not in force. Without the setting, the "
    "package asks without a token, and receives no metadata once tokens are required.",
    cure="Set the key as the finding says, restart the program, and run imds-probe again.",
)
SOFTWARE_UNUSED = Kind(
    id="software-unused-imdsv1",
    severity="warning",
    title="An installed package asks without a token, and nothing starts that part of it",
    meaning="The package's own files were read, and they ask without a token. The catalog says that the package also serves "
    "other purposes. "
    "No process has loaded the part that asks, and no schedule, unit or boot script that was read starts it. Somebody "
    "may start it by hand, and so may the user data of a new instance.",
    cure="Upgrade the package, or make sure that nobody calls its programs that ask for metadata.",
)
SOFTWARE_IDLE = Kind(
    id="software-unused-unknown",
    severity="warning",
    title="An installed package may not speak IMDSv2, and nothing starts it",
    meaning="The catalog says that the package asks for metadata only if something is so on the host, and has no version that "
    "decides. The package's own files were read, and do not decide either. No process has loaded a part of it that asks, and no "
    "schedule, unit or boot script that was read starts one. Somebody may start it by hand, and so may the user data of a "
    "new instance.",
    cure="Upgrade the package, or make sure that nobody starts it.",
)
SOFTWARE_LIES = Kind(
    id="software-library-unused",
    severity="warning",
    title="A distribution's library does not speak IMDSv2, and nothing uses it",
    meaning="The package is a library, and calls the metadata service only if a program loads it. No process has loaded it or has "
    "it on its search path. Nothing that a schedule, a unit or the boot starts loads it either. Somebody may "
    "still load it by hand.",
    cure="Upgrade or remove the package when you can.",
)
SOFTWARE_UNSERVED = Kind(
    id="software-unserved",
    severity="warning",
    title="An installed package speaks only IMDSv1 where no metadata is served",
    meaning="The package does not ask for a token, or does so only with a setting that is not in force. The metadata service does "
    "not answer where the package is: the service is turned off, or the container is cut off from it. The switch therefore "
    "takes nothing away. If the service answers there later and tokens are required, the program receives no metadata.",
    cure="Upgrade the package, or apply the setting, before the service is turned on or the container is let through to it.",
)
SOFTWARE_UNKNOWN = Kind(
    id="software-unknown",
    severity="warning",
    implies="unknown",
    title="IMDSv2 support of an installed package is not known",
    meaning="The catalog does not show whether this version speaks IMDSv2, or imds-probe could not read the setting that "
    "decides it. There are three reasons why the catalog may not show it: the version is lower than upstream's first one with "
    "IMDSv2, but the distribution may have patched it; the vendor never named the first version; or the version could not be "
    "compared with the first one. A guess could break the host, so the verdict counts the package as unknown. The evidence says "
    "what the package's own code and changelog showed, or that they were not read.",
    cure="If a setting could not be read, make it readable, or run as root. Otherwise upgrade the package, or watch the host: "
    "`systemctl enable --now imds-probe-daemon`, and restart the package's programs once while the daemon watches. The finding "
    "disappears once a whole window was watched without a call by IMDSv1.",
    settled_by=(READABLE, AS_ROOT, UPGRADE, CATALOG, WINDOW, LONGER_WINDOW, WHOLE_BOOT, AN_INSTANCE, REHEARSAL, OWNER),
)
SOFTWARE_SETTLED = Kind(
    id="software-settled",
    severity="info",
    title="An installed package is cleared by stronger evidence than its version",
    meaning="The catalog has no minimum for this version of the package, or the version is below the minimum. Stronger evidence "
    "shows that the switch does not break the package, and the finding names that evidence. It is one of seven kinds: "
    "the package's own code asks for a token; its changelog says that support for IMDSv2 was added; its processes started in the "
    "watched window, and nobody called IMDSv1 in that window; its processes asked with a token in a rehearsal; it is part of a "
    "system's image, and a whole boot and a whole window were watched without a call by IMDSv1; nothing is known to start it, and "
    "a boot and a window were watched in the same way; no metadata is served where the package is.",
    cure="Nothing has to be done on this host. If the evidence contradicts what the catalog says of this version, tell the "
    "maintainers of imds-probe that the catalog's row is wrong.",
)
SOFTWARE_FIGURE_INFERRED = Kind(
    id="software-figure-inferred",
    severity="info",
    title="The minimum version of an installed package is inferred, not verified",
    meaning="The catalog's minimum version of this package was concluded from indirect evidence, for example from the day on which "
    "a change was merged. Nobody has inspected the release itself. The installed version is not lower, so the verdict counts the "
    "package as new enough.",
    cure="To be sure, watch the host before the switch until the package has asked for metadata. `imds-probe "
    "run --watch 1h` is enough for a program that asks every few minutes. If only a boot starts the program, as with cloud-init, "
    "enable the daemon (`systemctl enable --now imds-probe-daemon`), reboot the host, and run imds-probe again.",
)
PACKAGE_MANAGER_FAILED = Kind(
    id="package-manager-failed",
    severity="warning",
    implies="unknown",
    title="Installed packages or their settings could not be read",
    meaning="A package manager is present on the host or in a container, but it gave no proper answer: its database is damaged "
    "or locked, its tool is missing, or rights or time ran out. An unread database is not an empty one.",
    cure="Repair the fault that the evidence names. If the evidence quotes a command, run the command by hand to see its whole "
    "message. If a permission was missing, run imds-probe as root. If the time ran out, give the run more time with --timeout.",
    settled_by=(AS_ROOT, MORE_TIME, ANSWERING, REPAIRED, OWNER),
)
USERS_SOFTWARE_UNREAD = Kind(
    id="users-software-unread",
    severity="warning",
    title="Packages in a user's own container could not be read",
    meaning="An unprivileged user made this container, and can make its package database unreadable. No user may hold up the "
    "switch in this way. The unread packages therefore only lower the confidence of the verdict. A program in the container may "
    "speak only IMDSv1.",
    cure="Ask the user what runs there, or watch the host: `imds-probe run --watch 1h` sees whether the container calls IMDSv1.",
)
SILENT_IMAGE = "a boot that is watched whole, and a watched window, without a call by IMDSv1"
NO_PACKAGE_MANAGER = Kind(
    id="no-package-manager",
    severity="warning",
    implies="unknown",
    title="No package database was found",
    meaning="imds-probe found no database of a package manager. If imds-probe runs in a distroless container, the option "
    "--root with the host's root is missing. "
    "Bottlerocket, Flatcar and Talos have no such database, because their software is part of their image. imds-probe does not "
    "read the package managers of Arch, Gentoo, Guix, NixOS, Slackware and Void. The versions of the installed software are not "
    "known there, so no verdict can rest on them.",
    cure="Run on the host itself, or mount the host's root in the container and name it with --root. On the systems named above, "
    "ask the maintainer of the image whether its software uses IMDSv2. If it does, accept the risk of this finding ([[accept]]).",
    settled_by=("a run on the host itself, or with its root named (--root)", SILENT_IMAGE, OWNER),
)

KINDS = (
    SOFTWARE_TOO_OLD,
    SOFTWARE_TOO_OLD_SILENT,
    SOFTWARE_NEEDS_SETTING,
    SOFTWARE_UNUSED,
    SOFTWARE_IDLE,
    SOFTWARE_LIES,
    SOFTWARE_UNSERVED,
    SOFTWARE_UNKNOWN,
    SOFTWARE_SETTLED,
    SOFTWARE_FIGURE_INFERRED,
    PACKAGE_MANAGER_FAILED,
    USERS_SOFTWARE_UNREAD,
    NO_PACKAGE_MANAGER,
)
