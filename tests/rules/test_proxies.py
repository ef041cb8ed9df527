import pytest
from observed import FACTS, changed

from imds_probe.facts.obstacles import PathObstacle
from imds_probe.rules.proxies import known_proxy, proxies_speak


def proxy(image, *, certain=True, kind="proxy"):
    name = "kiam" if "kiam" in (image or "") else "kube2iam"
    return PathObstacle(
        "host", kind, "ipv4", "process 7", f"{name} (pid 7)", ":8181", certain, None, "prerouting", 7, image
    )


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("jtblin/kube2iam:0.12", "0.12"),
        ("jtblin/kube2iam:0.10.11", "0.10.11"),
        ("registry.example:5000/kube2iam:0.13.1-2024", "0.13.1"),
        ("registry.example/kube2iam:0.11.2@sha256:0123", "0.11.2"),
        ("quay.io/uswitch/kiam:v4.2", "4.2"),
        ("registry.example/kube2iam:20190312", None),  # a date, the number of a build, a commit
        ("registry.example/kube2iam:2019.3.12", None),
        ("registry.example/kube2iam:17", None),
        ("registry.example/kube2iam:7312451", None),
        ("registry.example/kube2iam:latest", None),
        ("registry.example/kube2iam:1.4.0-corp", None),  # no release ever had such a number
        ("registry.example/other:0.12.0", None),
        ("quay.io/uswitch/kiam:42", None),
        ("quay.io/uswitch/kiam:12.1", None),
        (None, None),
    ],
)
def test_only_the_number_of_a_release_is_a_version(image, version):
    found = known_proxy(proxy(image))
    assert (found.version and str(found.version)) == version


def test_since_when_they_pass_tokens_and_speak_imdsv2():
    said = [known_proxy(proxy(f"kube2iam:0.{number}")) for number in ("10.10", "10.11", "12.0")]
    assert [(each.passes, each.speaks) for each in said] == [(False, False), (True, False), (True, True)]
    assert not known_proxy(proxy(None)).passes


def test_a_guess_is_no_known_proxy():
    guessed = PathObstacle(
        "host", "proxy", "ipv4", "port 8181", "redirected to port 8181", None, False, None, "prerouting"
    )
    assert known_proxy(guessed) is None
    assert known_proxy(proxy("kube2iam:0.12.0", kind="redirect")) is None


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), False),
        ((proxy("kube2iam:0.12.0"),), True),
        ((proxy("kube2iam:0.12.0"), proxy("kiam:v4.0")), True),
        ((proxy("kube2iam:0.12.0"), proxy("kiam:v3.6")), False),
        ((proxy("kube2iam:0.12.0", certain=False),), False),  # no rule brings requests to it
        ((proxy(None),), False),
    ],
)
def test_whether_all_proxies_speak(there, expected):
    assert proxies_speak(changed(FACTS, obstacles=there)) is expected
