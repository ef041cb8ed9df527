"""What clients stand on: bases of Debian, and what is installed on top of one for a client. layers.py makes them."""

from __future__ import annotations

from dataclasses import dataclass

APT = "apt-get -qq -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false"
# What cloud images have beside.
_CLOUD = (
    *("chrony", "cloud-guest-utils", "cloud-init", "cron", "dbus", "openssh-server", "procps", "python3-dbus"),
    *("python3-gi", "systemd-sysv", "unattended-upgrades"),
)
_COMMON = ("ca-certificates", "curl", "nodejs", "python3", "python3-venv", "wget")


@dataclass(frozen=True)
class Base:
    """A suite of Debian with packages."""

    suite: str
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """A client on top of a base: packages of Debian, of PyPI in /opt/app, of npm in /srv/app, and what a shell does then.

    In `script`, `pip` is that of a virtual environment which is not in the layer.
    """

    base: str
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    script: str = ""


BASES = {
    "bullseye": Base("bullseye", (*_COMMON, "python2.7")),
    "bookworm": Base("bookworm", _COMMON),
    "bullseye-cloud": Base("bullseye", (*_COMMON, *_CLOUD)),
    "bookworm-cloud": Base("bookworm", (*_COMMON, *_CLOUD, "amazon-ec2-utils")),
}
_PYTHON_2 = "boto==2.49.0 botocore==1.12.253 jmespath==0.10.0 python-dateutil==2.8.2 urllib3==1.25.11 six==1.16.0 docutils==0.15.2"
_FOR_PYTHON_2 = "--no-deps --only-binary=:all: --implementation=py --python-version=2.7 --abi=none --platform=any"
_OLD_BOTOCORE = "botocore==1.12.253 boto3==1.9.253 boto==2.49.0 s3transfer==0.2.1 urllib3==1.25.11 six==1.16.0"

