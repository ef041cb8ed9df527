"""`python -m imds_probe` and the imds-probe command."""

from __future__ import annotations

import sys

from imds_probe.commands.dispatch import main

if __name__ == "__main__":
    sys.exit(main())
