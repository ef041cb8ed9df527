"""The one request without a token. Only it (or the EC2 API) can tell whether tokens are required.

It adds one to the very metric that the probe helps to bring to zero (MetadataNoToken, or MetadataNoTokenRejected), so:
at most one a run, none where it is not needed, and it is counted in the report.
"""

from __future__ import annotations

from imds_probe.imds.client import MetadataClient
from imds_probe.imds.replies import Outcome, Reply

# Small, present on every instance, and no secret.
PATH = "/latest/meta-data/instance-id"


def ask_without_token(client: MetadataClient) -> Reply:
    """GET the instance id as IMDSv1 would: 200 where tokens are optional, 401 where they are required."""
    return client.get_without_token(PATH)


def tokens_required(reply: Reply) -> bool | None:
    """What the reply says about HttpTokens; None where it says nothing."""
    if reply.outcome is Outcome.UNAUTHORIZED:
        return True
    # 404 is an answer to the question too: the request was served, there was only nothing at that path.
    if reply.outcome in (Outcome.OK, Outcome.NOT_FOUND):
        return False
    return None
