from __future__ import annotations

import pytest
from program_starts import start

from imds_probe.inventory.sdks.java import RECOGNISER


@pytest.mark.parametrize("option", ["-cp", "-classpath", "--class-path", "-jar", "-p", "--module-path"])
def test_every_entry_of_a_class_path_is_a_place(option: str) -> None:
    started = start("java", option, "lib/*:/opt/a.jar", "Main", executable="/usr/bin/java", CLASSPATH="/env")
    assert list(RECOGNISER.runtime.places(started)) == ["/env", "/srv/lib", "/opt/a.jar"]
