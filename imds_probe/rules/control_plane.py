"""Does the EC2 API say the same as the host?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.control_plane import ControlPlane, MetadataOptions
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import SERVICE, Imds
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.rule import NothingToJudge, Rule

_SUBJECT = "metadata service"
_MEASURED = ("capture", "minttl")

METADATA_OPTIONS_PENDING = Kind(
    id="metadata-options-pending",
    severity="warning",
    title="A change of the metadata options is not yet in force",
    meaning="The EC2 API reports the state pending: somebody has changed the metadata options of this instance, and the change is "
    "not yet applied. The values of the API are the new ones, and the host still has the old ones.",
    cure="Wait until `aws ec2 describe-instances --query 'Reservations[].Instances[].MetadataOptions.State'` shows applied. "
    "Then run `imds-probe run --control-plane`.",
    sources=("EC2 API: InstanceMetadataOptionsResponse",),
)
HOP_LIMIT_DIFFERS = Kind(
    id="hop-limit-differs",
    severity="warning",
    title="The hop limit on the host is not that of the EC2 API",
    meaning="HttpPutResponseHopLimit is the IP TTL of the packets that carry the token. The TTL that arrives on the host "
    "differs from the hop limit that the EC2 API reports. A packet rule or a relay on the host changes the TTL, so every "
    "distance that imds-probe measures by TTLs may be wrong.",
    cure="Find the packet rule (`nft list ruleset`, `iptables -t mangle -S`) or the relay. Remove it, or exempt 169.254.169.254 "
    "from it. Then run `imds-probe run --control-plane` again.",
    sources=("EC2 User Guide: How Instance Metadata Service Version 2 works", "iptables-extensions(8): TTL"),
)
ENDPOINT_DIFFERS = Kind(
    id="endpoint-differs",
    severity="warning",
    title="The host and the EC2 API disagree on whether the metadata service is on",
    meaning="HttpEndpoint of the EC2 API contradicts the answer that the host received. Where the API says enabled, something on "
    "the host keeps requests from the service. Where the API says disabled, another server answers in place of the service.",
    cure="Inspect the routes of the host (`ip route get 169.254.169.254`), its packet rules (`nft list ruleset`), and the "
    "programs that listen on 169.254.169.254 (`ss -lntp`). Remove what keeps requests from the service or answers in its place, "
    "and run `imds-probe run --control-plane` again.",
    sources=("EC2 API: InstanceMetadataOptionsResponse",),
)
_CONTRADICTING = {
    "enabled": ("disabled", "unreachable"),
    "disabled": ("enabled", "refuses-tokens", "loses-tokens"),
}
INSPECT_RULES = ("iptables -t mangle -S", "nft list ruleset")


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    api, imds = facts.get(ControlPlane), facts.get(Imds)
    if api is None or api.instance is None or imds is None:
        return NothingToJudge("the EC2 API was not asked about this instance")
    if api.pending:
        return [
            METADATA_OPTIONS_PENDING.found(
                _SUBJECT,
                "a change of the metadata options is pending",
                evidence=(f"the EC2 API at {api.asked_at}: {in_words(api.instance)}", _on_host(imds)),
                fix=Fix("Run imds-probe again once the EC2 API reports the state applied."),
            )
        ]
    return [*_hop_limit(api, api.instance, imds), *_endpoint(api, api.instance, imds)]


def _hop_limit(api: ControlPlane, options: MetadataOptions, imds: Imds) -> list[Found]:
    limit = options.http_put_response_hop_limit
    differing = [
        each
        for each in imds.endpoints
        if each.hop_limit_method in _MEASURED and each.hop_limit != limit and each.address in SERVICE
    ]
    if limit is None or not differing:
        return []
    measured = differing[0].hop_limit
    return [
        HOP_LIMIT_DIFFERS.found(
            _SUBJECT,
            f"the token response arrives with hop limit {measured}, and the EC2 API says {limit}",
            evidence=(
                f"the EC2 API at {api.asked_at}: {limit}",
                *(f"measured at {each.address} ({each.hop_limit_method}): {each.hop_limit}" for each in differing),
            ),
            fix=Fix("Find the packet rule that sets the TTL of these packets, and remove it.", INSPECT_RULES),
        )
    ]


def _endpoint(api: ControlPlane, options: MetadataOptions, imds: Imds) -> list[Found]:
    says, seen = options.http_endpoint, imds.endpoint
    if any(each.is_named for each in imds.endpoints):
        return []  # another server was asked
    if seen not in _CONTRADICTING.get(says or "", ()):
        return []
    return [
        ENDPOINT_DIFFERS.found(
            _SUBJECT,
            f"the metadata service is {seen} on the host, and the EC2 API says {says}",
            evidence=(f"the EC2 API at {api.asked_at}: HttpEndpoint={says}", _on_host(imds)),
            fix=Fix(
                "Inspect the routes and the packet rules of the host. Remove the one that keeps requests from the service, or "
                "leads them to another server.",
                ("ip route get 169.254.169.254", *INSPECT_RULES),
            ),
        )
    ]


def in_words(options: MetadataOptions) -> str:
    """The options that the API gives, by its own names."""
    said = (
        ("HttpTokens", options.http_tokens),
        ("HttpPutResponseHopLimit", options.http_put_response_hop_limit),
        ("HttpEndpoint", options.http_endpoint),
    )
    return ", ".join(f"{name}={value}" for name, value in said if value is not None) or "nothing"


def _on_host(imds: Imds) -> str:
    limit = "not known" if imds.hop_limit is None else str(imds.hop_limit)
    return f"on the host: endpoint {imds.endpoint}, hop limit {limit}"


RULE = Rule("control-plane", _find, kinds=(METADATA_OPTIONS_PENDING, HOP_LIMIT_DIFFERS, ENDPOINT_DIFFERS))
