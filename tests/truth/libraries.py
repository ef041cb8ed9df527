"""Libraries and programs with a way of their own to the metadata service, old and new, beside AWS's SDKs: rows of clients."""

from __future__ import annotations

from truth.client import BUCKET, INSTANCE, KEY, STORAGE, URL, Client, node, perl, python, sh

# What is asked for is not there: who is told so was let in.
_NO_TABLE = "Not a Delta table"
_DELTA = f"""
options = {{
    "AWS_ENDPOINT_URL": "{URL}", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true", "AWS_STORAGE_ALLOW_HTTP": "true",
}}
return deltalake.DeltaTable("s3://the-bucket/table", storage_options=options)
"""
_ARROW = f"""
storage = pyarrow.fs.S3FileSystem(endpoint_override="{STORAGE}", scheme="http", region="us-east-1")
return "listed %d" % len(storage.get_file_info(pyarrow.fs.FileSelector("the-bucket")))
"""
_APM = "return elasticapm.utils.cloud.aws_metadata()"
_NODE_GOOGLE = """
const client = new AwsClient({
  type: "external_account",
  audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
  subject_token_type: "urn:ietf:params:aws:token-type:aws4_request",
  token_url: "https://sts.googleapis.com/v1/token",
  credential_source: {
    environment_id: "aws1",
    region_url: "http://169.254.169.254/latest/meta-data/placement/availability-zone",
    url: "http://169.254.169.254/latest/meta-data/iam/security-credentials",
    regional_cred_verification_url: "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    %s
  },
})
return await client.retrieveSubjectToken()
"""
_NODE_GOOGLE_V1 = _NODE_GOOGLE % ""
_NODE_GOOGLE_V2 = _NODE_GOOGLE % 'imdsv2_session_token_url: "http://169.254.169.254/latest/api/token",'
_NODE_GOOGLE_REQUIRE = {"prologue": 'const { AwsClient } = require("google-auth-library")'}
_PROVIDER = """
const credentials = await fromInstanceMetadata({ timeout: 2000, maxRetries: 1 })()
return credentials.accessKeyId
"""
_SERVICE = """
return await new MetadataService({}).request("/latest/meta-data/instance-id", {})
"""
# What it mounts through is the root's own. The name of a role that is not given it looks for.
_S3FS = f"""
place=/mnt/s3-$$
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
mkdir -p $place
timeout 9 s3fs the-bucket $place -f -o iam_role=%s -o url={URL} -o use_path_request_style >/dev/null 2>&1 &
for second in 1 2 3 4; do mountpoint -q $place && break; sleep 1; done
mountpoint -q $place && timeout 4 ls $place && echo mounted
kill $!
umount -l $place 2>/dev/null
"""
_S3FS_AUTO, _S3FS_NAMED = _S3FS % "auto", _S3FS % "app-role"

