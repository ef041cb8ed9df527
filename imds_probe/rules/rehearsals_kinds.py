"""The kinds of findings on rehearsals of the switch."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import OWNER

READABLE_REHEARSALS = "a record of rehearsals that imds-probe can read and only root can write"
_V2 = "EC2 User Guide: Transition to using Instance Metadata Service Version 2"

REHEARSAL_GAVE_UP = Kind(
    id="rehearsal-gave-up",
    severity="blocker",
    implies="not-ready",
    title="A program failed to get metadata in a rehearsal of the switch",
    meaning="In a rehearsal (`imds-probe rehearse`), the program asked without a token and was refused, as it will be after the "
    "switch. It did not ask for the same path with a token afterwards. The rehearsal counts until the program, its script, one of "
    "its libraries, its container or the hop limit changes, and for rehearse.max_age (30 days unless set otherwise) at most. If "
    "one caller was rehearsed several times, the newest rehearsal in which the caller asked counts. There is one "
    "exception: a failure in an earlier and longer rehearsal still counts if the caller was never refused in the newest one.",
    cure="Change the program as the finding says, and rehearse it again for at least as long: the newer rehearsal then "
    "counts. If the program was only a command that you tried by hand, accept the risk ([[accept]]). Use --no-record for the "
    "next such trial: later runs do not count it.",
    sources=(_V2,),
)
REHEARSAL_PASSED = Kind(
    id="rehearsal-passed",
    severity="info",
    title="Programs received metadata with tokens in a rehearsal of the switch",
    meaning="In a rehearsal (`imds-probe rehearse`), the programs asked with a token, or were refused and then asked for the same "
    "path with a token. The rehearsal settles how these programs ask. One case is different: if the code of a program asks without "
    "a token, the rehearsal clears the program only if it was refused there and then asked with a token. A program that "
    "the watch saw call IMDSv1 is not cleared by a rehearsal.",
    cure="Nothing has to be done.",
)
REHEARSAL_SILENT = Kind(
    id="rehearsal-silent",
    severity="info",
    title="Programs are known to ask for metadata, and were not rehearsed or did not ask in a rehearsal",
    meaning="The watch, the inventory or the code shows that the programs ask the metadata service, or are made for it. They were "
    "not rehearsed, or made no request in the rehearsal. No rehearsal therefore says anything about them. "
    "AWS SDKs keep credentials for up to 6 hours, and "
    "ask for the region and the instance id once, at their start. For high confidence by rehearsal, every known caller of the "
    "host must have asked in one, and received metadata with a token.",
    cure="Rehearse the unit with a restart, so that its first requests are part of the rehearsal: `imds-probe rehearse --unit NAME "
    "--restart-unit`. Or rehearse for longer (--for 7h), so that credentials are renewed in it. "
    "A program that runs only at boot cannot be rehearsed: see "
    "`imds-probe explain boot-not-watched`.",
)
REHEARSAL_STALE = Kind(
    id="rehearsal-stale",
    severity="info",
    title="A rehearsal no longer counts",
    meaning="A rehearsal says something only about the program that was rehearsed. The program, its script, one of its "
    "libraries or its container has changed since, the hop limit is another one now, or the rehearsal is older than "
    "rehearse.max_age (30 days unless set otherwise). A reboot alone does not make a rehearsal stale. A container that was made "
    "anew counts as changed.",
    cure="Rehearse the programs that the finding names again: `imds-probe rehearse --unit NAME` for a service, `imds-probe "
    "rehearse --container NAME` for a container, `imds-probe rehearse --host` for the host, `imds-probe rehearse -- COMMAND` for "
    "a command. Until then the verdict is made without the old rehearsal.",
)
REHEARSALS_NOT_READ = Kind(
    id="rehearsals-not-read",
    severity="warning",
    implies="unknown",
    title="The record of rehearsals could not be read",
    meaning="Rehearsals have been put on record on this host, and the record is damaged or cannot be trusted. A program that "
    "failed in a rehearsal may be in it.",
    cure="The finding quotes the cause and names the file or directory. If the record (rehearsals.json) is damaged, rehearse "
    "the programs again: `imds-probe rehearse` sets the damaged record aside and begins a new one. If the file or the state "
    "directory belongs to another user, or others can write to it, correct the owner or the permissions, and run imds-probe "
    "again.",
    settled_by=(READABLE_REHEARSALS, OWNER),
)
KINDS = (REHEARSAL_GAVE_UP, REHEARSAL_PASSED, REHEARSAL_SILENT, REHEARSAL_STALE, REHEARSALS_NOT_READ)
