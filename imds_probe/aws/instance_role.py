"""The instance role's credentials, for signing, by IMDSv2 alone: botocore's own way falls back to IMDSv1 and knows proxies."""

from __future__ import annotations

import datetime
import json
import re
import time
from typing import Any

from botocore.credentials import CredentialProvider, Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError

from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import Endpoints
from imds_probe.imds.replies import Reply

PATH = "/latest/meta-data/iam/security-credentials/"
WITHIN_S = 5.0
_ROLE = re.compile(r"[\w+=,.@-]{1,128}")  # IAM's names of roles: CreateRole in its API reference
_FIELDS = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")


class InstanceRole(CredentialProvider):  # type: ignore[misc] # botocore has no types
    """Takes the place of botocore's provider of the same name in the standard chain."""

    METHOD = "iam-role"
    CANONICAL_NAME = "Ec2InstanceMetadata"

    def __init__(self, endpoints: Endpoints, counter: RequestCounter | None = None) -> None:
        self._endpoints, self._counter = endpoints, counter or RequestCounter()

    def load(self) -> Credentials | None:
        """Credentials that renew themselves; None where the instance has no role, or no service answers."""
        found, _ = self._fetched()
        if found is None:
            return None
        if datetime.datetime.fromisoformat(found["expiry_time"]) <= datetime.datetime.now(datetime.UTC):
            raise CredentialRetrievalError(
                provider=self.METHOD, error_msg=f"they ended at {found['expiry_time']} by the clock of this host"
            )
        return RefreshableCredentials.create_from_metadata(found, refresh_using=self._again, method=self.METHOD)

    def _again(self) -> dict[str, str]:
        found, why = self._fetched()
        if found is None:
            raise CredentialRetrievalError(provider=self.METHOD, error_msg=why)
        return found

    def _fetched(self) -> tuple[dict[str, str] | None, str]:
        """What botocore wants of credentials, or why there are none."""
        why = ""
        for endpoint in (self._endpoints.primary, self._endpoints.twin):
            if endpoint is None:
                continue
            client = MetadataClient(endpoint, deadline=time.monotonic() + WITHIN_S, counter=self._counter)
            token = client.put_token()
            if not token.ok:
                why = why or f"no session token: {token.detail}"
                continue
            role = client.get(PATH)
            name = role.body.decode("utf-8", "replace").strip().partition("\n")[0]
            if not role.ok or not _ROLE.fullmatch(name):
                return None, f"the instance has no role: {role.detail or 'none is named'}"
            return _credentials(client.get(PATH + name))
        return None, why


def _credentials(reply: Reply) -> tuple[dict[str, str] | None, str]:
    """Never a word of the answer in what is said about it: it is a secret."""
    if not reply.ok:
        return None, f"the role's credentials were not served: {reply.detail}"
    try:
        document: Any = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not all(isinstance(document.get(name), str) for name in _FIELDS):
        return None, "what was served for the role is no credentials"
    key, secret, token, expires = (document[name] for name in _FIELDS)
    try:
        in_utc = datetime.datetime.fromisoformat(expires).tzinfo is not None
    except ValueError:
        in_utc = False
    if not in_utc:
        return None, "the role's credentials have no time of expiry"
    return {"access_key": key, "secret_key": secret, "token": token, "expiry_time": expires}, ""