MINIO = f"""
storage = minio.Minio("{STORAGE}", secure=False, credentials=minio.credentials.IamAwsProvider())
return [bucket.name for bucket in storage.list_buckets()]
"""
_GOOGLE = """
source = {
    "environment_id": "aws1",
    "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
    "url": "http://169.254.169.254/latest/meta-data/iam/security-credentials",
    "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    %s
}
credentials = google.auth.aws.Credentials(
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
    "urn:ietf:params:aws:token-type:aws4_request",
    "https://sts.googleapis.com/v1/token",
    credential_source=source,
)
return credentials.retrieve_subject_token(google.auth.transport.requests.Request())
"""
GOOGLE_V1 = _GOOGLE % ""
GOOGLE_V2 = _GOOGLE % '"imdsv2_session_token_url": "http://169.254.169.254/latest/api/token",'
GOOGLE_IMPORTS = "import google.auth.aws, google.auth.transport.requests"
XRAY = """
ec2_plugin.initialize()
return ec2_plugin.runtime_context
"""
RCLONE = f"""\
[s3]
type = s3
provider = AWS
env_auth = true
endpoint = {URL}
force_path_style = true
"""
S3CMD = f"""\
[default]
host_base = {STORAGE}
host_bucket = {STORAGE}
use_https = False
signature_v2 = False
"""
PGBACKREST = """\
[global]
repo1-type=s3
repo1-path=/
repo1-s3-bucket=backups
repo1-s3-endpoint=198.51.100.7
repo1-storage-port=9443
repo1-s3-region=us-east-1
repo1-s3-key-type=auto
repo1-s3-uri-style=path
io-timeout=3
log-level-file=off

[main]
pg1-path=/var/lib/postgresql/main
"""
_RCLONE_LS = (
    "rclone --config /etc/rclone.conf --retries 1 --low-level-retries 1 --contimeout 2s lsd s3: 2>&1 | tail -n 1"
)
# One that runs on, and asks when it is asked.
_RCLONE_SERVE = """
port=$((8000 + $$ % 1000))
rclone --config /etc/rclone.conf --contimeout 2s serve http --dir-cache-time 0s --addr 127.0.0.1:$port s3: 2>/dev/null &
"""
_S3CMD_LS = "s3cmd --config /etc/s3cfg ls 2>&1 | tail -n 3"
_RESTIC = f"RESTIC_PASSWORD=x timeout 8 restic --no-cache -r s3:{URL}/the-bucket cat config 2>&1 | tail -n 4"
# Where it has credentials, what it says is that nothing listens where the storage would be.
_PGBACKREST = "pgbackrest --stanza=main info 2>&1 | tail -n 3"
_NO_CONNECTION = "HostConnectError"
# It is told to join what runs in the region that it is in.
_CONSUL = """
flock /tmp/consul timeout 5 consul agent -dev -retry-join 'provider=aws tag_key=app tag_value=app' 2>&1 |
    grep -m 1 -iE 'region is|error'
"""
_RCLONE_SET = {"files": {"/etc/rclone.conf": RCLONE}}
_SETTINGS = {"s3cmd": {"/etc/s3cfg": S3CMD}, "pgbackrest": {"/etc/pgbackrest.conf": PGBACKREST}}