LAYERS = {
    "boto2": Layer("bullseye", pip=("boto==2.49.0",)),
    "botocore-old": Layer("bullseye", pip=("botocore==1.12.253", "boto3==1.9.253")),
    "botocore-new": Layer("bookworm", pip=("botocore==1.44.8", "boto3==1.44.8")),
    "awscli-old": Layer("bullseye", pip=("awscli==1.16.260",)),
    "awscli-old-system": Layer("bullseye", apt=("python3-pip",), script="/usr/bin/pip3 install -q awscli==1.16.260"),
    # As AWS's bundled installer leaves it.
    "awscli-old-bundle": Layer(
        "bullseye",
        script="""
        /usr/bin/python3 -m venv /usr/local/aws
        /usr/local/aws/bin/pip install -q --no-compile awscli==1.16.260
        ln -s /usr/local/aws/bin/aws /usr/local/bin/aws
        """,
    ),
    "awscli-new": Layer("bookworm", pip=("awscli==1.46.2",)),
    "awscli-debian-old": Layer("bullseye", apt=("awscli",)),
    "awscli-debian-new": Layer("bookworm", apt=("awscli",)),
    "perl": Layer("bookworm", apt=("perl",)),
    "requests": Layer("bookworm", pip=("requests==2.32.5",)),
    "minio-old": Layer("bullseye", pip=("minio==7.1.0",)),
    "minio-new": Layer("bookworm", pip=("minio==7.2.15",)),
    "google-auth-old": Layer("bullseye", pip=("google-auth==2.3.3", "requests==2.27.1")),
    "google-auth-new": Layer("bookworm", pip=("google-auth==2.40.3", "requests==2.32.5")),
    "xray-old": Layer("bullseye", pip=("aws-xray-sdk==2.4.3",)),
    "xray-new": Layer("bookworm", pip=("aws-xray-sdk==2.15.0",)),
    "newrelic-old": Layer("bullseye", pip=("newrelic==6.10.0.165",)),
    "newrelic-new": Layer("bookworm", pip=("newrelic==10.17.0",)),
    "elastic-apm": Layer("bookworm", pip=("elastic-apm==6.24.0",)),
    "ec2-metadata-old": Layer("bullseye", pip=("ec2-metadata==2.0.0",)),
    "ec2-metadata-new": Layer("bookworm", pip=("ec2-metadata==3.0.0",)),
    "aws-sdk-2.500": Layer("bullseye", npm=("aws-sdk@2.500.0",)),
    "aws-sdk-2.600": Layer("bullseye", npm=("aws-sdk@2.600.0",)),
    "aws-sdk-2.1692": Layer("bookworm", npm=("aws-sdk@2.1692.0",)),
    "aws-sdk-3": Layer("bookworm", npm=("@aws-sdk/client-s3@3.700.0",)),
    "rclone-old": Layer("bullseye", apt=("rclone",)),
    "rclone-new": Layer("bookworm", apt=("rclone",)),
    "s3cmd-old": Layer("bullseye", apt=("s3cmd",)),
    "s3cmd-new": Layer("bookworm", apt=("s3cmd",)),
    "restic-old": Layer("bullseye", apt=("restic",)),
    "restic-new": Layer("bookworm", apt=("restic",)),
    "pgbackrest-old": Layer("bullseye", apt=("pgbackrest",)),
    "pgbackrest-new": Layer("bookworm", apt=("pgbackrest",)),
    "vm-ec2-old": Layer("bullseye", apt=("libvm-ec2-perl",)),
    "vm-ec2-new": Layer("bookworm", apt=("libvm-ec2-perl",)),
    "ec2metadata-old": Layer("bullseye", apt=("cloud-guest-utils",)),
    "ec2metadata-new": Layer("bookworm", apt=("cloud-guest-utils",)),
    "consul": Layer("bullseye", apt=("consul",)),
    "ec2-utils": Layer("bookworm", apt=("amazon-ec2-utils",)),
    # As an application and AWS's agent for CloudWatch Logs had them on Python 2.
    "python2-app": Layer(
        "bullseye",
        script=f"pip install -q {_FOR_PYTHON_2} --target /opt/app/venv/lib/python2.7/site-packages {_PYTHON_2}",
    ),
    "awslogs": Layer(
        "bullseye",
        script="""
        pip install -q virtualenv==20.15.1
        virtualenv -q --python python2.7 --no-download /var/awslogs
        /var/awslogs/bin/pip install -q --no-compile awscli==1.16.260 boto==2.49.0 awscli-cwlogs==1.4.6
        """,
    ),
    # Copied into an application, without what pip leaves beside.
    "vendored": Layer(
        "bullseye",
        script=f"""
        pip install -q --target /opt/tool/vendor {_OLD_BOTOCORE}
        rm -rf /opt/tool/vendor/*.dist-info /opt/tool/vendor/bin
        """,
    ),
    # Where no package and no habit puts it.
    "botocore-old-elsewhere": Layer(
        "bullseye", script=f"pip install -q --target /u01/billing/lib/python3.9/site-packages {_OLD_BOTOCORE}"
    ),
    # Libraries of libraries.py.
    "elastic-apm-old": Layer("bullseye", pip=("elastic-apm==5.10.1",)),
    "deltalake-old": Layer("bullseye", pip=("deltalake==0.6.4", "pyarrow==9.0.0", "numpy==1.26.4")),
    "deltalake-new": Layer("bookworm", pip=("deltalake==1.6.6",)),
    "pyarrow-old": Layer("bullseye", pip=("pyarrow==3.0.0", "numpy==1.26.4")),
    "pyarrow-new": Layer("bookworm", pip=("pyarrow==26.0.1",)),
    "node-google-old": Layer("bullseye", npm=("google-auth-library@7.14.1",)),
    "node-google-new": Layer("bookworm", npm=("google-auth-library@9.15.1",)),
    "aws-provider-old": Layer("bullseye", npm=("@aws-sdk/credential-provider-imds@1.0.0-beta.4",)),
    "smithy-provider-new": Layer("bookworm", npm=("@smithy/credential-provider-imds@4.0.6",)),
    "aws-metadata-service": Layer("bookworm", npm=("@aws-sdk/ec2-metadata-service@3.777.0",)),
    "s3fs-old": Layer("bullseye", apt=("s3fs",)),
    "s3fs-new": Layer("bookworm", apt=("s3fs",)),
    # What home-made clients are written in.
    "ruby": Layer("bookworm", apt=("ruby",)),
    "php": Layer("bookworm", apt=("php-cli",)),
}
