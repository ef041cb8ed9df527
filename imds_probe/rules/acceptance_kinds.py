"""The kinds of findings on risks that the configuration accepts."""

from __future__ import annotations

from imds_probe.findings import Kind

ACCEPTANCE_EXPIRED = Kind(
    id="acceptance-expired",
    severity="warning",
    title="The acceptance of a risk has expired",
    meaning="An entry [[accept]] of the configuration accepted the risk of a finding until a day that has passed. The finding "
    "counts for the verdict again. An entry counts until the end of its day, in UTC.",
    cure="Remove the cause of the finding. If its owner still accepts the risk, set `expires` of the entry to a later day.",
)
ACCEPTANCE_EXPIRES_SOON = Kind(
    id="acceptance-expires-soon",
    severity="warning",
    title="The acceptance of a risk expires soon",
    meaning=(
        "An entry [[accept]] of the configuration accepts the risk of a finding, and the entry expires in 14 days or less. After "
        "its last day, in UTC, the finding counts for the verdict again."
    ),
    cure=(
        "Remove the cause of the finding before that day. If its owner accepts the risk for longer, set `expires` of the entry "
        "to a later day."
    ),
)
ACCEPTANCE_UNUSED = Kind(
    id="acceptance-unused",
    severity="info",
    title="The configuration accepts a risk that was not found",
    meaning="An entry [[accept]] of the configuration matches no finding that speaks against the switch of this host. The cause "
    "may be gone, or the entry has another subject than the report. Where a fleet shares one configuration, the finding may "
    "belong to other hosts.",
    cure="Remove the entry once no host needs it. If its subject is wrong, copy `findings[].subject` from the JSON report. The "
    "finding lists the subjects that findings of this id have on this host.",
)
ACCEPTANCE_UNUSABLE = Kind(
    id="acceptance-unusable",
    severity="warning",
    title="An entry that accepts a risk cannot be used",
    meaning="An entry [[accept]] of the configuration is wrong or incomplete, others can write to its file, or the risk of its "
    "finding cannot be accepted. The entry accepts nothing. All other entries count.",
    cure="Correct the entry as the finding says. An entry has a finding, a subject, a reason, an owner, and the day on which it "
    "expires. The file and its directory must belong to root, or to whoever runs imds-probe, and nobody else may write to them.",
)

KINDS = (ACCEPTANCE_EXPIRED, ACCEPTANCE_EXPIRES_SOON, ACCEPTANCE_UNUSED, ACCEPTANCE_UNUSABLE)
