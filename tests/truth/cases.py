"""The cases: a client (or two), the place where it runs or is started from, and how host and service stand.

A row is written `client @ place`, and what is not usual by name. A case of more than one row is a row for each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from truth import layers
from truth.clients import CLIENTS, Client
from truth.images import IMAGES
from truth.starts import STARTS

Place = Literal[
    # It runs while the host is judged:
    "host",  # a process of the host
    "chroot",  # the same with a root directory of its own, /srv/jail
    "container",  # on the bridge, one hop further away
    "container-host",  # on the host's network
    "container-mesh",  # on the bridge, behind a relay of its own that everything it sends is redirected to
    "container-mesh-http",  # the same, of a relay that speaks HTTP
    "container-proxy",  # the same, of one that gives out tokens of its own and asks by token itself
    "container-squid",  # the same, of Debian's squid, which adds X-Forwarded-For
    "container-squid-plain",  # the same, told not to add it
    "container-slirp",  # in a network of root's whose only way out is slirp4netns, as podman has it
    "container-drop",  # on the bridge, and the host forwards nothing from there to the metadata service
    # It does not run while the host is judged; what starts it lies there (starts.py):
    "cron",  # a line in /etc/cron.d
    "cron-chroot",  # the same, with `chroot /srv/jail`
    "crontab",  # a line in /etc/crontab
    "crontab-user",  # in root's own crontab
    "cron.daily",
    "cron.monthly",
    "anacron",
    "timer",  # a unit of systemd that a timer starts
    "unit",  # an enabled unit that runs once at boot
    "unit-drop-in",  # the same, where a drop-in says what is run first
    "rc.local",
    "init.d",
    "per-boot",  # a script of cloud-init
    "bootcmd",  # a setting of cloud-init
    "boothook",  # user data that cloud-init runs at every boot
    "profile.d",
    "dispatcher",  # of NetworkManager, when a link comes or goes
    "dhclient",  # when an address comes
    # The same, but it has run and will not run again on this host:
    "per-instance",
    "user-data",
    # Nothing starts it (any more):
    "lies",
    "container-brief",  # a container that ends before the host is judged
]
RELAYED = (
    "container-mesh",
    "container-mesh-http",
    "container-proxy",
    "container-squid",
    "container-squid-plain",
    "container-slirp",
)
RUNNING = ("host", "chroot", "container", "container-host", "container-drop", *RELAYED)
CONTAINERS = ("container", "container-host", "container-drop", "container-brief", *RELAYED)


@dataclass(frozen=True)
class Case:
    """`limit` is the hop limit that is found. `env` is that of the program, `state` the metadata service's, `arguments` the
    probe's. `works`: whether the client gets what it asks for before the switch, or `None` where that is not looked at.
    `later`: it asks for the first time after the host was judged. `often`: what does not run while the host is judged
    runs once while it is watched. `expects` takes the place of the client's own.
    """

    clients: tuple[str, ...]
    place: Place
    limit: int = 1
    variant: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    works: bool = True
    later: bool = False
    often: bool = False
    expects: str = ""

    @property
    def id(self) -> str:
        limit = f"-limit{self.limit}" if self.place in CONTAINERS else ""
        often = "-often" if self.often else ""
        variant = f"-{self.variant}" if self.variant else ""
        return f"{'+'.join(self.clients)}@{self.place}{limit}{often}{variant}"

    @property
    def is_started_again(self) -> bool:
        """Whether it runs, or will run again, without anybody's doing."""
        return self.place != "lies" and not (self.place in STARTS and STARTS[self.place].once)

    @property
    def its_clients(self) -> tuple[Client, ...]:
        return tuple(CLIENTS[name] for name in self.clients)

    @property
    def layer(self) -> str:
        """That of the first client: others have to find what they need in it."""
        return self.its_clients[0].layer

    def digest(self) -> str:
        """Changes with whatever the case is made of."""
        of = asdict(self) | {"of": [asdict(client) for client in self.its_clients]}
        if self.layer in layers.LAYERS or self.layer in layers.BASES:
            of["on"] = layers.definition(self.layer)
        return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]


