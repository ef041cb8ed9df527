"""A program without build information."""

from __future__ import annotations

import elves

PACKAGE, VERSION = "github.com/aws/aws-sdk-go", "v1.44.0"
PROGRAM = "/usr/local/bin/app"
ARGUMENTS = ("app",)
FILES = {PROGRAM: elves.made({".gopclntab": b"x", ".rodata": b"aws-sdk-go/1.44.0 " + bytes(1024 * 1024)})}
