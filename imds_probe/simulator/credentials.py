"""Made-up role credentials: AWS-shaped, obviously false, different in every simulator so that leaks can be searched."""

from __future__ import annotations

import secrets
from dataclasses import field

from imds_probe.dataclass import dataclass

LIFETIME_S = 6 * 3600
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def _key_id() -> str:
    # 20 characters as STS makes them; "EXAMPLE" is AWS's own mark for keys that are none.
    return "ASIAEXAMPLE" + "".join(secrets.choice(_LETTERS) for _ in range(9))


def _secret_key() -> str:
    return "EXAMPLE/" + secrets.token_hex(16)


def _session_token() -> str:
    return "EXAMPLESESSION" + secrets.token_hex(96)


@dataclass(frozen=True)
class Credentials:
    """One set, fixed for the life of a simulator; only its dates move on."""

    access_key_id: str = field(default_factory=_key_id)
    secret_access_key: str = field(default_factory=_secret_key, repr=False)
    session_token: str = field(default_factory=_session_token, repr=False)

    def document(self, issued_at: str, expires_at: str) -> dict[str, str]:
        """The JSON object of iam/security-credentials/<role>; times are RFC 3339."""
        return {
            "Code": "Success",
            "LastUpdated": issued_at,
            "Type": "AWS-HMAC",
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "Token": self.session_token,
            "Expiration": expires_at,
        }

    def secrets(self) -> tuple[str, str]:
        return self.secret_access_key, self.session_token
