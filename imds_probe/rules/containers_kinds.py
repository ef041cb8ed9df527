"""The kinds of findings on containers and the hop limit that they need."""

from __future__ import annotations

from imds_probe.findings import Kind
from imds_probe.rules.settling import (
    ANSWERING,
    AS_ROOT,
    EXEMPT,
    LATER,
    MORE_TIME,
    ON_HOST,
    OWNER,
    SERVICE_ITSELF,
    SERVICE_REACHED,
    SILENT_WINDOW,
)

_HOPS = (
    "EC2 User Guide: How Instance Metadata Service Version 2 works (the response to PUT requests has a hop limit)",
    "EC2 API: InstanceMetadataOptionsRequest, HttpPutResponseHopLimit",
)
LISTENING = "a run while the server that a rule redirects to listens"

HOP_LIMIT_TOO_LOW = Kind(
    id="hop-limit-too-low",
    severity="blocker",
    implies="needs-hop-limit",
    title="The hop limit is too low for the token to reach a container",
    meaning="The hop limit is the IP TTL that the token response starts with. Every router lowers it by one. For a container "
    "behind a bridge the host itself is a router, so such a container needs a hop limit of 2. imds-probe connected to the service "
    "from inside the container, measured the distance by the TTL of the first answer, and made a token request. The distance "
    "counts only if the host saw the container's connection reach the service. While IMDSv1 is on, current SDKs fall back to "
    "IMDSv1 after a delay. Once IMDSv1 is off, these containers have no metadata. A container counts as needing metadata unless "
    "there is evidence that it needs none.",
    cure="Where only a few containers need metadata, make the higher hop limit unnecessary: give them credentials of their own "
    "(IRSA, EKS Pod Identity, ECS task roles), or run them in the host's network. Otherwise raise HttpPutResponseHopLimit to the "
    "number in the finding, in the same command as the switch. After that, every process in every container within reach can take "
    "the role's credentials.",
    sources=_HOPS,
)
SCHEDULED_CONTAINER_WITHOUT_TOKEN = Kind(
    id="scheduled-container-without-token",
    severity="blocker",
    implies="needs-hop-limit",
    title="The hop limit is too low for what a schedule starts in a network of its own",
    meaning="A crontab, a timer or another schedule starts a container with a network of its own, and a program in it asks for "
    "metadata or was not read. The schedule may also start such a program in another network namespace, by `ip netns exec` or "
    "by a unit with NetworkNamespacePath= or JoinsNamespaceOf=. The program does not run now, so imds-probe could not measure "
    "its distance. A network behind a bridge is at least one hop further away than the host, so at hop limit 1 no token "
    "reaches it. While IMDSv1 is on, the program may fall back to IMDSv1. Once IMDSv1 is off, it has no metadata. A container "
    "with the host's network (--network host) has no such finding, nor has a program whose schedule came round in a watched "
    "window in which nobody called IMDSv1.",
    cure="Run the container or program in the host's network, or give it credentials of its own, if it alone needs the higher "
    "hop limit. Otherwise raise the hop limit alone to the number in the finding, while tokens are still optional. Keep "
    "imds-probe's daemon running until the schedule has started it, and run imds-probe again: the report says whether the "
    "token arrives. Then require tokens with the command in that report.",
    sources=(*_HOPS, "docker-run(1), podman-run(1): --network"),
)
DISTANCE_UNEXPLAINED = Kind(
    id="distance-unexplained",
    severity="warning",
    implies="unknown",
    title="A container receives no token, and its distance from the host is unexplained",
    meaning="imds-probe measures the distance by the TTL of the connection's first answer. Anyone who controls a network can "
    "change TTLs. A distance that needs a hop limit above 3 therefore counts only if the path between the container and the "
    "host has the same number of routers. Here the links and routes could not be followed to the host, or they show another "
    "number. The command in the report does not raise the hop limit for this container, because the hop limit that it needs is "
    "not known.",
    cure="Trace the path from the container to the host: run `ip route get 169.254.169.254` and `ip -d link` in each network "
    "namespace on the path. Look for rules of nftables and iptables that change TTLs, and for tunnels. imds-probe does not see "
    "a network namespace that has neither a process nor a name in /run/netns. A report of an earlier release does not "
    "contain the path: run imds-probe again.",
    sources=_HOPS,
    settled_by=("a run that can follow links and routes from the container to the host", OWNER),
)
USERS_NETWORK_WITHOUT_TOKEN = Kind(
    id="users-network-without-token",
    severity="warning",
    title="A network that an unprivileged user made does not receive the token",
    meaning="An unprivileged user made this network namespace, for example with rootless Podman, rootless Docker or `unshare`. "
    "That user can let any program answer there in place of the metadata service, and fake its distance. A measurement there "
    "therefore neither raises the hop limit nor blocks the switch. The finding lowers the confidence of the verdict, because a "
    "program in the network may need metadata. A token that arrives through a relay, such as slirp4netns or pasta, counts as "
    "received.",
    cure="The switch requires no change here. If a program in this network needs metadata, run it on the host's network or "
    "behind a relay, or give it its own credentials. If the verdict has to depend on this network, create the network as root.",
    sources=("user_namespaces(7), network_namespaces(7)",),
)
HOP_LIMIT_KEEPS_OUT = Kind(
    id="hop-limit-keeps-out",
    severity="info",
    title="Containers receive no token, and nothing shows that they need one",
    meaning="The token does not reach these containers. Their environment says that their credentials come from elsewhere, or "
    "it turns metadata off. Other containers are here because nothing says whether they need metadata, and none of them made a "
    "call in a watched window. "
    "imds-probe therefore leaves these containers out when it works out the hop limit. The environment is "
    "strong evidence, not proof: some SDKs also ask the metadata service for the region.",
    cure="Nothing has to be done if these containers are meant to have no metadata. To be sure, watch for calls by IMDSv1 with "
    "`imds-probe watch --v1-only`. If the evidence names an option, search the configuration of the containers for that option. "
    "If the option is set, or a container needs metadata after all, raise HttpPutResponseHopLimit: a container behind one bridge "
    "needs 2.",
    sources=("AWS SDKs and Tools Reference Guide: standardized credential providers",),
)
TOKEN_LOST_UNMEASURED = Kind(
    id="token-lost-unmeasured",
    severity="blocker",
    implies="needs-hop-limit",
    title="A container receives no token, and its distance could not be measured",
    meaning="A relay takes the container's connections in place of the metadata service, or a rule changes the TTLs of packets on "
    "the way. Sidecars of service meshes, egress proxies and user-mode networks are such relays. The TTLs that imds-probe sees "
    "then do not show the distance. imds-probe made a token request at the present hop limit, and no answer came. A higher "
    "hop limit is needed, so that the token response reaches the container. imds-probe counts the routers by links and routes, "
    "and names the hop limit to try.",
    cure="While tokens are still optional, raise the hop limit alone to the number in the finding: `aws ec2 "
    "modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit NUMBER --http-endpoint enabled`. Run "
    "imds-probe again: the report says whether the token arrives. Then require tokens with the command in that report. Do not "
    "lower the hop limit later because of a distance that was measured through a relay.",
    sources=_HOPS,
)
TOKEN_LOST_BEHIND_RELAY = Kind(
    id="token-lost-behind-relay",
    severity="warning",
    implies="unknown",
    title="A container receives no token from behind a relay, and the hop limit may not be the cause",
    meaning="A relay takes the container's connections in place of the metadata service, and no answer to the token request came. "
    "Links and routes show that the present hop limit is enough, or the place of the relay is not known. The relay may not pass "
    "token requests at all, so no hop limit is advised.",
    cure="Find the relay: the evidence quotes the rule that leads to it, if imds-probe saw one. Make a token request where the "
    "relay runs: `curl -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token`. If it "
    "prints a token, the relay itself loses token requests: upgrade or configure the relay. If it prints none, look between the "
    "relay and the service: for a packet filter, or a hop limit that is too low for the relay. Then run imds-probe again.",
    settled_by=("a run once the relay passes token requests", OWNER),
)
TOKEN_THROUGH_RELAY = Kind(
    id="token-through-relay",
    severity="info",
    title="The token reaches a container through a relay",
    meaning="A relay takes the container's connections and makes connections of its own to the metadata service: the sidecar of a "
    "service mesh, an egress proxy, or a user-mode network such as slirp4netns or pasta. The token request was made at the "
    "present hop limit, and the token came. If the relay names itself in its answers, imds-probe asked the service on the host "
    "with that token, and the service knew it: the relay passes token requests on. The distance between the relay and the service "
    "was not measured.",
    cure="Nothing has to be done. Do not lower the hop limit: a lower one may not suffice.",
)
TTLS_CHANGED = Kind(
    id="ttls-changed",
    severity="warning",
    title="The TTLs of packets to a container are changed on the way",
    meaning="The TTLs of the packets that arrive in this container contradict each other, or do not fit the number of routers that "
    "links and routes show. A rule of iptables or nftables writes TTLs (TTL --ttl-set, --ttl-inc, ip ttl set). The distance of "
    "the container is therefore not known. The token request was made at the present hop limit, and the token came.",
    cure="Nothing has to be done before the switch. Do not lower the hop limit. Keep the rule while the container depends on it.",
)
TOKEN_FILTERED = Kind(
    id="token-filtered",
    severity="warning",
    title="The token should arrive in a container and does not",
    meaning="The connection is made and the distance is within the hop limit, but the token response did not arrive in two "
    "attempts. The hop limit is not the cause: a packet filter, a service mesh or a network policy drops the response, or "
    "something changes its TTL.",
    cure="The findings metadata-blocked and metadata-ttl-changed of the same report quote the rules that imds-probe saw. If the "
    "report has none, look at the network policies of the cluster and at the service mesh. Change the rule or policy so that "
    "answers from 169.254.169.254 arrive, and run imds-probe again. A higher hop limit does not help.",
    settled_by=("the removal of the rule or policy that drops the token response", OWNER),
)
TOKEN_BEYOND_HOP_LIMIT = Kind(
    id="token-beyond-hop-limit",
    severity="warning",
    title="The token arrives in a container although it should not",
    meaning="By distance and hop limit, the token response should be lost on the way, but it arrived. A rule on the way raises "
    "the TTL of packets, or a proxy makes connections of its own. The distances that were measured for these containers are not "
    "reliable.",
    cure="Nothing has to be done before the switch. The findings metadata-ttl-changed, metadata-redirected and metadata-proxy of "
    "the same report show the rule or the proxy, if imds-probe saw it. Keep it while these containers need metadata, or raise "
    "the hop limit before you remove it.",
)
ANSWERED_BY_PROXY = Kind(
    id="answered-by-proxy",
    severity="info",
    title="A proxy answers containers instead of the metadata service",
    meaning="A program between these containers and the service answers them. Either the host did not see their connections "
    "reach the service, or the answer differs from the one on the host: it has another Server header or another status. "
    "kube2iam, kiam, service meshes and sidecars answer like that. The proxy decides whether these containers have metadata "
    "after the switch. If the proxy adds X-Forwarded-For, its token requests are answered with 403. If the proxy itself speaks "
    "only IMDSv1, its requests are answered with 401. A proxy that gave a token speaks IMDSv2 to the containers. How it asks the "
    "service itself does not show: the service did not confirm the token on the host, so the proxy may give tokens of its own and "
    "ask by IMDSv1. Its version (kube2iam, kiam) or a whole watched window without a call by IMDSv1 tells.",
    cure="If the proxy gave a token, keep the daemon running until a whole window was watched: once nobody called IMDSv1 in it, "
    "nothing has to be done. If the proxy gave none, upgrade it (kube2iam to 0.12.0 or later, kiam to 4.0 "
    "or later), or replace it by IRSA or EKS Pod Identity. Configure any other proxy or service mesh so that it passes token "
    "requests without X-Forwarded-For. Then run imds-probe again.",
    sources=("EC2 User Guide: IMDSv2 requests with an X-Forwarded-For header are rejected",),
    settled_by=("a way to the metadata service without the proxy", OWNER),
)
METADATA_UNREACHABLE = Kind(
    id="metadata-unreachable",
    severity="info",
    title="Containers cannot reach the metadata service",
    meaning="These containers cannot connect to the metadata service by any version: there is no route, or a network policy or "
    "a setting such as ECS_AWSVPC_BLOCK_IMDS forbids it. IMDSv1 does not work there either, so requiring tokens takes "
    "nothing away.",
    cure="Nothing has to be done if this is intended.",
)
METADATA_PERHAPS_SERVED = Kind(
    id="metadata-perhaps-served",
    severity="warning",
    implies="unknown",
    title="A container may receive metadata, although imds-probe could not connect from it",
    meaning="imds-probe asks as root, and once. Its connection was not made, and yet programs of the container may receive "
    "metadata. A rule may keep root away and let another user through. The server that a rule redirects to may be down just now. "
    "An HTTP proxy may ask for the programs (HTTP_PROXY). The watch may have seen metadata served there. gVisor, Kata Containers "
    "and other virtual machines have a network of their own behind that of the container, and imds-probe can neither ask from it "
    "nor read the programs there. The evidence says which. It is not known whether these programs ask for a token, and whether "
    "they receive one.",
    cure="If a server that a rule redirects to is down, start it and run imds-probe again. If a rule lets one user through, test a "
    "token request as that user, in the container's network: `curl -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
    "http://169.254.169.254/latest/api/token`. Then keep the daemon running: a whole window without a call by IMDSv1 settles the "
    "finding. Do not lower the hop limit before.",
    sources=("EC2 User Guide: Limit access to the instance metadata service (iptables with --uid-owner)",),
    settled_by=(LISTENING, EXEMPT, SILENT_WINDOW, OWNER),
)
CONTAINER_NOT_MEASURED = Kind(
    id="container-not-measured",
    severity="warning",
    implies="unknown",
    title="A container was not tested",
    meaning="imds-probe tests a container from inside the container's network namespace. The test needs root (CAP_SYS_ADMIN) and "
    "a usable answer of the service on the host. It also fails if another program on the path accepts the connection and gives "
    "no answer. The evidence names the reason for each container. It is not known whether the token arrives in the container, so "
    "the verdict is unknown.",
    cure="If a network namespace is hidden, run as root. If the service was busy (503) or the time limit came first, run again. "
    "If another program accepted the connection, find that program: `nft list ruleset | grep -n 169.254.169.254` on the host and "
    "in the container's network namespace shows a redirect. Make sure that the program passes token requests, and run again. If "
    "AWS_EC2_METADATA_SERVICE_ENDPOINT names an address on loopback, run without the variable: no container reaches that address. "
    "If the service does not answer the host itself, the finding imds-unreachable or imds-kept-away says what to do.",
    settled_by=(AS_ROOT, SERVICE_ITSELF, LATER, SERVICE_REACHED, SILENT_WINDOW, OWNER),
)
CONTAINERS_NOT_SEEN = Kind(
    id="containers-not-seen",
    severity="warning",
    implies="unknown",
    title="Running containers could not be seen",
    meaning="imds-probe finds containers by the processes in /proc. The finding has one of four causes: imds-probe ran without "
    "root, so network namespaces were hidden; it ran inside a container, where only the container's own processes are visible; "
    "the run's time limit came first; or the records of a container runtime, which name the images, could not be read. The "
    "verdict is never ready while a container was not seen.",
    cure="Run as root on the host. In a container, run with the host's PID namespace, and with the host's root mounted and "
    "named by --root. Give the run more time with --timeout if its time limit came first.",
    settled_by=(AS_ROOT, ON_HOST, MORE_TIME, ANSWERING, OWNER),
)
HOP_LIMIT_HIGHER_THAN_NEEDED = Kind(
    id="hop-limit-higher-than-needed",
    severity="warning",
    title="The hop limit is higher than needed",
    meaning="With a higher limit than needed, the token response travels further than it must: into containers whose processes can "
    "then take the role's credentials, and through misconfigured routers.",
    cure="If a container that needs the present hop limit is stopped now and will run again, leave the hop limit as it is. "
    "Otherwise replace the number in the switch command by the one in the finding: the command as printed keeps the present hop "
    "limit. Where tokens are required already, set the hop limit alone: `aws ec2 modify-instance-metadata-options --instance-id "
    "ID --http-put-response-hop-limit NUMBER --http-endpoint enabled`.",
    sources=_HOPS,
)

KINDS = (
    HOP_LIMIT_TOO_LOW,
    DISTANCE_UNEXPLAINED,
    USERS_NETWORK_WITHOUT_TOKEN,
    HOP_LIMIT_KEEPS_OUT,
    TOKEN_LOST_UNMEASURED,
    TOKEN_LOST_BEHIND_RELAY,
    TOKEN_THROUGH_RELAY,
    TTLS_CHANGED,
    TOKEN_FILTERED,
    TOKEN_BEYOND_HOP_LIMIT,
    ANSWERED_BY_PROXY,
    METADATA_UNREACHABLE,
    METADATA_PERHAPS_SERVED,
    CONTAINER_NOT_MEASURED,
    CONTAINERS_NOT_SEEN,
    HOP_LIMIT_HIGHER_THAN_NEEDED,
)
