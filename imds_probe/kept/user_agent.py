"""What is kept of a User-Agent or a Server header: products that are known, with their versions. Anybody may send anything else
in it.
"""

from __future__ import annotations

from imds_probe.kept.shapes import DIGITS, OMITTED, together

LOOKED_AT_MAX, KEPT_MAX = 512, 300
GROUPS_MAX, GROUP_MAX = 4, 6  # of a version: numbers, and digits of each
# SDKs, command lines, agents and the HTTP libraries that they name beside themselves, in lower case.
KNOWN = frozenset(
    (
        *("aws-cli", "aws-sdk-cpp", "aws-sdk-crt", "aws-sdk-dotnet-35", "aws-sdk-dotnet-45", "aws-sdk-dotnet-core"),
        *("aws-sdk-dotnet-coreclr", "aws-sdk-go", "aws-sdk-go-v2", "aws-sdk-java"),
        *("aws-sdk-js", "aws-sdk-kotlin", "aws-sdk-nodejs", "aws-sdk-php", "aws-sdk-ruby", "aws-sdk-ruby2"),
        *("aws-sdk-ruby3", "aws-sdk-rust", "aws-sdk-swift", "aws-chalice", "aws-crt", "boto", "boto3", "botocore"),
        *("guzzlehttp", "fog", "jets3t", "net-http", "s3fs", "rclone", "s3cmd", "minio", "hadoop", "goofys"),
        *("amazon-cloudwatch-agent", "amazon-ecs-agent", "amazon-ssm-agent", "aws-codedeploy-agent", "awslogs"),
        *("cloud-init", "cloudbase-init", "ignition", "afterburn", "datadog-agent", "fluent-bit", "telegraf"),
        *("prometheus", "consul", "vault", "nomad", "terraform", "packer", "kubelet", "kube2iam", "kiam", "newrelic"),
        *("vector", "otelcol", "filebeat", "metricbeat", "elastic-agent", "chef", "ohai", "facter", "puppet"),
        *("ansible-httpget", "salt", "imds-probe", "snapd", "ec2-metadata", "ec2-instance-connect"),
        *("aiohttp", "apache-httpclient", "axios", "curl", "faraday", "go-http-client", "http.rb", "httpie", "httpx"),
        *("hyper", "java", "jersey", "libcurl", "libwww-perl", "lwp-request", "lwp-trivial", "node", "node-fetch"),
        *("node.js", "got", "undici", "okhttp", "openjdk_64-bit_server_vm", "perl", "php", "postmanruntime"),
        *("python", "python-httpx", "python-requests", "python-urllib", "python-urllib3", "requests", "reqwest"),
        *("rest-client", "ruby", "rust", "typhoeus", "ureq", "wget", "winhttp", "powershell", "windowspowershell"),
        *("mozilla", "linux", "darwin", "windows", "md", "os", "lang", "api", "exec-env", "cfg", "ua", "busybox"),
        *(
            "ec2ws",
            "nginx",
            "apache",
            "openresty",
            "envoy",
            "istio-envoy",
            "haproxy",
            "squid",
            "varnish",
            "caddy",
            "lighttpd",
        ),
        *(
            "traefik",
            "jetty",
            "apache-coyote",
            "tomcat",
            "werkzeug",
            "gunicorn",
            "uvicorn",
            "basehttp",
            "simplehttp",
            "cherrypy",
        ),
        *("tornadoserver", "microsoft-iis", "microsoft-httpapi", "kestrel", "amazons3", "cloudfront", "awselb", "moto"),
        *("dotnet", ".net", ".net_core", "cpython", "pypy", "openssl", "zlib", "glibc", "musl"),
    )
)


def kept_user_agent(text: str) -> str:
    """Products that are known, each with as much of its version as is numbers."""
    return together((_kept(word) for word in text[:LOOKED_AT_MAX].split()), KEPT_MAX)


def _kept(word: str) -> str:
    product, slash, version = word.partition("/")
    if product.lower() not in KNOWN:
        return OMITTED
    numbers = _numbers(version)
    return f"{product}/{numbers}" if slash and numbers else product


def _numbers(version: str) -> str:
    """The plain number that a version begins with: "6.1.0" of "6.1.0-18-amd64"."""
    groups: list[str] = []
    for part in version.split(".", GROUPS_MAX)[:GROUPS_MAX]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits or len(digits) > GROUP_MAX or not DIGITS.issuperset(digits):
            break
        groups.append(digits)
        if digits != part:
            break
    return ".".join(groups)
