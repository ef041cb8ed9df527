"""Reports in S3 as moto has it, signed by credentials of a role that an instance has."""

from __future__ import annotations

import datetime
import gzip
import json
import time
from collections.abc import Iterator

import pytest
from aws_server import ACCOUNT, AwsServer, aws_server
from reports_made import report

from imds_probe.config import AwsConfig, Settings
from imds_probe.sinks.s3 import S3Config, make
from imds_probe.sinks.sink import Report, SinkError

BUCKET, OWN = "reports-of-hosts", "i-0123456789abcdef0"
ENVIRON = {"AWS_EC2_METADATA_DISABLED": "true"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    with aws_server() as running:
        # moto imports a service at its first call: for longer than a sink waits, on a busy machine.
        running.client("s3").list_buckets()
        running.client("sts").get_caller_identity()
        yield running


def as_instance(server: AwsServer, monkeypatch: pytest.MonkeyPatch, session: str = OWN) -> str:
    """Have the environment's credentials those of a role's session, as EC2 names it by the instance; the userid."""
    iam, policy = server.client("iam"), json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    if not iam.list_roles()["Roles"]:
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=policy)
    arn = iam.get_role(RoleName="web")["Role"]["Arn"]
    assumed = server.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)
    made = assumed["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", made["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", made["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", made["SessionToken"])
    user: str = assumed["AssumedRoleUser"]["AssumedRoleId"]
    return user


@pytest.fixture
def aws(server, monkeypatch, tmp_path) -> AwsServer:
    server.reset()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    where = {"LocationConstraint": "eu-west-1"}
    server.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    return server


@pytest.fixture
def user(aws, monkeypatch) -> str:
    return as_instance(aws, monkeypatch)


def made_at(started_at: str, run: int) -> Report:
    return report(
        probe={"started_at": started_at, "run_id": f"{run:032x}"}, instance={"instance_id": OWN, "region": "eu-west-1"}
    )


def sink_of(aws: AwsServer, **config):
    endpoints = AwsConfig(s3_endpoint=aws.endpoint, sts_endpoint=aws.endpoint)
    return make(Settings(endpoints, S3Config(**({"bucket": BUCKET} | config))), ENVIRON)


def send(aws: AwsServer, made: Report, **config) -> None:
    sink_of(aws, **config).send(made, time.monotonic() + 60)


def stored(aws: AwsServer, prefix: str = "") -> dict[str, bytes]:
    client = aws.client("s3")
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def run_of(body: bytes) -> int:
    return int(json.loads(gzip.decompress(body))["probe"]["run_id"], 16)


def test_a_report_is_one_line_below_its_region_and_day_and_the_newest_besides(aws, user):
    made = made_at("2026-11-30T05:14:03Z", 7)
    send(aws, made)
    objects = stored(aws)
    newest = f"imds-probe/latest/region=eu-west-1/{user}.json.gz"
    own = f"imds-probe/reports/region=eu-west-1/date=2026-11-30/{user}.051403Z.{7:032x}.json.gz"
    assert set(objects) == {newest, own}
    assert objects[newest] == objects[own]
    text = gzip.decompress(objects[own]).decode("ascii")
    assert json.loads(text) == made
    assert text == json.dumps(made, separators=(",", ":")) + "\n"
    head = aws.client("s3").head_object(Bucket=BUCKET, Key=own)
    assert (head["ContentType"], head.get("ContentEncoding")) == ("application/gzip", None)


def test_the_same_report_is_the_same_bytes_at_any_time(aws, user, monkeypatch):
    made = made_at("2026-11-30T05:14:03Z", 7)
    send(aws, made)
    first = stored(aws)
    for key in first:
        aws.client("s3").delete_object(Bucket=BUCKET, Key=key)
    monkeypatch.setattr("imds_probe.sinks.s3.time.time", lambda: 2e9)
    send(aws, made)
    assert stored(aws) == first


def test_what_is_sent_again_is_there_once(aws, user):
    client = aws.client("s3")
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(3):
        send(aws, made_at("2026-11-30T05:14:03Z", 7))
    versions = client.list_object_versions(Bucket=BUCKET)["Versions"]
    assert len(versions) == 2, "one of the report, one of the newest"


def test_a_report_that_waited_goes_to_its_day_and_never_replaces_a_newer_one(aws, user):
    send(aws, made_at("2026-11-30T05:00:00Z", 3))
    send(aws, made_at("2026-11-29T23:00:00Z", 1))
    send(aws, made_at("2026-11-30T04:00:00Z", 2))
    assert sorted(map(run_of, stored(aws, "imds-probe/reports/").values())) == [1, 2, 3]
    assert list(map(run_of, stored(aws, "imds-probe/latest/").values())) == [3]
    send(aws, made_at("2026-11-30T06:00:00Z", 4))
    assert list(map(run_of, stored(aws, "imds-probe/latest/").values())) == [4]


def test_what_a_clock_that_ran_ahead_left_is_replaced(aws, user):
    ahead = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=400)
    send(aws, made_at(ahead.strftime("%Y-%m-%dT%H:%M:%SZ"), 1))
    send(aws, made_at("2026-11-30T06:00:00Z", 2))
    assert list(map(run_of, stored(aws, "imds-probe/latest/").values())) == [2]


@pytest.mark.parametrize("newer_first", [False, True])
def test_who_writes_between_reading_and_replacing_is_not_overwritten(aws, user, monkeypatch, newer_first):
    """Another process of the host, whose spool cannot be locked."""
    send(aws, made_at("2026-11-30T01:00:00Z", 1))
    sink, calls = sink_of(aws), []
    there = sink._there

    def slow(*given):
        found = there(*given)
        if not calls:
            calls.append(1)
            send(aws, made_at("2026-11-30T03:00:00Z" if newer_first else "2026-11-30T01:30:00Z", 9))
        return found

    monkeypatch.setattr(sink, "_there", slow)
    sink.send(made_at("2026-11-30T02:00:00Z", 2), time.monotonic() + 60)
    assert list(map(run_of, stored(aws, "imds-probe/latest/").values())) == [9 if newer_first else 2]


def test_a_new_role_of_the_instance_begins_a_new_place(aws, user, monkeypatch):
    send(aws, made_at("2026-11-30T01:00:00Z", 1))
    aws.client("iam").delete_role(RoleName="web")
    other = as_instance(aws, monkeypatch)
    assert other != user
    send(aws, made_at("2026-11-30T02:00:00Z", 2))
    assert {key.rpartition("/")[2] for key in stored(aws, "imds-probe/latest/")} == {
        f"{user}.json.gz",
        f"{other}.json.gz",
    }


def test_key_prefix_and_encryption_are_followed(aws, user):
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    send(aws, made_at("2026-11-30T05:14:03Z", 7), prefix="fleet/a", kms_key=key)
    objects = stored(aws, "fleet/a/")
    assert len(objects) == len(stored(aws)) == 2
    for each in objects:
        head = aws.client("s3").head_object(Bucket=BUCKET, Key=each)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == ("aws:kms", key, True)


def test_no_acl_is_asked_for_and_the_owner_is_always_checked(aws, user, monkeypatch):
    sent = []
    sink = sink_of(aws, owner="999999999999")
    call = sink._sender.call

    def noted(made, operation, deadline):
        class Client:
            def __getattr__(self, name):
                def act(**request):
                    sent.append((name, request))
                    return call(made, lambda client: getattr(client, name)(**request), deadline)

                return act

        return operation(Client())

    monkeypatch.setattr(sink._sender, "call", noted)
    sink.send(made_at("2026-11-30T05:14:03Z", 7), time.monotonic() + 60)
    assert {name for name, _ in sent} == {"put_object", "head_object"}
    for _, request in sent:
        assert request["ExpectedBucketOwner"] == "999999999999"
        assert not [name for name in request if "ACL" in name or "Grant" in name]


def test_the_owner_is_the_instances_account_unless_another_is_said(aws, user):
    sink = sink_of(aws)
    sink.send(made_at("2026-11-30T05:14:03Z", 7), time.monotonic() + 60)
    assert sink._where(sink._caller, "x")["ExpectedBucketOwner"] == ACCOUNT


def test_a_newest_report_that_is_denied_is_named_and_the_report_has_its_own_key(aws, user, monkeypatch):
    sink = sink_of(aws)
    put = sink._put

    def denied(sending, key, condition):
        if "/latest/" in key:
            raise SinkError("AWS does not allow it: AccessDenied in PutObject", "Allow it.", code="AccessDenied")
        return put(sending, key, condition)

    monkeypatch.setattr(sink, "_put", denied)
    with pytest.raises(SinkError) as caught:
        sink.send(made_at("2026-11-30T05:14:03Z", 7), time.monotonic() + 60)
    latest = f"s3://{BUCKET}/imds-probe/latest/region=eu-west-1/{user}.json.gz"
    assert caught.value.problem == f"{latest}: AWS does not allow it: AccessDenied in PutObject"
    assert caught.value.outcome == "in-part"
    assert list(map(run_of, stored(aws).values())) == [7]


def failed(aws: AwsServer, made: Report, **config) -> SinkError:
    with pytest.raises(SinkError) as caught:
        send(aws, made, **config)
    return caught.value


def test_credentials_of_no_instance_store_nothing_and_the_report_waits(aws, monkeypatch):
    as_instance(aws, monkeypatch, "deploy")
    error = failed(aws, made_at("2026-11-30T05:14:03Z", 7))
    assert "the credentials are those of " in error.problem
    assert error.problem.endswith(":deploy, and of no instance")
    assert error.outcome == "later"
    assert stored(aws) == {}


def test_a_report_of_another_instance_is_kept_aside(aws, user):
    """As in the spool of an image that was made of a host."""
    made = made_at("2026-11-30T05:14:03Z", 7)
    made["instance"]["instance_id"] = "i-0fedcba9876543210"
    error = failed(aws, made)
    assert error.problem == f"the report is of i-0fedcba9876543210, and this is {OWN}"
    assert error.outcome == "refused"
    assert stored(aws) == {}


def test_a_report_without_a_region_goes_where_the_credentials_are(aws, user):
    """Else the verdict "ready" from before would stand for ever."""
    send(aws, made_at("2026-11-30T04:14:03Z", 6))
    made = made_at("2026-11-30T05:14:03Z", 7)
    made["instance"]["region"] = None
    made["verdict"]["state"] = "unknown"
    endpoints = AwsConfig(region="eu-west-1", s3_endpoint=aws.endpoint, sts_endpoint=aws.endpoint)
    make(Settings(endpoints, S3Config(bucket=BUCKET)), ENVIRON).send(made, time.monotonic() + 60)
    ((key, document),) = stored(aws, "imds-probe/latest/").items()
    assert key == f"imds-probe/latest/region=eu-west-1/{user}.json.gz"
    assert json.loads(gzip.decompress(document))["verdict"]["state"] == "unknown"


def test_what_is_not_configured_or_not_there_is_named_and_the_report_waits(aws, user):
    made = made_at("2026-11-30T05:14:03Z", 7)
    error = failed(aws, made, bucket=None)
    assert (error.problem, error.remedy, error.outcome) == ("no bucket is configured", "Set s3.bucket.", "later")
    error = failed(aws, made, bucket="nobodys-bucket")
    assert "NoSuchBucket in PutObject" in error.problem
    assert error.outcome == "later"
