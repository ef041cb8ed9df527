"""The clients: real programs that ask the metadata service, each with what it stands on and what it is told when it works.

A client is a row: how it asks, and the base or layer (layers.py) with its interpreter and libraries. Where `layer` is
"machine", these are the machine's own, with directories of the SDK zoo, and nothing is downloaded for it.
"""

from __future__ import annotations

from dataclasses import replace

from truth.client import BUCKET, ID, INSTANCE, KEY, URL, ZONE, Client, node, perl, python, sh
from truth.home_made import HOME_MADE
from truth.images import IMAGES
from truth.libraries import LIBRARIES

SITE = "lib/python3.11/site-packages"
CURL_V1 = f"curl -s -m 3 {ID}"
CURL_V2 = f"""
TOKEN=$(curl -s -m 3 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
curl -s -m 3 -H "X-aws-ec2-metadata-token: $TOKEN" {ID}
"""
CURL_EITHER = f"""
if TOKEN=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
then curl -s -m 3 -H "X-aws-ec2-metadata-token: $TOKEN" {ID}
else curl -s -m 3 {ID}
fi
"""
WGET_V1 = f"wget -q -T 3 -t 1 -O - {ID}"
WGET_V2 = f"""
TOKEN=$(wget -q -T 3 -t 1 -O - --method=PUT --header='X-aws-ec2-metadata-token-ttl-seconds: 60' \\
    http://169.254.169.254/latest/api/token)
wget -q -T 3 -t 1 -O - --header="X-aws-ec2-metadata-token: $TOKEN" {ID}
"""
# What an agent that looks for the cloud it is in asks; EC2 has nothing there.
OTHER_CLOUDS = """
found=none
for path in computeMetadata/v1/ 'metadata/instance?api-version=2021-02-01' opc/v2/instance/ openstack/latest/; do
    curl -sf -m 3 -o /dev/null "http://169.254.169.254/$path" && found=$path
done
echo "other cloud: $found"
"""
URLLIB_V1 = f'return urllib.request.urlopen("{ID}", timeout=3).read().decode()'
URLLIB_V2 = f"""
ttl = {{"X-aws-ec2-metadata-token-ttl-seconds": "60"}}
asked = urllib.request.Request("http://169.254.169.254/latest/api/token", method="PUT", headers=ttl)
token = urllib.request.urlopen(asked, timeout=3).read().decode()
asked = urllib.request.Request("{ID}", headers={{"X-aws-ec2-metadata-token": token}})
return urllib.request.urlopen(asked, timeout=3).read().decode()
"""
REQUESTS_V1 = f"""
answer = requests.get("{ID}", timeout=3)
answer.raise_for_status()
return answer.text
"""
REQUESTS_V2 = f"""
ttl = {{"X-aws-ec2-metadata-token-ttl-seconds": "60"}}
token = requests.put("http://169.254.169.254/latest/api/token", headers=ttl, timeout=3).text
answer = requests.get("{ID}", headers={{"X-aws-ec2-metadata-token": token}}, timeout=3)
answer.raise_for_status()
return answer.text
"""
BOTO2 = "return boto.provider.Provider('aws').access_key"
BOTO2_DATA = "return boto.utils.get_instance_metadata(timeout=2, num_retries=1)['instance-id']"
BOTOCORE = "return botocore.session.Session().get_credentials().access_key"
# botocore of 2019 needs names that collections had until Python 3.9.
COLLECTIONS = """
import collections, collections.abc, ssl
for name in ("Mapping", "MutableMapping", "Callable", "MutableSet"):
    setattr(collections, name, getattr(collections.abc, name))
"""
BUCKETS = f"""
storage = boto3.session.Session().client("s3", endpoint_url="{URL}", region_name="us-east-1")
return [bucket["Name"] for bucket in storage.list_buckets()["Buckets"]]
"""
NODE_V1 = f"""
return await new Promise((resolve, reject) => {{
  const asked = http.get("{ID}", {{ timeout: 3000 }}, answer => {{
    let text = ""
    answer.on("data", part => text += part).on("end", () => resolve(`${{answer.statusCode}} ${{text}}`))
  }})
  asked.on("error", reject).on("timeout", () => asked.destroy(new Error("timed out")))
}})
"""
NODE_V2 = """
const request = (method, path, headers) => new Promise((resolve, reject) => {
  const asked = http.request({ host: "169.254.169.254", method, path, headers, timeout: 3000 }, answer => {
    let text = ""
    answer.on("data", part => text += part).on("end", () => resolve(text))
  })
  asked.on("error", reject).on("timeout", () => asked.destroy(new Error("timed out")))
  asked.end()
})
const token = await request("PUT", "/latest/api/token", { "X-aws-ec2-metadata-token-ttl-seconds": 60 })
return await request("GET", "/latest/meta-data/instance-id", { "X-aws-ec2-metadata-token": token })
"""
NODE_CREDENTIALS = """
const credentials = new AWS.EC2MetadataCredentials({ httpOptions: { timeout: 2000 }, maxRetries: 1 })
await new Promise((resolve, reject) => credentials.refresh(trouble => trouble ? reject(trouble) : resolve()))
return credentials.accessKeyId
"""
NODE_METADATA = """
const service = new AWS.MetadataService({ httpOptions: { timeout: 2000 }, maxRetries: 1 })
return await new Promise((resolve, reject) =>
  service.request("/latest/meta-data/instance-id", (trouble, data) => trouble ? reject(trouble) : resolve(data)))
"""
NODE_3 = """
const client = new S3Client({ region: "us-east-1" })
return (await client.config.credentials()).accessKeyId
"""
PERL_V1 = f"""
my $answer = HTTP::Tiny->new(timeout => 3)->get("{ID}");
return "$answer->{{status}} $answer->{{content}}";
"""
PERL_V2 = f"""
my $http = HTTP::Tiny->new(timeout => 3);
my $token = $http->put("http://169.254.169.254/latest/api/token",
    {{ headers => {{ "X-aws-ec2-metadata-token-ttl-seconds" => 60 }} }})->{{content}};
my $answer = $http->get("{ID}", {{ headers => {{ "X-aws-ec2-metadata-token" => $token }} }});
return "$answer->{{status}} $answer->{{content}}";
"""
AWS_LS = f"aws s3 ls --endpoint-url {URL} 2>&1 | tail -n 1"
_STDLIB = {"prologue": "import urllib.request", "interpreter": "/usr/bin/python3"}
_HTTP = {"prologue": 'const http = require("http")'}
_AWS_SDK = {"prologue": 'const AWS = require("aws-sdk")'}
_TINY = {"prologue": "use HTTP::Tiny;"}
_PY2 = "/usr/bin/python2.7"
_AWSLOGS = f"/var/awslogs/bin/aws s3 ls --endpoint-url {URL} 2>&1 | tail -n 1"

