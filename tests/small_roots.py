"""Small roots of systems, made of the files that a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SCRIPT = "#!/bin/sh\n"


def made(root: Path, files: Mapping[str, str | bytes | Path], *, executable: tuple[str, ...] = ()) -> Path:
    """`root` with these files. A path in the place of a text is what a link leads to. What begins with "#!" can be executed, and
    what is named.
    """
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(content)
            continue
        raw = content.encode() if isinstance(content, str) else content
        path.write_bytes(raw)
        if raw.startswith(b"#!") or name in executable:
            path.chmod(0o755)
    return root
