"""S3: each report is one object below its Region and day, and the newest of each instance lies in one place besides.

An object is written once: its key has the run's id, and the request asks S3 to take it only where nothing is there yet. So a
report that may have arrived is sent again, and is there once all the same. The newest report of an instance is replaced by newer
ones only, whatever waited in the spool meanwhile: S3 compares in the same request what this host has read before.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from imds_probe.config import AwsConfig, Settings, values
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.documents import document
from imds_probe.sinks import s3_layout
from imds_probe.sinks.declaration import Declaration, Policy
from imds_probe.sinks.extract import instance
from imds_probe.sinks.sink import Outcome, Report, SinkError
from imds_probe.timestamp import rfc3339

STARTED_AT, RUN_ID = "started-at", "run-id"  # metadata of the newest report
ATTEMPTS = 3
# A clock may be this much ahead, as readers of reports have it. What claims to be newer still is replaced.
AHEAD_S = 3600
IS_THERE, WAS_CHANGED = "PreconditionFailed", "ConditionalRequestConflict"
NOT_THERE = ("404", "NoSuchKey")
NOT_ALLOWED = ("403", "AccessDenied")
_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
# None is empty: policies name keys by it. None of its parts is "..", which a copy would follow.
_PREFIX = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*"
_REGION = r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}"


@dataclass(frozen=True)
class S3Config(Section):
    """`bucket` None: none is configured, and nothing can be sent. `owner`: None takes the account of the instance."""

    bucket: str | None = setting(
        "s3.bucket",
        None,
        values.matching(_NAME, "the name of a bucket"),
        "The bucket that reports go to. The sink s3 needs it.",
        example="imds-probe-reports-123456789012",
    )
    prefix: str = setting(
        "s3.prefix",
        "imds-probe",
        values.matching(_PREFIX, 'the beginning of keys without "/" at its ends'),
        "The beginning of all keys. packaging/iam/s3.json names it, too.",
    )
    region: str | None = setting(
        "s3.region",
        None,
        values.matching(_REGION, "a Region, such as eu-west-1"),
        "The Region of the bucket. Without it: that of the instance.",
        example="eu-west-1",
    )
    owner: str | None = setting(
        "s3.bucket_owner",
        None,
        values.matching(r"\d{12}", "the id of an account, 12 digits"),
        "The account that the bucket must belong to. Without it: that of the instance.",
        example="123456789012",
    )
    kms_key: str | None = setting(
        "s3.kms_key",
        None,
        values.matching(r"[A-Za-z0-9:/_-]{1,2048}", "the ARN, the id or the alias of a KMS key"),
        "The KMS key that S3 encrypts reports with; the instance's role needs packaging/iam/s3-kms.json. Without it: what the "
        "bucket has by default.",
        example="arn:aws:kms:eu-west-1:123456789012:key/0123abcd-01ab-23cd-45ef-0123456789ab",
    )


class _Caller(NamedTuple):
    """Whom AWS takes this host for."""

    user_id: str
    account: str
    region: str  # of the client that asked


class _Sending(NamedTuple):
    """One report on its way, packed, until `deadline` (time.monotonic)."""

    report: Report
    caller: _Caller
    body: bytes
    deadline: float


class S3:
    name = "s3"
    keeps_each = True
    repeatable = True

    def __init__(self, config: S3Config, aws: AwsConfig, environ: Mapping[str, str]) -> None:
        from imds_probe.sinks.aws_sender import AwsSender  # noqa: PLC0415

        self._config = config
        self._identity = AwsSender("sts", aws, environ)
        of_bucket = replace(aws, region=config.region) if config.region else aws
        self._sender = AwsSender("s3", of_bucket, environ)
        self._caller: _Caller | None = None

    def send(self, report: Report, deadline: float) -> None:
        if self._config.bucket is None:
            raise SinkError("no bucket is configured", "Set s3.bucket.")
        with self._later():
            caller = self._caller = self._caller or self._asked(report, deadline)
        keys = self._keys(report, caller)
        body = gzip.compress((json.dumps(report, separators=(",", ":")) + "\n").encode("ascii"), mtime=0)
        sending = _Sending(report, caller, body, deadline)
        with self._later():
            self._put(sending, keys.report, {"IfNoneMatch": "*"})
            self._put_latest(sending, keys.latest)

    @contextmanager
    def _later(self) -> Iterator[None]:
        """AWS refuses no report for what it says, and one that has arrived is not written again: whatever fails may work later."""
        try:
            yield
        except SinkError as error:
            if error.code in NOT_ALLOWED:
                self._caller = None  # perhaps the instance has another role by now
            outcome: Outcome = "in-part" if error.outcome == "in-part" else "later"
            raise SinkError(error.problem, error.remedy, outcome, error.code) from None

    def _asked(self, report: Report, deadline: float) -> _Caller:
        answer, region = self._identity.call(
            report, lambda client: (client.get_caller_identity(), client.meta.region_name or ""), deadline
        )
        return _Caller(str(answer["UserId"]), str(answer["Account"]), region)

    def _keys(self, report: Report, caller: _Caller) -> s3_layout.Keys:
        """Raises SinkError for a report that these credentials can store nowhere."""
        own, by_firmware = s3_layout.instance_of(caller.user_id), report["platform"].get("instance_id")
        of_report = str(instance(report).get("instance_id") or by_firmware or "")
        if not own:
            raise SinkError(
                f"the credentials are those of {caller.user_id[:200]}, and of no instance",
                "Let the role of the instance sign: take aws.profile and other credentials away.",
            )
        if own != of_report:
            of_whom = f"of {of_report[:60]}" if of_report else "of an instance whose id is not known"
            raise SinkError(f"the report is {of_whom}, and this is {own}", outcome="refused")
        region, probe = str(instance(report).get("region") or caller.region), report["probe"]
        try:
            return s3_layout.keys(self._config.prefix, caller.user_id, region, probe["started_at"], probe["run_id"])
        except ValueError as error:
            remedy = "" if region else "Set aws.region."
            raise SinkError(f"the report has no place in the bucket: {error}", remedy, "refused") from None

    def _put_latest(self, sending: _Sending, key: str) -> None:
        """Replace the newest report unless a newer one is there. Raises SinkError, "in-part" where this object alone is denied."""
        where = f"s3://{self._config.bucket}/{key}"
        try:
            if self._replaced(sending, key):
                return
        except SinkError as error:
            if error.code not in NOT_ALLOWED:
                raise
            raise SinkError(f"{where}: {error.problem}", error.remedy, "in-part", error.code) from None
        remedy = f"Allow s3:GetObject on it in the role's policy: see {document('packaging/iam/s3.json')}."
        raise SinkError(f"{where} cannot be replaced", remedy, "in-part")

    def _replaced(self, sending: _Sending, key: str) -> bool:
        """Whether it, or a newer one, is there now. Raises SinkError."""
        for _ in range(ATTEMPTS):
            there = self._there(sending, key)
            if there is not None and _is_newer(there.get("Metadata", {}).get(STARTED_AT, ""), sending.report):
                return True
            condition = {"IfMatch": there["ETag"]} if there is not None else {"IfNoneMatch": "*"}
            if self._put(sending, key, condition):
                return True
        return False

    def _there(self, sending: _Sending, key: str) -> Mapping[str, Any] | None:
        """What S3 says of an object; None where it is not there. To who may not list a bucket, S3 says of such an object that it is
        not allowed.
        """
        where = self._where(sending.caller, key)
        try:
            found: Mapping[str, Any] = self._sender.call(
                sending.report, lambda client: client.head_object(**where), sending.deadline
            )
        except SinkError as error:
            if error.code in (*NOT_THERE, *NOT_ALLOWED):
                return None
            raise
        return found

    def _put(self, sending: _Sending, key: str, condition: Mapping[str, str]) -> bool:
        """Whether the object was written; not so where the condition does not hold. Raises SinkError."""
        probe = sending.report["probe"]
        encryption = {}
        if self._config.kms_key is not None:
            key_id = self._config.kms_key
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id, "BucketKeyEnabled": True}
        request = {
            **self._where(sending.caller, key),
            **encryption,
            **condition,
            "Body": sending.body,
            "ContentType": "application/gzip",
            "Metadata": {STARTED_AT: probe["started_at"], RUN_ID: probe["run_id"]},
        }
        try:
            self._sender.call(sending.report, lambda client: client.put_object(**request), sending.deadline)
        except SinkError as error:
            # The one that is written at the same moment may be the same request of ours, of whose answer nothing came.
            if error.code == IS_THERE or (error.code in (WAS_CHANGED, *NOT_THERE) and "IfMatch" in condition):
                return False
            raise
        return True

    def _where(self, caller: _Caller, key: str) -> dict[str, str]:
        return {
            "Bucket": str(self._config.bucket),
            "Key": key,
            "ExpectedBucketOwner": self._config.owner or caller.account,
        }


def _is_newer(said: str, report: Report) -> bool:
    """Whether what is there is as new as the report, and no clock that ran ahead has made it look so."""
    return said >= report["probe"]["started_at"] and said <= rfc3339(time.time() + AHEAD_S)


def make(settings: Settings, environ: Mapping[str, str]) -> S3:
    """The sink; see Declaration."""
    return S3(settings.of(S3Config), settings.of(AwsConfig), environ)


_OBJECTS = f"arn:aws:s3:::BUCKET/{S3Config().prefix}"
SINK = Declaration(
    name="s3",
    purpose="the report as one object, packed by gzip, below its Region and day, and the newest of each instance",
    make=make,
    settings=S3Config,
    shared=(AwsConfig,),
    policies=(
        Policy(
            "s3",
            statement="StoreOwnReports",
            actions=("s3:PutObject", "s3:GetObject"),
            # IAM's wildcards match "/" as well, and a copy follows "..": keys with more parts than the sink's are denied.
            resources=(
                f"{_OBJECTS}/reports/region=*/date=*/${{aws:userid}}.*",
                f"{_OBJECTS}/latest/region=*/${{aws:userid}}.json.gz",
            ),
            # Credentials that EC2 delivered to an instance: else whoever may assume the role could name a session like one.
            conditions={"Null": {"ec2:SourceInstanceARN": "false"}},
            denial="NoKeyLeadsElsewhere",
            denied_action="s3:PutObject",
            denied=(f"{_OBJECTS}/reports/*/*/*/*", f"{_OBJECTS}/latest/*/*/*"),
        ),
        Policy(
            "s3-kms",
            statement="EncryptReports",
            actions=("kms:GenerateDataKey",),
            resources=("arn:aws:kms:*:*:key/KEY",),
            conditions={"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}},
        ),
    ),
    costs="AWS charges for two writes, one question and the storage of each report.",
)
