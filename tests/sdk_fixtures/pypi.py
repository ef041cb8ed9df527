"""A virtual environment."""

from __future__ import annotations

PACKAGE, VERSION = "botocore", "1.12.1"
PROGRAM = "/opt/app/bin/python3.11"
ARGUMENTS = (PROGRAM, "/opt/app/run.py")
FILES = {
    "/opt/app/lib/python3.11/site-packages/botocore-1.12.1.dist-info/METADATA": b"Name: botocore\nVersion: 1.12.1\n"
}