LIBRARIES: dict[str, Client] = {
    "minio-7.1.0": python(MINIO, "minio-old", BUCKET, "import minio, minio.credentials"),
    "minio-new": python(MINIO, "minio-new", BUCKET, "import minio, minio.credentials"),
    "google-auth-old": python(GOOGLE_V1, "google-auth-old", KEY, GOOGLE_IMPORTS),
    "google-auth-new-v1": python(GOOGLE_V1, "google-auth-new", KEY, GOOGLE_IMPORTS),
    "google-auth-new-v2": python(GOOGLE_V2, "google-auth-new", KEY, GOOGLE_IMPORTS),
    "xray-2.4.3": python(XRAY, "xray-old", INSTANCE, "from aws_xray_sdk.core.plugins import ec2_plugin"),
    "xray-new": python(XRAY, "xray-new", INSTANCE, "from aws_xray_sdk.core.plugins import ec2_plugin"),
    "newrelic-old": python(
        "return AWSUtilization.detect()",
        "newrelic-old",
        INSTANCE,
        "from newrelic.common.utilization import AWSUtilization",
    ),
    "newrelic-new": python(
        "return AWSUtilization.detect()",
        "newrelic-new",
        INSTANCE,
        "from newrelic.common.utilization import AWSUtilization",
    ),
    "elastic-apm": python(
        "return elasticapm.utils.cloud.aws_metadata()", "elastic-apm", INSTANCE, "import elasticapm.utils.cloud"
    ),
    # One for which the catalog has no figure.
    "consul-debian-11": sh(_CONSUL, "consul", "Region is us-east-1", on_call=True),
    "ec2-metadata-2.0": python(
        "return EC2Metadata().instance_id", "ec2-metadata-old", INSTANCE, "from ec2_metadata import EC2Metadata"
    ),
    "ec2-metadata-3.0": python(
        "return EC2Metadata().instance_id", "ec2-metadata-new", INSTANCE, "from ec2_metadata import EC2Metadata"
    ),
    "vm-ec2-old": perl(
        "return VM::EC2::Instance::Metadata->new->instanceId",
        "vm-ec2-old",
        INSTANCE,
        "use VM::EC2::Instance::Metadata;",
    ),
    "vm-ec2-new": perl(
        "return VM::EC2::Instance::Metadata->new->instanceId",
        "vm-ec2-new",
        INSTANCE,
        "use VM::EC2::Instance::Metadata;",
    ),
    "rclone-debian-11": sh(_RCLONE_LS, "rclone-old", BUCKET, **_RCLONE_SET, on_call=True),
    "rclone-debian-12": sh(_RCLONE_LS, "rclone-new", BUCKET, **_RCLONE_SET, on_call=True),
    "rclone-serve-debian-11": sh(
        "curl -s -m 8 http://127.0.0.1:$port/", "rclone-old", BUCKET, prologue=_RCLONE_SERVE, **_RCLONE_SET
    ),
    "s3cmd-debian-11": sh(_S3CMD_LS, "s3cmd-old", BUCKET, files=_SETTINGS["s3cmd"], on_call=True),
    "s3cmd-debian-12": sh(_S3CMD_LS, "s3cmd-new", BUCKET, files=_SETTINGS["s3cmd"], on_call=True),
    "restic-debian-11": sh(_RESTIC, "restic-old", "does not exist", on_call=True),
    "restic-debian-12": sh(_RESTIC, "restic-new", "does not exist", on_call=True),
    "pgbackrest-debian-11": sh(
        _PGBACKREST, "pgbackrest-old", _NO_CONNECTION, files=_SETTINGS["pgbackrest"], on_call=True
    ),
    "pgbackrest-debian-12": sh(
        _PGBACKREST, "pgbackrest-new", _NO_CONNECTION, files=_SETTINGS["pgbackrest"], on_call=True
    ),
    "elastic-apm-5.10": python(_APM, "elastic-apm-old", prologue="import elasticapm.utils.cloud"),
    "deltalake-old": python(_DELTA, "deltalake-old", _NO_TABLE, "import deltalake"),
    "deltalake-new": python(_DELTA, "deltalake-new", "No files in log segment", "import deltalake"),
    "pyarrow-old": python(_ARROW, "pyarrow-old", "listed", "import pyarrow.fs"),
    "pyarrow-new": python(_ARROW, "pyarrow-new", "listed", "import pyarrow.fs"),
    "node-google-old": node(_NODE_GOOGLE_V1, "node-google-old", KEY, **_NODE_GOOGLE_REQUIRE),
    "node-google-new-v1": node(_NODE_GOOGLE_V1, "node-google-new", KEY, **_NODE_GOOGLE_REQUIRE),
    "node-google-new-v2": node(_NODE_GOOGLE_V2, "node-google-new", KEY, **_NODE_GOOGLE_REQUIRE),
    "aws-provider-old": node(
        _PROVIDER,
        "aws-provider-old",
        KEY,
        'const { fromInstanceMetadata } = require("@aws-sdk/credential-provider-imds")',
    ),
    "smithy-provider-new": node(
        _PROVIDER,
        "smithy-provider-new",
        KEY,
        'const { fromInstanceMetadata } = require("@smithy/credential-provider-imds")',
    ),
    "aws-metadata-service": node(
        _SERVICE,
        "aws-metadata-service",
        prologue='const { MetadataService } = require("@aws-sdk/ec2-metadata-service")',
    ),
    "s3fs-debian-11": sh(_S3FS_AUTO, "s3fs-old", "mounted", on_call=True),
    "s3fs-debian-12": sh(_S3FS_AUTO, "s3fs-new", "mounted", on_call=True),
    "s3fs-named-debian-11": sh(_S3FS_NAMED, "s3fs-old", "mounted", on_call=True),
    "s3fs-named-debian-12": sh(_S3FS_NAMED, "s3fs-new", "mounted", on_call=True),
}
