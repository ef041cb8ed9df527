"""The zoo of real AWS SDKs that tests/sdk_zoo.sh makes: where it is, and the parts of it that are put together here."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipapp
import zipfile
from pathlib import Path

ZOO = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imds-probe/sdk-zoo-2/root"
SPARK = "opt/spark"
CORE = "aws-java-sdk-core-1.12.262.jar"


def put_together(root: Path) -> None:
    """Archives in archives, a shaded bundle and Python applications in one file, all made of what is real."""
    java = root / "opt/java"
    java.mkdir()
    core = root / SPARK / CORE
    with zipfile.ZipFile(java / "boot.jar", "w", zipfile.ZIP_STORED) as boot:
        boot.write(core, f"BOOT-INF/lib/{CORE}")
        boot.write(root / SPARK / "hadoop-aws-3.3.1.jar", "BOOT-INF/lib/hadoop-aws-3.3.1.jar")
    with zipfile.ZipFile(java / "app.war", "w", zipfile.ZIP_DEFLATED) as war:
        war.write(core, f"WEB-INF/lib/{CORE}")
    with zipfile.ZipFile(core) as source, zipfile.ZipFile(java / "shaded.jar", "w", zipfile.ZIP_DEFLATED) as shaded:
        for entry in source.infolist():
            if entry.filename.startswith("com/") and not entry.is_dir() and "versionInfo" not in entry.filename:
                shaded.writestr(f"org/zoo/shaded/{entry.filename}", source.read(entry))
    app = root / "opt/zipapp"
    app.mkdir()
    packages = root / "opt/python-old/lib/python3.11/site-packages"
    with tempfile.TemporaryDirectory() as directory:
        inside = Path(directory, "inside")
        for package in ("botocore", "botocore-1.12.253.dist-info"):
            shutil.copytree(packages / package, inside / package)
        (inside / "__main__.py").write_text("import botocore.session\n")
        zipapp.create_archive(inside, app / "app.pyz", interpreter="/usr/bin/env python3", compressed=True)


if __name__ == "__main__":
    put_together(Path(sys.argv[1]))
