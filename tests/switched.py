"""What a run said of a container and of the switch, and whether a client gets what it asks for by token."""

from soon import SOON_S

INSTANCE = "i-0123456789abcdef0"
SERVICE = "http://169.254.169.254/latest"
BY_TOKEN = (
    f"T=$(curl -sf -m 3 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {SERVICE}/api/token) && "
    f'curl -sf -m 3 -H "X-aws-ec2-metadata-token: $T" {SERVICE}/meta-data/instance-id'
)


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


def asked_by_token(node):
    """What curl is told in a network, empty where it is told nothing."""
    return node.run(["sh", "-c", BY_TOKEN], timeout_s=SOON_S).stdout.decode()


def asked_without_token(node):
    return node.run(["curl", "-sf", "-m", "3", f"{SERVICE}/meta-data/instance-id"], timeout_s=SOON_S).stdout.decode()
