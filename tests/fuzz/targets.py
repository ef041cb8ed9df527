"""All targets of the fuzzer, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from fuzz import (
    boot_targets,
    code_targets,
    document_targets,
    fleet_targets,
    following_targets,
    image_targets,
    kept_targets,
    network_targets,
    own_files_targets,
    package_targets,
    process_targets,
    reading_targets,
    rehearsal_targets,
    schedule_targets,
    sdk_targets,
    settings_targets,
    simulator_targets,
    watch_targets,
)
from fuzz.target import Target

MODULES = (
    sdk_targets,
    code_targets,
    following_targets,
    package_targets,
    own_files_targets,
    process_targets,
    watch_targets,
    boot_targets,
    reading_targets,
    network_targets,
    schedule_targets,
    image_targets,
    settings_targets,
    document_targets,
    fleet_targets,
    kept_targets,
    simulator_targets,
    rehearsal_targets,
)
TARGETS: Mapping[str, Target] = {name: target for module in MODULES for name, target in module.TARGETS.items()}
# One of the name of another would take its place, and the parser of that would not be driven any more.
assert len(TARGETS) == sum(len(module.TARGETS) for module in MODULES)
