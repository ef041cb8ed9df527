import pytest
from observed import FACTS

from imds_probe.facts.containers import namespace_in, title


def test_a_collector_is_found_by_its_id():
    assert FACTS.collector("rpm").status == "ok"
    assert FACTS.collector("snap") is None


@pytest.mark.parametrize(
    ("pod", "namespace", "said"),
    [
        ("report-1", "team-a", "team-a"),
        ("report-1", None, ""),
        (
            "main",
            "team-a",
            "",
        ),  # a pod that is called like its container: not to be told from a pod of no known namespace
        (None, None, ""),
    ],
)
def test_the_kubernetes_namespace_is_read_from_a_title_where_it_is_sure(pod, namespace, said):
    shown = title("a" * 64, "main", pod, "containerd", namespace=namespace)
    assert namespace_in(shown) == namespace_in(f"{shown} of user 7") == said
    assert namespace_in(None) == ""
