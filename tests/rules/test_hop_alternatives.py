from dataclasses import replace

import pytest
from observed import CATALOG, FACTS, INSTANCE, changed, container, report_of, with_containers

from imds_probe.facts.owner import Owner
from imds_probe.rules.hop_alternatives import instead_of, why_limit

WEB = container("web", 1, "lost")
POD = replace(WEB, pod="web-1", namespace="shop", runtime="containerd")


@pytest.mark.parametrize(
    ("cause", "kind", "says"),
    [
        (WEB, None, "credentials of its own"),
        (WEB, None, "docker run --network host"),
        (WEB, "ecs", "an ECS task role"),
        (POD, "eks-node-group", "EKS Pod Identity or IRSA"),
        (POD, "kops", "an IAM role by IRSA"),
        (POD, None, "hostNetwork: true"),
    ],
)
def test_what_makes_a_higher_hop_limit_unnecessary_fits_where_the_container_runs(cause, kind, says):
    owner = Owner(kind, None, ()) if kind else None
    facts = changed(with_containers(cause), instance=replace(INSTANCE, owner=owner))
    (said,) = instead_of(2, facts, CATALOG)
    assert says in said
    assert said.startswith("Instead of hop limit 2, give this container ")
    assert said.endswith(f": {cause.title}.")


def test_nothing_is_said_where_the_hop_limit_is_not_raised():
    assert instead_of(2, with_containers(container("web", 1, "ok", 2), limit=2), CATALOG) == ()
    assert instead_of(None, FACTS, CATALOG) == ()
    assert report_of(with_containers(WEB)).verdict.instead == instead_of(2, with_containers(WEB), CATALOG)


def test_the_reason_of_a_hop_limit_names_the_containers():
    assert why_limit(2, with_containers(WEB), CATALOG) == "hop limit 2 is for web"
    assert "is in force" in why_limit(2, FACTS, CATALOG)
    assert why_limit(1, FACTS, CATALOG) == why_limit(None, FACTS, CATALOG) == ""
