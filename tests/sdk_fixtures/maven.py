"""A class path."""

from __future__ import annotations

import io
import zipfile

_JAR = io.BytesIO()
with zipfile.ZipFile(_JAR, "w") as _file:
    _file.writestr("META-INF/maven/com.amazonaws/aws-java-sdk-core/pom.properties", "version=1.11.600\n")

PACKAGE, VERSION = "com.amazonaws:aws-java-sdk-core", "1.11.600"
PROGRAM = "/usr/bin/java"
ARGUMENTS = ("java", "-cp", "/srv/lib/*", "Main")
FILES = {"/srv/lib/core.jar": _JAR.getvalue()}
