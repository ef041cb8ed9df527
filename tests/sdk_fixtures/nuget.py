"""A published application."""

from __future__ import annotations

PACKAGE, VERSION = "AWSSDK.Core", "3.7.1"
PROGRAM = "/usr/bin/dotnet"
ARGUMENTS = ("dotnet", "/app/App.dll")
FILES = {"/app/App.deps.json": b'{"libraries": {"AWSSDK.Core/3.7.1": {}}}'}
