"""Java: what runs in a JVM, by its class path and the archives that it holds open.

Source: the options of the java command.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from imds_probe.ecosystems.maven import ECOSYSTEM
from imds_probe.inventory.sdks.jar import ARCHIVES, java_libraries
from imds_probe.inventory.sdks.recogniser import Files, Recogniser, Runtime
from imds_probe.inventory.sdks.start import Start


def _places(start: Start) -> Iterator[str]:
    entries = start.listed("CLASSPATH")
    for index, argument in enumerate(start.arguments):
        following = start.arguments[index + 1] if index + 1 < len(start.arguments) else ""
        if argument in ("-cp", "-classpath", "--class-path", "-jar", "-p", "--module-path"):
            entries += [start.path(part) for part in following.split(":") if part]
    for entry in entries:
        yield entry.removesuffix("/*")


def _runs(program: str, libraries: Collection[str]) -> bool:
    return program == "java" or "libjvm" in libraries


RECOGNISER = Recogniser(
    (ECOSYSTEM,),
    files=Files("archive", java_libraries, ends=ARCHIVES),
    runtime=Runtime(frozenset({"java"}), _runs, _places, frozenset({"CLASSPATH"}), holds_open=(*ARCHIVES, ".zip")),
)
