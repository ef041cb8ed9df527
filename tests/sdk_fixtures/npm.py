"""A script with its modules beside it."""

from __future__ import annotations

PACKAGE, VERSION = "aws-sdk", "2.600.0"
PROGRAM = "/usr/bin/node"
ARGUMENTS = ("node", "/srv/run.js")
FILES = {"/srv/node_modules/aws-sdk/package.json": b'{"name": "aws-sdk", "version": "2.600.0"}'}
