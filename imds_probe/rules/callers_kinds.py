"""The kinds of findings on who calls IMDSv1, and on what the watch has missed."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import MORE_TIME, OWNER, READABLE_RECORD, SILENT_WINDOW

IMDSV1_CALLER = Kind(
    id="imdsv1-caller",
    severity="blocker",
    implies="not-ready",
    title="A program still calls IMDSv1",
    meaning="The watch saw a request without a token on its way to the metadata service, within the window that the verdict is "
    "judged by (watch.window, 14 days unless set otherwise). Once tokens are required, such a request is answered with 401. "
    "Where the kernel has a record of the connection, the record names the caller.",
    cure="Change the caller as the finding says. If the caller is a tool such as curl, change the script or unit that starts it. "
    "The call no longer counts once it is older than the window (watch.window in the configuration). `imds-probe "
    "watch --v1-only` shows at once whether the caller still calls.",
    sources=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
)
IMDSV1_FALLBACK = Kind(
    id="imdsv1-fallback",
    severity="blocker",
    implies="needs-hop-limit",
    title="A container calls IMDSv1 because the token does not reach it",
    meaning="The program asks for a token, and so speaks IMDSv2, but the hop limit is too low for its container. After a wait "
    "without an answer, the program asks without a token. Once tokens are required, it receives nothing. imds-probe knows that "
    "in one of two ways: the watch saw the same process or script ask for a token, and the answer was lost; or the process was "
    "started before the watch, no token arrives in its container, and its SDK does not ask again once it received no token. "
    "The finding says nothing about other programs in the container.",
    cure="Raise the hop limit with the same command that requires tokens. The program needs no change.",
    sources=("EC2 User Guide: Considerations for containers and the hop limit",),
)
IMDSV1_FALLBACK_KEPT_OUT = Kind(
    id="imdsv1-fallback-kept-out",
    severity="blocker",
    implies="not-ready",
    title="A container calls IMDSv1 because the token does not reach it, and the hop limit is not raised for it",
    meaning="The program asks for a token and receives none, as the hop limit is too low for its container. It then asks "
    "without a token. The configuration accepts the risk of hop-limit-too-low for this container, so the switch command does not "
    "raise the hop limit for it. Once tokens are required, the program receives no metadata, and no credentials from there. The "
    "same entry [[accept]] accepts this finding.",
    cure="Give the container credentials of its own, or turn metadata off in it, so that the program does not ask. If the "
    "container needs metadata, remove the entry: the switch command then raises the hop limit.",
    sources=("EC2 User Guide: Considerations for containers and the hop limit",),
)
IMDSV1_FALLBACK_PAST = Kind(
    id="imdsv1-fallback-past",
    severity="info",
    title="A program called IMDSv1 because a token did not reach it, and tokens reach it now",
    meaning="The watch saw a program lose the answer to its token request and then ask without a token. That is over, in one of "
    "two ways: the watch saw the same program receive tokens afterwards, and no call by IMDSv1 after that; or the container has "
    "ended, and the hop limit is now high enough for the distance that it had. A program that asks for no token again in its "
    "life does not count as the same program, unless it was silent for a day.",
    cure="Nothing has to be changed. The calls no longer count once they are older than the window (watch.window). Do not lower "
    "the hop limit.",
    sources=("EC2 User Guide: Considerations for containers and the hop limit",),
)
IMDSV1_FALLBACK_RAISED = Kind(
    id="imdsv1-fallback-raised",
    severity="warning",
    implies="unknown",
    title="A program called IMDSv1 because a token did not reach it, and the hop limit was raised since",
    meaning="The watch saw a program lose the answer to its token request and then ask without a token. Its captured calls "
    "do not say how far away it was. The hop limit is higher now than it was then, and the program was not seen to ask with a "
    "token since. Whether the token reaches it now is not known.",
    cure="Leave tokens optional, and keep imds-probe's daemon running until the program has asked again. If it asks with a token, "
    "the hop limit is high enough. If it falls back again, the next report names a higher hop limit to try.",
    settled_by=("a watched token request of the same program that is answered", SILENT_WINDOW, OWNER),
)
IMDSV1_THROUGH_RELAY = Kind(
    id="imdsv1-through-relay",
    severity="warning",
    implies="unknown",
    title="A relay calls IMDSv1 for programs that cannot be told apart",
    meaning="The sidecar of a mesh, or another relay in a container's network, makes the metadata requests of all programs there, "
    "so the host sees one caller. A token request was lost at the present hop limit, and requests without a token followed. They "
    "may be those of one program that falls back, which a higher hop limit cures, or of another that never asks for a token, "
    "which the switch breaks. An AWS SDK that names itself is known to ask for a token first, and has a finding of its own.",
    cure="Raise the hop limit while tokens are still optional. From then on, a program that falls back asks with a token, and "
    "`imds-probe watch --v1-only` shows only those that never do. Change these, and switch once none is left.",
    settled_by=("a higher hop limit while tokens are optional, and a watch after that", OWNER),
)
IMDSV1_FALLBACK_UNIDENTIFIED = Kind(
    id="imdsv1-fallback-unidentified",
    severity="warning",
    implies="unknown",
    title="A program that is not known fell back to IMDSv1, and the hop limit is high enough now",
    meaning="The watch saw a token request whose answer was lost, and then calls without a token. The hop limit is high enough for "
    "that distance now. The caller is no process that this host knows: it is on another host, in a virtual machine, or has "
    "ended before it could be identified. If it still runs, it may be one of the programs that do not ask for a token again once "
    "they received none. Nothing was seen of it since.",
    cure="Find the program behind the address that the evidence names, and restart it, so that it asks for a token again. If it "
    "does not run any more, keep the daemon running: the calls no longer count once they are older than the window (watch.window).",
    sources=("EC2 User Guide: Considerations for containers and the hop limit",),
    settled_by=(SILENT_WINDOW, OWNER),
)
IMDSV1_FALLBACK_DOUBTFUL = Kind(
    id="imdsv1-fallback-doubtful",
    severity="warning",
    implies="unknown",
    title="A program lost a token once, and later called IMDSv1 without asking for another",
    meaning="The watch saw a program ask for a token and lose the answer. More than 30 seconds later, the program called IMDSv1 "
    "and asked for no token first; or it made more than 50 calls for each token request. Some AWS SDKs do that, and name "
    "themselves in the User-Agent. This program named no such SDK. There are two possibilities: it keeps to IMDSv1 until a "
    "token arrives, which a higher hop limit cures; or a part of it never asks for a token, and the switch breaks that part.",
    cure="Raise the hop limit while tokens are still optional, and keep imds-probe's daemon running. If the program still calls "
    "IMDSv1 afterwards, change the part that asks without a token. Require tokens once no call by IMDSv1 is left.",
    settled_by=("a higher hop limit while tokens are optional, and a watch after that", OWNER),
)
IMDSV1_REFUSED = Kind(
    id="imdsv1-refused",
    severity="warning",
    title="Calls by IMDSv1 are refused",
    meaning=(
        "Tokens are required already. A caller sent no token and was answered with 401, so this request brought no metadata. If "
        "the run could not find out when IMDSv1 was turned off, imds-probe does not know whether the caller asked again with a "
        "token. The finding is then a blocker."
    ),
    cure=(
        "Change the caller so that it asks for a token, or turn it off if nobody needs the metadata. "
        "`imds-probe watch --v1-only` shows whether it still calls."
    ),
    sources=("EC2 User Guide: IMDS error codes",),
)
IMDSV1_CALLER_UNSERVED = Kind(
    id="imdsv1-caller-unserved",
    severity="warning",
    title="A program calls IMDSv1 where no metadata is served",
    meaning="The watch saw calls without a token. The service is turned off (HttpEndpoint=disabled), or a rule or route cuts the "
    "caller's container off, so the switch takes nothing away. If the service answers there later and tokens are required, the "
    "program is refused.",
    cure="Change the program so that it asks for a token. Do so before you turn the service on or let the container reach it.",
)
IMDSV1_BEFORE_WINDOW = Kind(
    id="imdsv1-before-window",
    severity="warning",
    implies="unknown",
    title="A program called IMDSv1 before the watch was interrupted",
    meaning="The last call that the watch saw of this program is longer ago than the window (watch.window). Since then, less time "
    "was watched than a window has, because the daemon did not run or the host was down. The silence therefore does not show that "
    "the program was changed. A program that called in three hours or more counts as changed once it was silent for twice as long "
    "as ever between two calls, and for one watched day at least. Calls of more than 90 days ago do not count.",
    cure="Change the program so that it asks for a token, and keep the daemon running. The finding disappears once a whole window "
    "of time was watched since the last call. If the program does not exist any more, accept the risk until then.",
    settled_by=("as much watched time since the last call as the window has", OWNER),
)
IMDSV1_RARE_CALLER = Kind(
    id="imdsv1-rare-caller",
    severity="warning",
    implies="unknown",
    title="A program that called IMDSv1 calls less often than the window is long",
    meaning="The last call that the watch saw of this program is longer ago than the window (watch.window). Between two "
    "calls before that, it was silent for about as long or for longer, for example because it runs once a month. The silence "
    "therefore does not show that the program was changed, and the next call may come after the switch. The program counts as "
    "changed once it is silent for a third longer than ever between two calls. It also counts as changed if it was never seen to "
    "ask for the same kind of metadata with a token before, and was since. Calls of more than 90 days ago do not count.",
    cure="Change the program so that it asks for a token, and run it once while the daemon watches. If the program does not exist "
    "any more, accept the risk until the finding disappears.",
    settled_by=(
        "a watched run of the same program in which it asks with a token",
        "a watched silence that is a third longer than any before",
        OWNER,
    ),
)
IMDSV1_UNSEEN = Kind(
    id="imdsv1-unseen",
    severity="warning",
    implies="unknown",
    title="CloudWatch counted calls by IMDSv1 that the watch did not see",
    meaning="In hours that were watched without a gap, the metric MetadataNoToken of this instance counted more calls than the "
    "watch saw. Both numbers include the calls of imds-probe itself. So at least one caller escapes the watch. It may use a "
    "network interface that was handed to a container or a virtual machine (SR-IOV, DPDK), or call at each boot before the daemon "
    "starts.",
    cure=(
        "Ask CloudWatch for the minutes of the calls: "
        "`aws cloudwatch get-metric-statistics --namespace AWS/EC2 --metric-name MetadataNoToken --statistics Sum "
        "--period 60 --dimensions Name=InstanceId,Value=ID --start-time START --end-time END`. The evidence has both times. Find "
        "the program that ran at these minutes: a virtual machine, a program with a network stack of its own, or a unit that the "
        "boot starts. Then change it so that it asks for a token."
    ),
    sources=("EC2 User Guide: CloudWatch metrics of instances, MetadataNoToken",),
    settled_by=("a watched window in which the watch sees as many calls as CloudWatch counts", OWNER),
)
CALLERS_NOT_READ = Kind(
    id="callers-not-read",
    severity="warning",
    implies="unknown",
    title="The record of calls could not be read",
    meaning="The daemon has kept a history of calls on this host, or this run watched for calls. The run could not read the "
    "recorded calls, or could not trust the state directory. A program that still calls IMDSv1 may be among them. Evidence "
    "that cannot be read does not show that nobody calls.",
    cure="Correct the cause that the finding quotes: the owner or the permissions of the state directory, its disk, or a damaged "
    "callers.sqlite3. At a restart, the daemon sets a damaged file aside and begins a new one. The new file counts once it "
    "covers the whole window. If this host is no longer to be watched, disable the daemon and remove the state directory.",
    settled_by=(READABLE_RECORD, MORE_TIME),
)
CALLERS_LOST = Kind(
    id="callers-lost",
    severity="warning",
    implies="unknown",
    title="Earlier evidence of calls was lost",
    meaning="The daemon lost its history of calls within the window (watch.window), and began a new one. The old file may have "
    "been damaged, removed, or written by a later version of imds-probe. A program that called IMDSv1 before the loss may not "
    "have called again since.",
    cure="Keep the daemon running. The finding disappears once the new history covers the whole window (14 days by default). The "
    "daemon keeps a damaged file beside the new one. Find out what damaged or removed the file, for example a failing disk.",
    settled_by=("a watched window that begins after the loss",),
)
REQUESTS_NOT_CONFIRMED = Kind(
    id="requests-not-confirmed",
    severity="warning",
    title="Requests to the metadata service may be forged",
    meaning="The watch saw requests without a token that belong to no known connection with the metadata service. A program that "
    "may send raw packets, such as a container with the capability NET_RAW, can write any source address into such requests. "
    "The watch therefore attributes the requests to no caller. The time in which they came counts as not watched, because a "
    "real call may be among them. An unanswered request on a connection that was opened before the watch began looks the same. "
    "A connection counts here, too, if it was made from a container with a network interface of its own before the watch found "
    "that interface.",
    cure="Find the container or program behind the interface that the finding names, and stop it. Remove the capability NET_RAW "
    "from containers that do not need it (docker run --cap-drop NET_RAW). Where the finding says that nobody watched yet, keep "
    "the daemon running: it watches that network from then on.",
    sources=("capabilities(7): CAP_NET_RAW", "packet(7)"),
)
WATCHED_TOO_SHORTLY = Kind(
    id="watched-too-shortly",
    severity="info",
    title="No call by IMDSv1 was seen, but the watch is too short",
    meaning="For high confidence, 99 % of the last 14 days must have been watched, unless watch.coverage and watch.window are set "
    "otherwise. Time counts as not watched while the daemon did not run, the host was down, packets came too fast, or requests "
    "came that belong to no known connection. A program may have called in the time that was not watched.",
    cure="Enable the daemon (`systemctl enable --now imds-probe-daemon`), and keep it running.",
)

# Those that say of a caller by IMDSv1 what the switch does to it, and their ids.
KINDS_OF_CALLS = (
    IMDSV1_CALLER,
    IMDSV1_FALLBACK,
    IMDSV1_FALLBACK_KEPT_OUT,
    IMDSV1_FALLBACK_PAST,
    IMDSV1_FALLBACK_RAISED,
    IMDSV1_THROUGH_RELAY,
    IMDSV1_FALLBACK_UNIDENTIFIED,
    IMDSV1_FALLBACK_DOUBTFUL,
    IMDSV1_REFUSED,
)
OF_CALLS = frozenset(kind.id for kind in KINDS_OF_CALLS)
