"""The long form of what the rule on callers can find."""

from __future__ import annotations

from imds_probe.rules.rule import Explanation

EXPLANATIONS = (
    Explanation(
        id="imdsv1-caller",
        title="Somebody still calls IMDSv1",
        meaning="A request without a token was seen on its way to the metadata service within the window that is judged by "
        "(watch.window, 14 days unless set otherwise). Once tokens are required it is answered with 401. Who made it is "
        "known by the kernel's own record of the connection where that is to be had.",
        cure="Change the caller as the finding says. It leaves the verdict once the window has passed it by, or with a shorter "
        "watch.window in the configuration; `imds-probe watch --v1-only` shows at once whether it still calls.",
        sources=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
    ),
    Explanation(
        id="imdsv1-fallback",
        title="A container calls IMDSv1 because the token does not reach it",
        meaning="It asks for a token, and so speaks IMDSv2, but the answer's IP TTL ends before it gets to the container; after "
        "a while it asks without one. With tokens required it would get nothing.",
        cure="Raise the hop limit with the same command that requires tokens; the program needs no change.",
        sources=("EC2 User Guide: Considerations for containers and the hop limit",),
    ),
    Explanation(
        id="imdsv1-refused",
        title="Calls to IMDSv1 are refused",
        meaning="Tokens are required already, and a caller that sends none was answered with 401. It gets no metadata.",
        cure="Have it ask for a token, or turn off what it asks for if nobody misses it.",
        sources=("EC2 User Guide: IMDS error codes",),
    ),
    Explanation(
        id="imdsv1-unseen",
        title="CloudWatch counted calls by IMDSv1 that the watch did not see",
        meaning="The metric MetadataNoToken of this instance is higher than what was seen in hours that were watched without "
        "a gap, the probe's own calls counted in both. So somebody calls whom the watch cannot see: from a network interface "
        "that is handed to a container or a virtual machine (SR-IOV, DPDK), or before the daemon begins at each boot.",
        cure="Look for virtual machines and user-space network stacks on this host, and at the minutes of the metric in "
        "CloudWatch: they tell when.",
        sources=("EC2 User Guide: CloudWatch metrics of instances, MetadataNoToken",),
    ),
    Explanation(
        id="watched-too-shortly",
        title="Nobody called IMDSv1, but it was not watched for long enough",
        meaning="For high confidence, 99 % of the last 14 days must have been watched (watch.coverage, watch.window). Time in "
        "which the daemon did not run, the host was down or packets came too fast counts as not watched: a monthly job may "
        "have called then.",
        cure="Leave the daemon running: systemctl enable --now imds-probe-daemon.",
    ),
)
