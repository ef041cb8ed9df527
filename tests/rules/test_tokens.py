import pytest
from observed import with_imds

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.rule import NothingToJudge
from imds_probe.rules.tokens import RULE


@pytest.mark.parametrize(
    ("tokens", "finding_id"),
    [("required", "tokens-required"), ("optional", "imdsv1-open"), ("unknown", "tokens-unknown")],
)
def test_each_state_is_said_and_blocks_nothing(tokens, finding_id):
    (finding,) = RULE.judge(with_imds(tokens=tokens), Catalog(()))
    assert (finding.id, finding.severity, finding.implies) == (finding_id, "info", None)


@pytest.mark.parametrize("endpoint", ["disabled", "unreachable"])
def test_no_service_no_tokens(endpoint):
    assert isinstance(RULE.judge(with_imds(endpoint=endpoint), Catalog(())), NothingToJudge)


@pytest.mark.parametrize(
    ("tokens", "method", "seen"),
    [
        ("required", "v1-probe", "a request without a token was refused"),
        ("optional", "v1-probe", "a request without a token was answered"),
        ("required", "ec2-api", "the EC2 API says HttpTokens=required"),
        ("unknown", "ec2-api-pending", "the EC2 API says that a change is pending"),
        ("unknown", "not-tried", "no request without a token was made"),
        ("unknown", "not-answered", "a request without a token was made, but its answer did not tell"),
    ],
)
def test_how_it_is_known_is_said(tokens, method, seen):
    (finding,) = RULE.judge(with_imds(tokens=tokens, tokens_method=method), Catalog(()))
    assert finding.evidence == (seen,)
