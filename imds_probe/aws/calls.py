"""One call of an AWS service: what may be tried again is, and every trouble ends as one error that says what has come of it."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from botocore import exceptions
from botocore.parsers import ResponseParserError

from imds_probe.documents import document
from imds_probe.errors import ProbeError
from imds_probe.kept.message import without_urls

T = TypeVar("T")
# later: nothing was done, the same may work another time. refused: this very request never will. in-doubt: it may have been.
Outcome = Literal["later", "refused", "in-doubt"]
ATTEMPTS = 4
BASE_S, MOST_S = 0.25, 5.0
# Common error codes of AWS's services, and those of CloudWatch and CloudWatch Logs.
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceeded",
    "LimitExceededException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "UnrecognizedClientException"}
EXPIRED |= {"InvalidClientTokenId", "InvalidAccessKeyId"}
CLOCK = {"RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException"}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "OptInRequired"}
# Before a byte of the request was sent.
_NOT_SENT = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ProxyConnectionError,
    exceptions.SSLError,
)
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.MetadataRetrievalError,
    exceptions.UnauthorizedSSOTokenError,
    exceptions.ProfileNotFound,
)


class CallError(ProbeError):
    """A call did not do what it should. `code` is the service's word for it, empty where it did not say one."""

    def __init__(self, problem: str, remedy: str = "", outcome: Outcome = "later", code: str = "") -> None:
        super().__init__(problem, remedy)
        self.outcome: Outcome = outcome
        self.code = code


def call(
    operation: Callable[[], T],
    *,
    deadline: float,
    renew: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `operation`, a call of a botocore client that tries once, until `deadline` (time.monotonic).

    Tried again, with full jitter: what was throttled, what the service says it failed at, and what was never sent. `renew`
    takes new credentials, once, where the service says that those at hand have expired. Raises CallError.
    """
    renewed = False
    for attempt in range(ATTEMPTS):
        if time.monotonic() >= deadline:
            break
        try:
            return operation()
        except exceptions.ClientError as error:
            code, again, trouble = _answered(error)
            if code in EXPIRED and not renewed:
                renewed = True
                renew()
                continue
        except _NOT_SENT as error:
            again, trouble = BASE_S, CallError(f"AWS cannot be reached: {_short(error)}", _ROUTE)
        except _NO_CREDENTIALS as error:
            raise CallError(f"no credentials for AWS: {_short(error)}", _ROLE) from None
        except exceptions.BotoCoreError as error:
            # It was sent, and what became of it is not known: sent again, it might count twice.
            raise CallError(f"AWS did not finish its answer: {_short(error)}", outcome=_after_sending(error)) from None
        except ResponseParserError:  # no service of AWS's has answered: its text may be anything
            raise CallError("something else than AWS answered", _ROUTE, outcome="in-doubt") from None
        pause_s = random.uniform(0, min(MOST_S, again * 2**attempt)) if again else 0.0  # noqa: S311 - spreads load
        if not again or attempt == ATTEMPTS - 1 or time.monotonic() + pause_s >= deadline:
            raise trouble
        sleep(pause_s)
    raise CallError("there was no time left to send it")


_ROUTE = "See that this host has a way to the service, such as a VPC endpoint, and see the [aws] settings."
_ROLE = "Give the instance a role, or name a profile in the [aws] settings."


def _after_sending(error: Exception) -> Outcome:
    """What is wrong with the request itself is found before it is sent."""
    return "refused" if isinstance(error, exceptions.ParamValidationError) else "in-doubt"


def _answered(error: exceptions.ClientError) -> tuple[str, float, CallError]:
    """The service's word, how long to wait at first before trying again (0: do not), and the trouble as it stands."""
    response: Any = error.response
    code = str(response.get("Error", {}).get("Code", ""))
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    said = (
        f"{code or status} in {error.operation_name}: {str(response.get('Error', {}).get('Message', ''))[:300]}".rstrip(
            ": "
        )
    )
    if code in THROTTLED or status in (429, 503):
        return code, 2 * BASE_S, CallError(f"AWS has us wait: {said}", code=code)
    if code in EXPIRED:
        return code, 0.0, CallError(f"AWS refuses the credentials: {said}", _ROLE, code=code)
    skew_s = _skew_s(metadata.get("HTTPHeaders", {}))
    if code in CLOCK and (skew_s is None or abs(skew_s) > 60):
        away = "" if skew_s is None else f", {abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead'} of AWS's"
        remedy = f"Set this host's clock{away} (chronyc makestep)."
        return code, 0.0, CallError(f"AWS refuses the signature: {said}", remedy, code=code)
    if status >= 500:
        return code, BASE_S, CallError(f"AWS failed: {said}", code=code)
    if code in DENIED or status in (401, 403):
        remedy = f"Allow it in the role's policy: see {document('packaging/iam')} for {error.operation_name}."
        return code, 0.0, CallError(f"AWS does not allow it: {said}", remedy, code=code)
    return code, 0.0, CallError(f"AWS refuses it: {said}", outcome="refused", code=code)


def _skew_s(headers: dict[str, str]) -> float | None:
    """How many seconds the service's clock is ahead of ours, by its answer's Date; None where there is none."""
    try:
        return email.utils.parsedate_to_datetime(headers.get("date", "")).timestamp() - time.time()
    except (TypeError, ValueError):
        return None


def _short(error: Exception) -> str:
    return without_urls(str(error))
