"""Programs that keep to IMDSv1 once they received no token, told by their requests: AWS's SDKs, which ask for one before all else.

Of anybody else, a request without a token long after a token request that was lost may be of a part that never asks for one.
Sources: fromInstanceMetadata of the AWS SDK for JavaScript v3 (disableFetchToken), tokenProvider of both SDKs for Go (fallback,
disabled), Ec2MetadataClient and EC2ResourceFetcher of those for Java, EC2InstanceMetadata of that for .NET. Botocore asks anew
each time.
"""

from __future__ import annotations

_OF_AWS = ("aws-sdk-", "aws-cli/", "boto3/", "botocore/")
# It asks for a token before credentials alone; and that for JavaScript v3 and its token requests have no name.
_JAVASCRIPT_V2 = "aws-sdk-nodejs/"
_NODE = frozenset(("node", "nodejs"))
_CREDENTIALS = "credentials"


def asks_once(user_agent: str, program: str, path_class: str) -> bool:
    """Whether a request without a token is that of an SDK, which asked for a token before and may not do so again. `program` is
    the path of its executable.
    """
    words = user_agent.lower().split()
    if not words:
        return path_class == _CREDENTIALS and _is_node(program.rpartition("/")[2])
    if any(word.startswith(_JAVASCRIPT_V2) for word in words):
        return path_class == _CREDENTIALS
    return any(word.startswith(_OF_AWS) for word in words)


def _is_node(name: str) -> bool:
    """Also of one version: Amazon Linux 2023 and Fedora call it node-20, SUSE node20."""
    return name in _NODE or name.rstrip("0123456789").removesuffix("-") in _NODE
