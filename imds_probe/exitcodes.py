"""Exit codes, stable from the first release.

168, 169 and 194 are never used: the SSM agent takes them as orders (skip the remaining steps, reboot the host).
"""

READY = 0
NOT_READY = 1
USAGE = 2
UNKNOWN = 3
NEEDS_HOP_LIMIT = 4
BUG = 70  # EX_SOFTWARE in <sysexits.h>
NOT_WRITTEN = 74  # EX_IOERR: the output is not where it was to go
SWITCHED_OFF = 77  # EX_NOPERM: /etc/imds-probe/disabled exists
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