CLIENTS: dict[str, Client] = {
    "curl-v1": sh(CURL_V1),
    "curl-v2": sh(CURL_V2),
    "curl-either": sh(CURL_EITHER),
    "curl-v1-zone": sh(f"curl -s -m 3 {ZONE}", expects="us-east-1a"),
    "wget-v1": sh(WGET_V1),
    "wget-v2": sh(WGET_V2),
    "other-clouds": sh(OTHER_CLOUDS, expects="other cloud: none"),
    "urllib-v1": python(URLLIB_V1, "bookworm", INSTANCE, **_STDLIB),
    "urllib-v2": python(URLLIB_V2, "bookworm", INSTANCE, **_STDLIB),
    "urllib2-v1": python(
        f'return urllib2.urlopen("{ID}", timeout=3).read()', "bullseye", INSTANCE, "import urllib2", _PY2
    ),
    "requests-v1": python(REQUESTS_V1, "requests", INSTANCE, "import requests"),
    "requests-v2": python(REQUESTS_V2, "requests", INSTANCE, "import requests"),
    "boto2": python(BOTO2, "boto2", KEY, "import boto.provider"),
    "boto2-metadata": python(BOTO2_DATA, "boto2", INSTANCE, "import boto.utils"),
    "botocore-1.12": python(BOTOCORE, "botocore-old", KEY, "import botocore.session"),
    "botocore-1.12-lazy": python(f"import botocore.session\n{BOTOCORE}", "botocore-old", KEY),
    "botocore-new": python(BOTOCORE, "botocore-new", KEY, "import botocore.session"),
    "boto3-1.9": python(BUCKETS, "botocore-old", BUCKET, "import boto3"),
    "boto3-new": python(BUCKETS, "botocore-new", BUCKET, "import boto3"),
    "python2-boto2": python(
        BOTO2,
        "python2-app",
        KEY,
        'import ssl\nsys.path.insert(0, "/opt/app/venv/lib/python2.7/site-packages")\nimport boto.provider',
        _PY2,
    ),
    "python2-botocore": python(
        BOTOCORE,
        "python2-app",
        KEY,
        'import ssl\nsys.path.insert(0, "/opt/app/venv/lib/python2.7/site-packages")\nimport botocore.session',
        _PY2,
    ),
    "awslogs": sh(_AWSLOGS, "awslogs", BUCKET, on_call=True),
    "awslogs-agent": python(BOTOCORE, "awslogs", KEY, "import ssl, botocore.session", "/var/awslogs/bin/python2.7"),
    "vendored-botocore": python(
        BOTOCORE,
        "vendored",
        KEY,
        'sys.path.insert(0, "/opt/tool/vendor")\nimport botocore.session',
        "/usr/bin/python3",
    ),
    "vendored-boto2": python(
        BOTO2, "vendored", KEY, 'sys.path.insert(0, "/opt/tool/vendor")\nimport boto.provider', "/usr/bin/python3"
    ),
    "botocore-1.12-u01": python(
        BOTOCORE,
        "botocore-old-elsewhere",
        KEY,
        'sys.path.insert(0, "/u01/billing/lib/python3.9/site-packages")\nimport botocore.session',
        "/usr/bin/python3",
    ),
    "aws-1.16": sh(f"/opt/app/bin/{AWS_LS}", "awscli-old", BUCKET, on_call=True),
    "aws-1.16-system": sh(f"/usr/local/bin/{AWS_LS}", "awscli-old-system", BUCKET, on_call=True),
    "aws-1.16-bundle": sh(f"/usr/local/bin/{AWS_LS}", "awscli-old-bundle", BUCKET, on_call=True),
    "aws-1-new": sh(f"/opt/app/bin/{AWS_LS}", "awscli-new", BUCKET, on_call=True),
    "aws-debian-11": sh(f"/usr/bin/{AWS_LS}", "awscli-debian-old", BUCKET, on_call=True),
    "aws-debian-12": sh(f"/usr/bin/{AWS_LS}", "awscli-debian-new", BUCKET, on_call=True),
    "node-http-v1": node(NODE_V1, "bookworm", INSTANCE, **_HTTP),
    "node-http-v2": node(NODE_V2, "bookworm", INSTANCE, **_HTTP),
    "aws-sdk-2.500": node(NODE_CREDENTIALS, "aws-sdk-2.500", KEY, **_AWS_SDK),
    "aws-sdk-2.500-request": node(NODE_METADATA, "aws-sdk-2.500", INSTANCE, **_AWS_SDK),
    "aws-sdk-2.600": node(NODE_CREDENTIALS, "aws-sdk-2.600", KEY, **_AWS_SDK),
    "aws-sdk-2.1692": node(NODE_CREDENTIALS, "aws-sdk-2.1692", KEY, **_AWS_SDK),
    "aws-sdk-2.1692-request": node(NODE_METADATA, "aws-sdk-2.1692", INSTANCE, **_AWS_SDK),
    "aws-sdk-3": node(NODE_3, "aws-sdk-3", KEY, 'const { S3Client } = require("@aws-sdk/client-s3")'),
    "perl-v1": perl(PERL_V1, "perl", INSTANCE, **_TINY),
    "perl-v2": perl(PERL_V2, "perl", INSTANCE, **_TINY),
    "ec2metadata-debian-11": sh("ec2metadata --instance-id", "ec2metadata-old", on_call=True),
    "ec2metadata-debian-12": sh("ec2metadata --instance-id", "ec2metadata-new", on_call=True),
    "ec2-metadata-debian": sh("ec2-metadata -i", "ec2-utils", on_call=True),
    # What `make test` has at hand.
    "zoo-curl-v1": sh(CURL_V1, "machine"),
    "zoo-curl-v2": sh(CURL_V2, "machine"),
    "zoo-botocore-1.12": python(
        BOTOCORE,
        "machine",
        KEY,
        f"{COLLECTIONS}import botocore.session",
        "/usr/bin/python3",
        zoo={"/opt/zoo": "opt/python-old"},
        env={"PYTHONPATH": f"/opt/zoo/{SITE}"},
    ),
    "zoo-botocore-new": python(
        BOTOCORE,
        "machine",
        KEY,
        "import botocore.session",
        "/usr/bin/python3",
        zoo={"/opt/zoo": "opt/python-new"},
        env={"PYTHONPATH": f"/opt/zoo/{SITE}"},
    ),
    "zoo-module-v1": replace(HOME_MADE["python-module-v1"], layer="machine"),
    "zoo-missing": sh(CURL_V1, "no-such-layer"),
    "zoo-broken": sh("curl -s -m 1 http://169.254.169.254/latest/meta-data/no-such-thing", "machine"),
    **HOME_MADE,
    **LIBRARIES,
    **IMAGES,
}
