"""The kinds of findings on containers and the hop limit that they need."""

from __future__ import annotations

from imds_probe.findings import Kind

_HOPS = (
    "EC2 User Guide: How Instance Metadata Service Version 2 works (the response to PUT requests has a hop limit)",
    "EC2 API: InstanceMetadataOptionsRequest, HttpPutResponseHopLimit",
)

HOP_LIMIT_TOO_LOW = Kind(
    id="hop-limit-too-low",
    severity="blocker",
    implies="needs-hop-limit",
    title="The token response dies before it reaches a container",
    meaning="The answer to a token request is sent with an IP time to live of the hop limit, and every router takes one off, "
    "the host itself among them. A container behind a bridge is one hop further than the host and needs 2. The "
    "distance was measured from the TTL of the connection's first answer, and the token request was really tried. "
    "While IMDSv1 is on, current SDKs fall back to it after a delay; once it is off these containers have no "
    "metadata. Containers of which it is not known whether they need metadata count as if they did.",
    cure="Raise HttpPutResponseHopLimit to the number printed, in the same command as the switch. The price: every "
    "process in every container within reach can then take the role's credentials. Where only few containers need "
    "them, give those credentials of their own (IRSA, EKS Pod Identity, ECS task roles) and keep the limit.",
    sources=_HOPS,
)
HOP_LIMIT_KEEPS_OUT = Kind(
    id="hop-limit-keeps-out",
    severity="info",
    title="Containers out of reach that do not seem to need metadata",
    meaning="The token does not reach these containers, and their environment says that their credentials come from "
    "elsewhere or that metadata is turned off for them. They do not count towards the hop limit. What an SDK is "
    "told is strong evidence, not proof: some also ask the metadata service for the region.",
    cure="Nothing, if it is as intended. Watch who still calls IMDSv1 to be sure.",
    sources=("AWS SDKs and Tools Reference Guide: standardized credential providers",),
)
TOKEN_FILTERED = Kind(
    id="token-filtered",
    severity="warning",
    title="The token should arrive and does not",
    meaning="The connection is made and the distance is within the hop limit, but the answer to the token request never "
    "arrives, twice in a row. So it is not the hop limit: a packet filter, a service mesh or a network policy drops "
    "it, or something changes the TTL.",
    cure="Look at the findings on rules and routes, and at what manages the container network.",
)
TOKEN_BEYOND_HOP_LIMIT = Kind(
    id="token-beyond-hop-limit",
    severity="warning",
    title="The token arrives though it should not",
    meaning="By distance and hop limit the answer dies on the way, yet it arrived. Something on the way raises the TTL of "
    "packets or takes connections apart, so distances measured here are not to be relied on.",
    cure="Find the rule or proxy, and decide whether you want to depend on it.",
)
ANSWERED_BY_PROXY = Kind(
    id="answered-by-proxy",
    severity="warning",
    title="A proxy answers for the metadata service",
    meaning="The answer in these containers is not the one that the instance gets: another Server header, another status, "
    "or a TTL that the service's own answer cannot have. kube2iam, kiam, meshes and sidecars do that. What the "
    "containers get after the switch depends on the proxy: one that adds X-Forwarded-For gets 403 for token "
    "requests, one that speaks only IMDSv1 itself gets 401.",
    cure="Upgrade the proxy (kube2iam 0.12.0, kiam 4.0 or later), or replace it by IRSA or EKS Pod Identity.",
    sources=("EC2 User Guide: IMDSv2 requests with an X-Forwarded-For header are rejected",),
)
METADATA_UNREACHABLE = Kind(
    id="metadata-unreachable",
    severity="info",
    title="Containers that cannot reach the metadata service",
    meaning="No connection is made from there, by whatever version: no route, a network policy, or a rule such as "
    "ECS_AWSVPC_BLOCK_IMDS. IMDSv1 does not work there either, so requiring tokens takes nothing away.",
    cure="Nothing, if it is meant.",
)
CONTAINER_NOT_MEASURED = Kind(
    id="container-not-measured",
    severity="warning",
    implies="unknown",
    title="A container that was not measured",
    meaning="Entering a container's network namespace needs root (CAP_SYS_ADMIN), and an answer that makes sense. Without "
    "it nothing is known of its way to the service, and no verdict can rest on that.",
    cure="Run as root. Where the service was busy (503), run again.",
)
CONTAINERS_NOT_SEEN = Kind(
    id="containers-not-seen",
    severity="warning",
    implies="unknown",
    title="Containers that could not be seen",
    meaning="The probe finds containers by the processes in /proc. Without root their network namespaces are hidden, and "
    "inside a container only its own processes are there. What was not seen cannot be called fine.",
    cure="Run as root on the host; in a container with the host's PID namespace, its root mounted and --root naming it.",
)
HOP_LIMIT_HIGHER_THAN_NEEDED = Kind(
    id="hop-limit-higher-than-needed",
    severity="warning",
    title="A hop limit higher than anything needs",
    meaning="Every hop beyond what is needed lets token responses reach further than they must: into containers whose "
    "processes then can take the role's credentials, and through misconfigured routers.",
    cure="Lower it, unless something that needs it is not running now. The switch command keeps the present number.",
    sources=_HOPS,
)

KINDS = (
    HOP_LIMIT_TOO_LOW,
    HOP_LIMIT_KEEPS_OUT,
    TOKEN_FILTERED,
    TOKEN_BEYOND_HOP_LIMIT,
    ANSWERED_BY_PROXY,
    METADATA_UNREACHABLE,
    CONTAINER_NOT_MEASURED,
    CONTAINERS_NOT_SEEN,
    HOP_LIMIT_HIGHER_THAN_NEEDED,
)
