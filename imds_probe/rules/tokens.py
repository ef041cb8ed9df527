"""Are tokens required already?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.findings import Finding
from imds_probe.rules.rule import Explanation, NothingToJudge, Rule


def _judge(facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
    del catalog
    imds = facts.get(Imds)
    if imds is None or imds.endpoint in ("disabled", "unreachable"):
        return NothingToJudge("the metadata service did not answer")
    if imds.tokens == "required":
        return [_info("tokens-required", "tokens are required already: IMDSv1 is off", f"by {imds.tokens_method}")]
    if imds.tokens == "optional":
        return [_info("imdsv1-open", "IMDSv1 is still answered (HttpTokens=optional)", f"by {imds.tokens_method}")]
    return [_info("tokens-unknown", "whether tokens are required was not found out", imds.tokens_method)]


def _info(finding_id: str, summary: str, evidence: str) -> Finding:
    return Finding(
        id=finding_id, rule="tokens", severity="info", subject="metadata service", summary=summary, evidence=(evidence,)
    )


RULE = Rule(
    id="tokens",
    judge=_judge,
    explanations=(
        Explanation(
            id="tokens-required",
            title="Tokens required already",
            meaning="A request without a token was refused with 401: HttpTokens is required on this instance. The switch is "
            "done; anything found to need IMDSv1 is broken now, not one day.",
            cure="Nothing, unless something else was found. To roll back, use the command in the report.",
        ),
        Explanation(
            id="imdsv1-open",
            title="IMDSv1 still answered",
            meaning="A request without a token was answered: HttpTokens is optional. A server-side request forgery in any "
            "program on this host can read the role's credentials with one plain GET.",
            cure="Switch, once the verdict is ready.",
            sources=(
                "https://aws.amazon.com/blogs/security/defense-in-depth-open-firewalls-reverse-proxies-ssrf-"
                "vulnerabilities-ec2-instance-metadata-service/",
            ),
        ),
        Explanation(
            id="tokens-unknown",
            title="Not known whether tokens are required",
            meaning="Only a request without a token (or the EC2 API) can tell. It was not made (--no-v1-probe), or not "
            "answered in a way that tells.",
            cure="Nothing depends on it: requiring tokens twice does no harm. To know, run without --no-v1-probe; that "
            "adds one to CloudWatch's MetadataNoToken.",
        ),
    ),
)
