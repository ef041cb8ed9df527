"""The kinds of findings on the time since tokens are required."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import OWNER

_ERRORS = "EC2 User Guide: IMDS error codes"

REFUSED_FOR_GOOD = Kind(
    id="refused-for-good",
    severity="blocker",
    implies="not-ready",
    title="A program is refused since the switch, and does not ask with a token",
    meaning="Tokens are required on this instance. The watch saw the program send a request without a token, which was answered "
    "with 401. The same process did not ask for the same path again with a token and receive it. The program receives no "
    "metadata, and no credentials if it asked for these. A program that kept credentials from before the switch fails up "
    "to 6 hours after it. The finding stays for as long as the program is refused. It disappears once the program was "
    "served with a token, and was not refused for 24 hours.",
    cure="If the program needs metadata now, undo the switch with the command of the finding. Then change the program so that "
    "it asks for a token, and switch again. If the request belongs to a monitoring test or a scanner that expects the "
    "refusal, accept the risk with an entry [[accept]].",
    sources=(_ERRORS, "EC2 User Guide: Retrieve security credentials from instance metadata"),
)
REFUSED_JUST_NOW = Kind(
    id="refused-just-now",
    severity="warning",
    title="A program was refused a moment ago",
    meaning="Tokens are required on this instance. The watch saw the program send a request without a token less than 5 seconds "
    "before this run looked. It was answered with 401. A program that speaks both versions asks again with a token.",
    cure="Run imds-probe again in a minute. The next report says whether the program asked again with a token.",
    sources=(_ERRORS,),
)
REFUSED_RECOVERED = Kind(
    id="refused-recovered",
    severity="info",
    title="Programs ask without a token first, and then with one",
    meaning="Tokens are required on this instance. The programs were refused with 401. Each time, the same process asked for the "
    "same path again with a token within an hour, and was served. Such programs speak both versions, and lose nothing but "
    "the time of the first request.",
    cure="Nothing has to be done. Each refused request counts in CloudWatch's MetadataNoTokenRejected.",
    sources=(_ERRORS,),
)
REFUSED_NO_MORE = Kind(
    id="refused-no-more",
    severity="info",
    title="A program was refused after the switch, and is served with a token now",
    meaning="The program was refused with 401, and the same process did not ask again with a token. Since then the program was "
    "served the same kind of metadata with a token, and it was not refused for 24 hours. It was probably changed.",
    cure="Nothing has to be done.",
)
SWITCH_RECENT = Kind(
    id="switch-recent",
    severity="info",
    title="The time that was watched since the switch is short",
    meaning="Credentials of a role are valid for up to 6 hours. A program that fetched credentials just before the switch may not "
    "ask for new ones until then, and so fails hours later. Until 6 hours after the switch were watched, nobody knows "
    "whether all programs can do without IMDSv1. The confidence of the verdict is at most medium.",
    cure="Keep imds-probe's daemon running, and look at the report again after 6 hours. Programs that run once a day or once a "
    "week take as long to show.",
    sources=("EC2 User Guide: Retrieve security credentials from instance metadata",),
)
SWITCH_NOT_WATCHED = Kind(
    id="switch-not-watched",
    severity="info",
    title="Nobody watches who is refused since the switch",
    meaning="Tokens are required on this instance. A program that asks without a token is refused with 401, but no daemon of "
    "imds-probe watches the calls. The report cannot say who is refused.",
    cure="Enable the daemon: systemctl enable --now imds-probe-daemon. For a short look, run with --watch.",
)
SWITCH_UNDONE = Kind(
    id="switch-undone",
    severity="info",
    title="The switch was undone",
    meaning="An earlier run saw that tokens are required on this instance. This run saw that IMDSv1 is answered again. Somebody "
    "undid the switch, or a tool that manages the instance did. After the next switch, the time since the switch begins "
    "anew.",
    cure="If nobody undid the switch on purpose, find the tool that sets the metadata options of this instance. CloudTrail "
    "records the calls of ModifyInstanceMetadataOptions.",
    sources=("EC2 API: ModifyInstanceMetadataOptions",),
)
REJECTED_UNSEEN = Kind(
    id="rejected-unseen",
    severity="warning",
    implies="unknown",
    title="CloudWatch counted refused calls that the watch did not see",
    meaning="In hours that were watched without a gap, the metric MetadataNoTokenRejected of this instance counted more calls "
    "than the watch saw refused; both include the probe's own. Some caller is refused, and the watch does not see it. It "
    "may use a network interface that was handed to a container or a virtual machine (SR-IOV, DPDK), or call at each boot "
    "before the daemon begins.",
    cure="Look for virtual machines and user-space network stacks on this host. The minutes of the metric in CloudWatch tell "
    "when the calls were made.",
    sources=("EC2 User Guide: CloudWatch metrics of instances, MetadataNoTokenRejected",),
    settled_by=("a watched window in which the watch sees as many refused calls as CloudWatch counts", OWNER),
)

KINDS = (
    REFUSED_FOR_GOOD,
    REFUSED_JUST_NOW,
    REFUSED_RECOVERED,
    REFUSED_NO_MORE,
    SWITCH_RECENT,
    SWITCH_NOT_WATCHED,
    SWITCH_UNDONE,
    REJECTED_UNSEEN,
)
