"""A program that cargo-auditable has written down the crates of."""

from __future__ import annotations

import json
import zlib

import elves

PACKAGE, VERSION = "aws-config", "1.1.2"
PROGRAM = "/usr/local/bin/app"
ARGUMENTS = ("app",)
_CRATES = zlib.compress(json.dumps({"packages": [{"name": PACKAGE, "version": VERSION}]}).encode())
FILES = {PROGRAM: elves.made({".dep-v0": _CRATES, ".rodata": bytes(1024 * 1024)})}
