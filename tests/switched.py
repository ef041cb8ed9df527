"""What a run said of a container and of the switch, and whether a client gets what it asks for by token."""

from soon import SOON_S

INSTANCE = "i-0123456789abcdef0"
SERVICE = "http://169.254.169.254/latest"
# For what never comes: on a slow machine it comes no more than elsewhere. What does come is waited for.
IN_VAIN_S = 3.0


def seen(ran, name):
    (found,) = [each for each in ran.report["containers"] if each["name"] == name]
    return found


def finding(ran, kind):
    (found,) = [each for each in ran.report["findings"] if each["id"] == kind]
    return found


def switch(ran):
    return ran.report["verdict"]["switch"]["http_put_response_hop_limit"]


def lowers(ran):
    return "hop-limit-higher-than-needed" in ran.finding_ids


def by_token(within_s=SOON_S):
    """A script that asks for a token, and for the instance's id with it."""
    return (
        f"T=$(curl -sf -m {within_s:g} -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {SERVICE}/api/token) && "
        f'curl -sf -m {within_s:g} -H "X-aws-ec2-metadata-token: $T" {SERVICE}/meta-data/instance-id'
    )


def asked_by_token(node, within_s=SOON_S):
    """What curl is told in a network, empty where it is told nothing."""
    return node.run(["sh", "-c", by_token(within_s)], timeout_s=3 * SOON_S).stdout.decode()


def asked_without_token(node):
    argv = ["curl", "-sf", "-m", f"{SOON_S:g}", f"{SERVICE}/meta-data/instance-id"]
    return node.run(argv, timeout_s=2 * SOON_S).stdout.decode()
