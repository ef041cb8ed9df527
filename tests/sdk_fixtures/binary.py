"""The AWS SDK for C++ as a shared object."""

from __future__ import annotations

import elves

PACKAGE, VERSION = "libaws-cpp-sdk-core.so", "1.8.0"
PROGRAM = "/usr/local/bin/app"
ARGUMENTS = ("app",)
LOADED = ("/opt/lib/libaws-cpp-sdk-core.so.1",)
FILES = {LOADED[0]: elves.made({".rodata": b"aws-sdk-cpp/1.8.0 "})}
