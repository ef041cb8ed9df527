"""Are tokens required already?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.findings import Found, Kind
from imds_probe.rules.rule import NothingToJudge, Rule

_SUBJECT = "metadata service"

TOKENS_REQUIRED = Kind(
    id="tokens-required",
    severity="info",
    title="Tokens required already",
    meaning="A request without a token was refused with 401: HttpTokens is required on this instance. The switch is "
    "done; anything found to need IMDSv1 is broken now, not one day.",
    cure="Nothing, unless something else was found. To roll back, use the command in the report.",
)
IMDSV1_OPEN = Kind(
    id="imdsv1-open",
    severity="info",
    title="IMDSv1 still answered",
    meaning="A request without a token was answered: HttpTokens is optional. A server-side request forgery in any "
    "program on this host can read the role's credentials with one plain GET.",
    cure="Switch, once the verdict is ready.",
    sources=(
        "https://aws.amazon.com/blogs/security/defense-in-depth-open-firewalls-reverse-proxies-ssrf-"
        "vulnerabilities-ec2-instance-metadata-service/",
    ),
)
TOKENS_UNKNOWN = Kind(
    id="tokens-unknown",
    severity="info",
    title="Not known whether tokens are required",
    meaning="Only a request without a token (or the EC2 API) can tell. It was not made (--no-v1-probe), or not "
    "answered in a way that tells.",
    cure="Nothing depends on it: requiring tokens twice does no harm. To know, run without --no-v1-probe; that "
    "adds one to CloudWatch's MetadataNoToken.",
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    imds = facts.get(Imds)
    if imds is None or imds.endpoint in ("disabled", "unreachable"):
        return NothingToJudge("the metadata service did not answer")
    if imds.tokens == "required":
        return [TOKENS_REQUIRED.found(_SUBJECT, "tokens are required already: IMDSv1 is off", evidence=_how(imds))]
    if imds.tokens == "optional":
        return [IMDSV1_OPEN.found(_SUBJECT, "IMDSv1 is still answered (HttpTokens=optional)", evidence=_how(imds))]
    unknown = "whether tokens are required was not found out"
    return [TOKENS_UNKNOWN.found(_SUBJECT, unknown, evidence=(imds.tokens_method,))]


def _how(imds: Imds) -> tuple[str, ...]:
    return (f"by {imds.tokens_method}",)


RULE = Rule("tokens", _find, kinds=(TOKENS_REQUIRED, IMDSV1_OPEN, TOKENS_UNKNOWN))
