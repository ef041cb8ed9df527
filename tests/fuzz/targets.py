"""All targets of the fuzzer, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from fuzz import (
    boot_targets,
    code_targets,
    document_targets,
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

TARGETS: Mapping[str, Target] = {
    **sdk_targets.TARGETS,
    **code_targets.TARGETS,
    **following_targets.TARGETS,
    **package_targets.TARGETS,
    **own_files_targets.TARGETS,
    **process_targets.TARGETS,
    **watch_targets.TARGETS,
    **boot_targets.TARGETS,
    **reading_targets.TARGETS,
    **network_targets.TARGETS,
    **schedule_targets.TARGETS,
    **image_targets.TARGETS,
    **settings_targets.TARGETS,
    **document_targets.TARGETS,
    **kept_targets.TARGETS,
    **simulator_targets.TARGETS,
    **rehearsal_targets.TARGETS,
}
