"""Time to look and to answer: what a run gives to a part of the host, or to the service, is bounded for the sake of all else."""

from __future__ import annotations

import pytest
from soon import SOON_S

from imds_probe.collect import code, options, sdk_disks, sdks
from imds_probe.imds import client, exchange
from imds_probe.imds.client import Timeouts

# More than a busy machine has the service stand still for. Where it never answers, a test takes twice that.
ANSWER_S = 4.0
PATIENT = Timeouts(ANSWER_S, ANSWER_S, 2 * ANSWER_S)


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """On a busy machine a few files take seconds, and so does an answer. That is no matter of what a test finds."""
    for module, names in (
        (code, ("CONTAINER_S", "LYING_S", "OWNERS_S", "PACKAGES_S", "NAMED_S")),
        (sdk_disks, ("DISK_TIME_S",)),
        (sdks, ("FIRST_S",)),
    ):
        for name in names:
            patch.setattr(module, name, SOON_S)
    for name in ("CONNECT_S", "PATIENCE_S"):
        patch.setattr(exchange, name, ANSWER_S)
    patch.setattr(options, "TWIN_TIMEOUTS", PATIENT)
    for module in (client, options):
        patch.setattr(module, "Timeouts", lambda: PATIENT)
