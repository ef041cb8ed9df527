"""Exit codes, which never change their meaning, each with its meaning for the reference page.

168, 169 and 194 are never used: the SSM agent takes them as orders (skip the remaining steps, reboot the host).
"""

from collections.abc import Mapping

READY = 0
NOT_READY = 1
USAGE = 2  # wrong usage or configuration, and nothing else: trying again will not help
UNKNOWN = 3
NEEDS_HOP_LIMIT = 4
UNAVAILABLE = 69  # EX_UNAVAILABLE in <sysexits.h>: a full disk, a missing right, a file that cannot be used
BUG = 70  # EX_SOFTWARE
NOT_WRITTEN = 74  # EX_IOERR: the output is not where it was to go
HELD = 75  # EX_TEMPFAIL: another process has what is needed
SWITCHED_OFF = 77  # EX_NOPERM: /etc/imds-probe/disabled exists
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

# Sentences as the reference page has them, in the order of the codes.
MEANINGS: Mapping[int, str] = {
    READY: "The verdict is `ready`. For other commands than `run` and `judge`: done.",
    NOT_READY: "The verdict is `not-ready`: something has to change first. The report says what and how.",
    USAGE: "Wrong usage or configuration. Trying again does not help.",
    UNKNOWN: "The verdict is `unknown`: not enough could be seen to call the host ready. The report names the gaps.",
    NEEDS_HOP_LIMIT: "The verdict is `needs-hop-limit`: the switch must raise the hop limit too.",
    UNAVAILABLE: "A problem on the host: a missing permission, a full disk, an unusable state directory.",
    BUG: "A bug in imds-probe. Standard error has the text for a bug report.",
    NOT_WRITTEN: "The output could not be written, for example to a full disk. The report was sent to the sinks all the same.",
    HELD: "Another process holds what imds-probe needs, for example the lock of the daemon, or rehearses the host. "
    "Trying again later may help.",
    SWITCHED_OFF: "imds-probe is switched off on this host: `/etc/imds-probe/disabled` exists. There is no report.",
    INTERRUPTED: "Ctrl-C, or the reader of standard output has left. `run` ends with the code of its verdict then.",
}
