"""The kinds of findings on code that was read."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import (
    AN_INSTANCE,
    ANSWERING,
    AS_ROOT,
    CATALOG,
    LONGER_WINDOW,
    MORE_TIME,
    ON_HOST,
    OWNER,
    REHEARSAL,
    SILENT_WINDOW,
    WHOLE_BOOT,
    WINDOW,
)

STARTED_AGAIN = "a restart of the programs whose files were replaced or removed"
SHORTER = "shorter files, or fewer entries, units and files, where only a part was read"
FEWER = "fewer programs and schedules, so that the report has room for all"
IN_NO_NEED = "a run while the host has memory and disk space left"
INSTALLED_AGAIN = "a reinstallation of the programs whose files are damaged"
_USE_V2 = "EC2 User Guide: Use the Instance Metadata Service to access instance metadata"

CODE_IMDSV1 = Kind(
    id="code-imdsv1",
    severity="blocker",
    implies="not-ready",
    title="Code that runs, or that something starts, asks without a token",
    meaning="The code of a program was read. It requests metadata of EC2, and no part of it asks for a token. A process has loaded "
    "the code, or a schedule, a unit or a boot starts it. Once tokens are required, its requests are answered with 401. The code "
    "counts for more than a package's version, and for more than a watch that saw no call: the part that asks may run rarely.",
    cure="Change the code as the finding says. For a package, install a version that asks for a token. For a program without "
    "source, ask its vendor or the owner of the file. `imds-probe watch --v1-only` shows each call that is still made.",
    sources=(_USE_V2,),
)
CODE_IMDSV1_UNSERVED = Kind(
    id="code-imdsv1-unserved",
    severity="warning",
    title="Code asks without a token where no metadata is served",
    meaning="The code of a program was read and asks without a token. The metadata service does not answer where the program "
    "runs: the service is turned off, the container is cut off from it, a packet rule keeps the program's user from it, or the "
    "settings of the program's unit do (PrivateNetwork=, IPAddressDeny=, RestrictAddressFamilies=). "
    "The switch therefore takes nothing away. If the service answers there later and tokens are required, the program receives no "
    "metadata.",
    cure="Change the code before the service is turned on, or the container, the user or the unit is let through to it.",
)
CODE_IMDSV1_AT_LOGIN = Kind(
    id="code-imdsv1-at-login",
    severity="warning",
    title="A package has code that asks without a token, and only a login may start it",
    meaning="The code was read, and it asks the metadata service without a token. It belongs to a distribution's package. Only a "
    "file that shells read at login starts it, often only for users who turned the feature on, such as byobu's status line. Once "
    "tokens are required, the code has no metadata to show. No service depends on it.",
    cure="Upgrade the package, or make sure that nobody needs what it shows.",
)
CODE_IMDSV1_ONCE = Kind(
    id="code-imdsv1-once",
    severity="warning",
    title="Code that ran once on this host asks without a token",
    meaning="User data and scripts for each instance run once, at the first boot. On this host they have run, and the switch "
    "does not affect them. A new instance of the same template runs them again. They fail there if the template requires tokens.",
    cure="Change the user data or the script in the template or image. Do so before the template or image requires tokens.",
    sources=(_USE_V2,),
)
CODE_ON_DISK_IMDSV1 = Kind(
    id="code-on-disk-imdsv1",
    severity="warning",
    title="Code on disk asks without a token, and nothing starts it",
    meaning="The code was read, and it asks the metadata service without a token. No process has loaded it, and no schedule "
    "that was read starts it. Somebody may start it by hand, or a program may load it later.",
    cure="Change or remove the code, or make sure that nobody needs it.",
)
CODE_NAMED_IMDSV1 = Kind(
    id="code-named-imdsv1",
    severity="warning",
    implies="unknown",
    title="Code asks without a token, and settings of other software name it",
    meaning="The code was read, and it asks the metadata service without a token. No process has loaded it, and no schedule "
    "that was read starts it. A file of settings that only root can write names it, and imds-probe does not know the software "
    "that reads this file. That software may start the code, so the verdict is unknown.",
    cure="Change the code so that it asks for a token, or watch the host: `systemctl enable --now imds-probe-daemon`. The finding "
    "becomes a warning once a whole window was watched without a call by IMDSv1. Or ask whoever wrote the settings what they "
    "start.",
    settled_by=(SILENT_WINDOW, AN_INSTANCE, OWNER),
)
CODE_UNDECIDED = Kind(
    id="code-undecided",
    severity="warning",
    implies="unknown",
    title="Code contains requests with and without a token",
    meaning="The code of a program was read. One part asks for a token, and another has the address of the service and no sign "
    "of a token. Reading does not tell which part is used. A guess could break the host, so the verdict counts the program as "
    "unknown.",
    cure="Watch the host: `systemctl enable --now imds-probe-daemon`, and restart the program once while the daemon watches. "
    "The finding disappears once a whole window was watched without a call by IMDSv1. If a boot starts the code, reboot the host "
    "once while the daemon is enabled. If the code starts at no set time, a watch cannot clear it: ask the owner of the program.",
    settled_by=(WINDOW, LONGER_WINDOW, WHOLE_BOOT, AN_INSTANCE, REHEARSAL, CATALOG, OWNER),
)
CODE_NOT_READ = Kind(
    id="code-not-read",
    severity="warning",
    implies="unknown",
    title="Running programs could not be read, and nothing else shows whether they ask for a token",
    meaning="imds-probe did not read the code of these programs, read only a part of it, or could not list the programs, as below "
    "a root without /proc. On a host that is short of memory or disk space, it reads no code and no schedule. The finding names "
    "the reason for each. The catalog does not know the programs, and no watch has shown yet how they ask. One of them may ask "
    "without a token.",
    cure="Remove the reason where that is possible: run as root, give the run more time with --timeout, or free memory and disk "
    "space. Otherwise watch the host: `systemctl enable --now imds-probe-daemon`, and restart the programs once while the daemon "
    "watches. If a boot starts them, reboot the host once. The finding disappears once a whole window was watched without a call "
    "by IMDSv1. Or ask the owners of the programs.",
    settled_by=(
        *(AS_ROOT, ON_HOST, MORE_TIME, ANSWERING, STARTED_AGAIN, INSTALLED_AGAIN, SHORTER, FEWER, IN_NO_NEED),
        *(WINDOW, LONGER_WINDOW, WHOLE_BOOT, AN_INSTANCE, REHEARSAL, OWNER),
    ),
)
CODE_NOT_READ_OF_USERS = Kind(
    id="code-not-read-of-users",
    severity="warning",
    title="Programs of users could not be read",
    meaning="Unprivileged users run these programs under their own accounts or in their own containers, and the programs were not "
    "read. Any user can start a program that cannot be read, and no user may hold up the switch in this way. The unread programs "
    "therefore only lower the confidence of the verdict. One of them may ask without a token.",
    cure="Ask the users what the programs are, or watch the host: `imds-probe run --watch 1h` sees whether they call IMDSv1.",
)
CODE_SETTLED = Kind(
    id="code-settled",
    severity="info",
    title="A program is cleared by evidence other than its code",
    meaning="Some programs could not be read, or their code has requests without a token. Other evidence shows that the switch "
    "does not break them. The finding names that evidence for each program. It is one of five kinds: a whole window was watched "
    "without a call by IMDSv1; the program asked with a token in a rehearsal; its version speaks IMDSv2; no metadata is served "
    "where the program runs; its credentials come from elsewhere.",
    cure="Nothing has to be done.",
)

KINDS = (
    CODE_IMDSV1,
    CODE_IMDSV1_UNSERVED,
    CODE_IMDSV1_AT_LOGIN,
    CODE_IMDSV1_ONCE,
    CODE_NAMED_IMDSV1,
    CODE_ON_DISK_IMDSV1,
    CODE_UNDECIDED,
    CODE_NOT_READ,
    CODE_NOT_READ_OF_USERS,
    CODE_SETTLED,
)
