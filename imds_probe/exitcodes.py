"""Exit codes, stable from the first release.

168, 169 and 194 are never used: the SSM agent takes them as orders (skip the remaining steps, reboot the host).
"""

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