def at(place: Place, clients: str, **more) -> list[Case]:
    """A case for each of the clients; `a+b` are two in one case."""
    return [Case(tuple(names.split("+")), place, **more) for names in clients.split()]


_EMPTY_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLE"}
_NOT_DISABLED = {"AWS_EC2_METADATA_DISABLED": "false"}
_DISABLED = {"AWS_EC2_METADATA_DISABLED": "true"}
_EMPTY_URI = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ""}
_TOKEN = "/run/secrets/eks.amazonaws.com/serviceaccount/token"
_WEB_IDENTITY = {"AWS_WEB_IDENTITY_TOKEN_FILE": _TOKEN, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/app"}
_TOKEN_FILE = {_TOKEN: "not-a-token"}
_OFF = {"http_endpoint": "disabled"}
_NO_V1 = {"AWS_EC2_METADATA_V1_DISABLED": "true"}
_IPV6 = {"http_protocol_ipv6": "enabled"}
# One of each language and form, by IMDSv1 and by token.
_HOME_MADE_V1 = "python-module-v1 node-module-v1 ruby-v1 perl-module-v1 php-module-v1 java-v1 go-v1 sourced-v1"
_HOME_MADE_V2 = _HOME_MADE_V1.replace("-v1", "-v2")
_LIBRARIES_OLD = (
    "google-auth-old xray-2.4.3 newrelic-old deltalake-old pyarrow-old node-google-old aws-provider-old vm-ec2-old"
)
_LIBRARIES_NEW = "google-auth-new-v2 minio-new deltalake-new pyarrow-new node-google-new-v2 smithy-provider-new"
# Where something starts what does not run now; cron.d is below, with more.
_SCHEDULED = ("crontab-user", "cron.daily", "timer")
_AT_BOOT = ("unit", "rc.local", "per-boot", "bootcmd", "profile.d", "dispatcher", "dhclient")
_ONCE = ("per-instance", "user-data")
_FURTHER = ("crontab", "anacron", "init.d", "unit-drop-in", "boothook")
_STARTED_OLD = "curl-v1 boto2 botocore-1.12 aws-1.16"
_STARTED_NEW = "curl-v2 botocore-new aws-1-new"

CASES: tuple[Case, ...] = (
    # Every client as a process of the host.
    *at("host", "curl-v1 curl-v2 curl-either wget-v1 wget-v2 perl-v1 perl-v2"),
    *at("host", "urllib-v1 urllib-v2 urllib2-v1 requests-v1 requests-v2"),
    *at("host", "boto2 boto2-metadata botocore-1.12 botocore-new boto3-1.9 boto3-new"),
    *at("host", "aws-1.16 aws-1-new aws-debian-11 aws-debian-12"),
    *at("host", "minio-7.1.0 minio-new google-auth-old google-auth-new-v1 google-auth-new-v2"),
    *at("host", "xray-2.4.3 xray-new newrelic-old newrelic-new elastic-apm ec2-metadata-2.0 ec2-metadata-3.0"),
    *at("host", "node-http-v1 node-http-v2 aws-sdk-2.500 aws-sdk-2.600 aws-sdk-2.1692 aws-sdk-3"),
    *at("host", "aws-sdk-2.500-request aws-sdk-2.1692-request"),
    *at("host", "vm-ec2-old vm-ec2-new rclone-serve-debian-11 rclone-debian-12 s3cmd-debian-11 s3cmd-debian-12"),
    *at("host", "restic-debian-11 restic-debian-12 pgbackrest-debian-11 pgbackrest-debian-12"),
    *at("host", "ec2metadata-debian-11 ec2metadata-debian-12 ec2-metadata-debian"),
    # Home-made, in each language; where the address stands otherwise, on the host alone.
    *at("host", f"{_HOME_MADE_V1} {_HOME_MADE_V2}"),
    *at("host", "http-client-v1 http-client-v2 python-split-v1 python-split-v2 python-compiled-v1 python-compiled-v2"),
    *at("host", "node-fetch-v1 node-fetch-v2 ruby-module-v1 ruby-module-v2 php-v1 php-v2 wget-sourced-v1"),
    *at("host", "curl-v1-decimal curl-v1-by-name"),
    *at("host", "curl-v1-by-ipv6", state=_IPV6),
    *at("container", f"{_HOME_MADE_V1} {_HOME_MADE_V2}", limit=2),
    *at("chroot", f"{_HOME_MADE_V1} {_HOME_MADE_V2}"),
    *at("cron", _HOME_MADE_V1),
    *at("cron", "python-module-v2 ruby-v2 go-v2 sourced-v2"),
    # Libraries, old and new, beside AWS's SDKs.
    *at("host", "elastic-apm-5.10 deltalake-old deltalake-new pyarrow-old pyarrow-new s3fs-debian-11 s3fs-debian-12"),
    *at("host", "s3fs-named-debian-11 s3fs-named-debian-12"),
    *at("host", "node-google-old node-google-new-v1 node-google-new-v2"),
    *at("host", "aws-provider-old smithy-provider-new aws-metadata-service"),
    *at("container", f"{_LIBRARIES_OLD} {_LIBRARIES_NEW}", limit=2),
    *at("container", "restic-debian-11 pgbackrest-debian-11 s3fs-debian-11", limit=2),
    *at("chroot", "minio-7.1.0 google-auth-old vm-ec2-old node-google-old restic-debian-11 pgbackrest-debian-11"),
    *at("cron", f"{_LIBRARIES_OLD} minio-7.1.0 google-auth-new-v2"),
    # python2-app
    *at("host", "python2-boto2 python2-botocore awslogs awslogs-agent"),
    # vendored-python, deep-is-not-all
    *at("host", "vendored-botocore vendored-boto2 botocore-1.12-u01"),
    *at("lies", "botocore-1.12-u01"),
    *at("cron", "botocore-1.12-u01", arguments=("--deep",), variant="deep"),
    # variables-by-name-only
    *at("container", "botocore-new", env=_EMPTY_KEYS, variant="empty-keys"),
    *at("container", "botocore-new", env=_NOT_DISABLED, variant="not-disabled"),
    # An empty one is one to botocore, which asks the container's endpoint and fails; to the SDK for JavaScript it is none.
    *at("container", "botocore-new", env=_EMPTY_URI, variant="empty-uri", works=False),
    *at("container", "aws-sdk-3", env=_EMPTY_URI, variant="empty-uri"),
    *at("host", "botocore-1.12", env=_EMPTY_KEYS, variant="empty-keys"),
    *at("host", "botocore-1.12", env=_NOT_DISABLED, variant="not-disabled"),
    # What a variable really steers, and whom.
    *at("host", "botocore-1.12", env=_KEYS, variant="keys", expects="AKIAEXAMPLE"),
    *at("container", "botocore-new", env=_KEYS, variant="keys", expects="AKIAEXAMPLE"),
    *at("container", "botocore-new", env=_DISABLED, variant="disabled", works=False),
    *at("container", "botocore-new", env=_WEB_IDENTITY, files=_TOKEN_FILE, variant="web-identity", works=False),
    *at("container", "botocore-new", env=_NO_V1, variant="no-v1", works=False),
    *at("host", "boto2", env=_DISABLED, variant="disabled"),
    *at("host", "boto2", env=_WEB_IDENTITY, files=_TOKEN_FILE, variant="web-identity"),
    *at("container", "boto2", env=_KEYS, variant="keys", expects="AKIAEXAMPLE"),
    *at("container", "boto2", env=_WEB_IDENTITY, files=_TOKEN_FILE, limit=2, variant="web-identity"),
    # In containers: the token arrives or is lost.
    *at("container", "curl-v1 curl-either botocore-1.12 botocore-new boto3-new aws-sdk-2.1692 aws-sdk-3 minio-7.1.0"),
    *at("container", "curl-v2 requests-v2", works=False),
    *at("container", "curl-v1 curl-v2 botocore-1.12 botocore-new aws-sdk-2.500 aws-sdk-3 rclone-debian-11", limit=2),
    *at("container", "urllib-v2 urllib-v1", limit=2),
    *at("container", "botocore-new+urllib-v1"),
    *at("container", "botocore-new+urllib-v1", limit=2),
    *at("container-host", "curl-v1 botocore-1.12 botocore-new aws-sdk-2.1692-request"),
    *at("container-drop", "botocore-1.12 botocore-new", works=False),
    *at("container-brief", "botocore-new", often=True),
    *at("container-brief", "curl-either", often=True),
    # scripts-on-disk
    *at("cron", "curl-v1 curl-v2 urllib-v1 requests-v1 perl-v1 node-http-v1"),
    *at("cron", "curl-v1", often=True),
    *at("cron.monthly", "curl-v1 wget-v1 curl-v2"),
    *at("unit", "urllib-v1"),
    *at("per-boot", "wget-v1"),
    *at("lies", "curl-v1 urllib-v1"),
    # Each way in which something is started, with what is old and what is new.
    *(case for place in (*_SCHEDULED, *_AT_BOOT, *_ONCE) for case in at(place, f"{_STARTED_OLD} {_STARTED_NEW}")),
    *(case for place in _FURTHER for case in at(place, "curl-v1 curl-v2 botocore-1.12")),
    *at("cron", "boto2 botocore-1.12 botocore-new aws-1-new"),
    *at("crontab-user", "aws-1.16-system"),
    # cli-by-pip, one-curl-many-scripts and what is packaged, started by cron
    *at("cron", "aws-1.16 aws-1.16-system aws-1.16-bundle aws-debian-11 aws-debian-12 awslogs"),
    *at("cron", "curl-v1+curl-v1-zone", often=True),
    *at("cron", "s3cmd-debian-11 s3cmd-debian-12 restic-debian-11 pgbackrest-debian-11 rclone-debian-11"),
    *at("cron", "aws-sdk-2.1692-request vendored-boto2 python2-boto2 ec2metadata-debian-11"),
    *at("cron-chroot", "s3cmd-debian-11 curl-v1"),
    *at("chroot", "botocore-1.12 botocore-new curl-v1"),
    # mesh-sidecar
    *at("container-mesh", "botocore-new"),
    *at("container-mesh", "botocore-new curl-v2", limit=2),
    *at("container-mesh-http", "botocore-new"),
    *at("container-mesh-http", "botocore-new", limit=2),
    # Other relays: what speaks IMDSv2 and works is no trouble.
    *at("container-proxy", "botocore-new curl-v2", limit=2),
    *at("container-squid", "botocore-new", limit=2),
    *at("container-squid-plain", "botocore-new", limit=2),
    # rootless-network
    *at("container-slirp", "botocore-new curl-v2"),
    *at("container-slirp", "botocore-new", limit=2),
    # unknown-for-ever
    *at("host", "consul-debian-11"),
    # Other ways for the host and the service to stand.
    *at("host", "botocore-1.12-lazy", later=True),
    *at("host", "botocore-new curl-v1", state=_OFF, variant="off", works=False),
    *at("host", "other-clouds", variant="answers"),
    *at("host", "curl-v1 botocore-new", state=_IPV6, variant="ipv6"),
    # Hosts where nobody asks: of how few the probe says that it does not know.
    *at("host", " ".join(IMAGES)),
)

# One of each kind for `make test`, and the ways in which a case cannot be run.
ZOO_CASES: tuple[Case, ...] = (
    *at("host", "zoo-botocore-1.12 zoo-curl-v2"),
    *at("container", "zoo-botocore-new"),
    *at("rc.local", "zoo-module-v1"),
    *at("per-instance", "zoo-curl-v1"),
    *at("host", "zoo-missing zoo-broken"),
)


def by_id() -> dict[str, Case]:
    """All, also those of `make test`. Two of one name are a mistake here."""
    found = {case.id: case for case in (*CASES, *ZOO_CASES)}
    assert len(found) == len(CASES) + len(ZOO_CASES)
    return found
