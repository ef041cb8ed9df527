"""The kinds of findings on the time since tokens are required."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import OWNER

_ERRORS = "EC2 User Guide: IMDS error codes"

REFUSED_FOR_GOOD = Kind(
    id="refused-for-good",
    severity="blocker",
    implies="not-ready",
    title="A program is refused after the switch, and does not ask with a token",
    meaning="Tokens are required on this instance. The watch saw the program send a request without a token, which was answered "
    "with 401. The same process did not ask for the same path again with a token and receive it. The program receives no "
    "metadata, and no credentials if it asked for these. A program that kept credentials from before the switch fails up to 6 "
    "hours after it. The finding stays for as long as the program is refused. It disappears once the program, or the "
    "one in its place, was served the same path with a token after its last refusal. That refusal must be at least 24 hours ago, "
    "and at least as long ago as the longest time between two refusals. The warning refused-long-ago takes the place of the "
    "finding once the program has made no refused request for longer than that time, and for longer than watch.window.",
    cure="If the program needs metadata now, undo the switch with the command of the finding. Then change the program so that "
    "it asks for a token, and switch again. If the request belongs to a monitoring test or a scanner that expects the "
    "refusal, accept the risk with an entry [[accept]].",
    sources=(_ERRORS, "EC2 User Guide: Retrieve security credentials from instance metadata"),
)
REFUSED_KEPT_OUT = Kind(
    id="refused-kept-out",
    severity="blocker",
    implies="not-ready",
    title="A container is refused after the switch, and the hop limit was not raised for it",
    meaning="Tokens are required on this instance. The program asks for a token and receives none, as the hop limit is too low for "
    "its container. Its request without a token is answered with 401, so it receives no metadata. The configuration accepts the "
    "risk of hop-limit-too-low for this container. The same entry [[accept]] accepts this finding.",
    cure="Give the container credentials of its own, or turn metadata off in it, so that the program does not ask. If the "
    "container needs metadata, remove the entry and run imds-probe again: the report then has the command that raises the "
    "hop limit.",
    sources=(_ERRORS,),
)
REFUSED_JUST_NOW = Kind(
    id="refused-just-now",
    severity="warning",
    title="A program was refused a moment ago",
    meaning="Tokens are required on this instance. Less than 5 seconds before this run looked, the watch saw the program send a "
    "request without a token. The request was answered with 401. A program that speaks both versions asks again with a token.",
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
REFUSED_LONG_AGO = Kind(
    id="refused-long-ago",
    severity="warning",
    title="A program was refused after the switch, and has been silent since",
    meaning="The program was refused with 401, and did not ask again with a token. It has made no refused request for longer than "
    "the window of the watch (watch.window, 14 days unless set otherwise), and for longer than the longest time between two "
    "of its refusals. The program may be gone, or nobody starts it now.",
    cure="If the program will run again, change it so that it asks for a token.",
)
REFUSED_HAD_NOTHING = Kind(
    id="refused-had-nothing",
    severity="warning",
    title="A program is refused at paths that the metadata service never had",
    meaning="Before the switch, the watch saw the program ask only for paths that the service does not have (404). Since the "
    "switch, the service answers the same requests with 401. The switch has taken no metadata from the program.",
    cure="Nothing has to be done if the program handles 401 as it handled 404.",
    sources=(_ERRORS,),
)
REFUSED_UNSERVED = Kind(
    id="refused-unserved",
    severity="warning",
    title="A program was refused where no metadata is served",
    meaning="The program was refused with 401. Now the service is turned off (HttpEndpoint=disabled), or a rule or route cuts its "
    "container off. Undoing the switch would therefore give the program no metadata.",
    cure="Change the program so that it asks for a token. Do so before you turn the service on or let the container reach it.",
)
REFUSED_LEFT_OUT = Kind(
    id="refused-left-out",
    severity="warning",
    implies="unknown",
    title="More callers were refused than the report holds",
    meaning="A report holds at most 200 refused callers. Callers that did not ask again with a token come first, and of these the "
    "services of the system. More callers were refused since the switch, and the switch may have broken one of those that are "
    "left out. So many callers are often one program that runs under many names, or one user who starts many programs.",
    cure="Find that program or user with `imds-probe watch --v1-only`, which shows each refused call with its caller. Change the "
    "program so that it asks for a token.",
    settled_by=("a report that holds all refused callers", OWNER),
)
REFUSED_NO_MORE = Kind(
    id="refused-no-more",
    severity="info",
    title="A program was refused after the switch, and is served with a token now",
    meaning="The program was refused with 401, and the same process did not ask again with a token. After its last refusal, "
    "the program, or the process or container in its place, was served the same path with a token. The last refusal was at least "
    "24 hours ago, and at least as long ago as the longest time between two refusals. The program was probably changed.",
    cure="Nothing has to be done.",
)
SWITCH_RECENT = Kind(
    id="switch-recent",
    severity="info",
    title="Less than 6 hours have been watched since the switch",
    meaning="Credentials of a role are valid for up to 6 hours. A program that fetched credentials just before the switch may not "
    "ask for new ones until then, and so fails hours later. imds-probe has watched less than 6 hours of the time "
    "after the switch, so nobody knows whether all programs can do without IMDSv1. Until then, confidence is at most medium.",
    cure="Keep imds-probe's daemon running, and look at the report again after 6 hours. Look again after a "
    "day and after a week: some programs run that rarely.",
    sources=("EC2 User Guide: Retrieve security credentials from instance metadata",),
)
SWITCH_NOT_WATCHED = Kind(
    id="switch-not-watched",
    severity="info",
    title="No daemon watches for refused programs after the switch",
    meaning="Tokens are required on this instance. A program that asks without a token is refused with 401, but no daemon of "
    "imds-probe watches the calls. The report therefore cannot say who is refused.",
    cure="Enable the daemon: `systemctl enable --now imds-probe-daemon`. For a short look, run `imds-probe run --watch 10m`.",
)
SWITCH_UNDONE = Kind(
    id="switch-undone",
    severity="info",
    title="The switch was undone",
    meaning="An earlier run saw that tokens are required on this instance. This run saw that IMDSv1 is answered again. "
    "A person, or a tool that manages the instance, undid the switch. After the next switch, imds-probe counts the time "
    "since the switch anew.",
    cure=(
        "If nobody undid the switch on purpose, find the tool that sets the metadata options of this instance: "
        "`aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=ModifyInstanceMetadataOptions` "
        "lists the calls with their callers. Keep the tool from setting HttpTokens to optional, and switch again."
    ),
    sources=("EC2 API: ModifyInstanceMetadataOptions",),
)
REJECTED_UNSEEN = Kind(
    id="rejected-unseen",
    severity="warning",
    implies="unknown",
    title="CloudWatch counted refused calls that the watch did not see",
    meaning="In hours that were watched without a gap, the metric MetadataNoTokenRejected of this instance counted more calls "
    "than the watch saw refused. Both numbers include the calls of imds-probe itself. The watch does not see "
    "some refused caller. The caller may use a network interface that was handed to a container or a virtual machine "
    "(SR-IOV, DPDK), or call at each boot before the daemon starts.",
    cure=(
        "Ask CloudWatch for the minutes of the calls: "
        "`aws cloudwatch get-metric-statistics --namespace AWS/EC2 --metric-name MetadataNoTokenRejected --statistics Sum "
        "--period 60 --dimensions Name=InstanceId,Value=ID --start-time START --end-time END`. Find the program that ran at these "
        "minutes: a virtual machine, a program with a network stack of its own, or a unit that the boot starts. Then change it so "
        "that it asks for a token."
    ),
    sources=("EC2 User Guide: CloudWatch metrics of instances, MetadataNoTokenRejected",),
    settled_by=("a watched window in which the watch sees as many refused calls as CloudWatch counts", OWNER),
)

KINDS = (
    REFUSED_FOR_GOOD,
    REFUSED_KEPT_OUT,
    REFUSED_JUST_NOW,
    REFUSED_RECOVERED,
    REFUSED_LONG_AGO,
    REFUSED_HAD_NOTHING,
    REFUSED_UNSERVED,
    REFUSED_LEFT_OUT,
    REFUSED_NO_MORE,
    SWITCH_RECENT,
    SWITCH_NOT_WATCHED,
    SWITCH_UNDONE,
    REJECTED_UNSEEN,
)
