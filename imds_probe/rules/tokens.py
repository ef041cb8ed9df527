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
    title="Tokens are required already",
    meaning="A request without a token was refused with 401, or the EC2 API says so: HttpTokens is required on this instance. The "
    "switch is done. Software that needs IMDSv1 is already broken.",
    cure="Nothing has to be done, unless another finding says so. To roll back, use the command in the report.",
)
IMDSV1_OPEN = Kind(
    id="imdsv1-open",
    severity="info",
    title="IMDSv1 is still answered",
    meaning="A request without a token was answered, or the EC2 API says so: HttpTokens is optional. A server-side request "
    "forgery in any program on this host can read the role's credentials with one plain GET.",
    cure="Run the command to switch, which is in the report, once the verdict is `ready` or `needs-hop-limit`.",
    sources=(
        "https://aws.amazon.com/blogs/security/defense-in-depth-open-firewalls-reverse-proxies-ssrf-"
        "vulnerabilities-ec2-instance-metadata-service/",
    ),
)
TOKENS_UNKNOWN = Kind(
    id="tokens-unknown",
    severity="info",
    title="It is not known whether tokens are required",
    meaning="Only a request without a token, or the EC2 API, can tell. imds-probe made no such request (--no-v1-probe), the "
    "answer did not tell, or the EC2 API says that a change is pending.",
    cure="Nothing depends on it: requiring tokens twice does no harm. To find out, run with --control-plane, or without "
    "--no-v1-probe. If a change is pending, run again in a minute. The request without a token adds one to CloudWatch's "
    "MetadataNoToken.",
)

# By how it is known: tokens_method.
_UNKNOWN_BECAUSE = {
    "not-tried": "no request without a token was made",
    "ec2-api-pending": "the EC2 API says that a change is pending",
    "not-answered": "a request without a token was made, but its answer did not tell",
}


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    imds = facts.get(Imds)
    if imds is None or imds.endpoint in ("disabled", "unreachable"):
        return NothingToJudge("the metadata service did not answer")
    if imds.tokens == "required":
        seen = _seen(imds, "refused")
        return [TOKENS_REQUIRED.found(_SUBJECT, "tokens are required already: IMDSv1 is off", evidence=seen)]
    if imds.tokens == "optional":
        seen = _seen(imds, "answered")
        return [IMDSV1_OPEN.found(_SUBJECT, "IMDSv1 is still answered (HttpTokens=optional)", evidence=seen)]
    because = (_UNKNOWN_BECAUSE.get(imds.tokens_method, imds.tokens_method),)
    return [TOKENS_UNKNOWN.found(_SUBJECT, "it is not known whether tokens are required", evidence=because)]


def _seen(imds: Imds, came: str) -> tuple[str, ...]:
    if imds.tokens_method == "ec2-api":
        return (f"the EC2 API says HttpTokens={imds.tokens}",)
    return (
        f"a request without a token was {came}" if imds.tokens_method == "v1-probe" else f"by {imds.tokens_method}",
    )


RULE = Rule("tokens", _find, kinds=(TOKENS_REQUIRED, IMDSV1_OPEN, TOKENS_UNKNOWN))
