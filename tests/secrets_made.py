"""Secrets that nobody has, and the forms in which programs are given them. What the probe writes has none of them."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

COUNT = 200
_WORDS = ("correct", "horse", "battery", "staple", "zebra", "quartz", "violin", "meadow")


class Form(NamedTuple):
    """A program, and its arguments with a secret among them."""

    exe: str
    arguments: Callable[[str], Sequence[str]]


def secrets() -> list[str]:
    """Keys, tokens, passwords and passphrases; none is part of another."""
    chance = random.Random(4242)
    made: list[str] = []
    while len(made) < COUNT:
        raw, token = chance.randbytes(24), chance.randbytes(36)
        made += (
            raw.hex(),
            base64.b64encode(raw).decode(),
            "AKIA" + base64.b32encode(raw).decode()[:16],
            str(uuid.UUID(bytes=raw[:16])),
            "-".join(chance.sample(_WORDS, 4)) + "-" + "".join(chance.choices("bcdfghjkmnpqrstvwxz", k=6)),
            "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=12)),
            f"Hunter{chance.randrange(10**8):08d}!",
            str(chance.randrange(10**15, 10**16)),
            f"ghp_{base64.b32encode(raw).decode().lower().strip('=')}",
            f"eyJ{base64.urlsafe_b64encode(token[:18]).decode()}.{base64.urlsafe_b64encode(token[18:]).decode()}",
        )
    return made[:COUNT]


def _of(program: str, *shapes: str) -> list[Form]:
    """Forms of one program, by words in which S stands for the secret and _ for a blank within one argument."""
    return [
        Form(f"/usr/bin/{program}", lambda secret, shape=shape: _words(program, shape, secret))  # type: ignore[misc]
        for shape in shapes
    ]


def _words(program: str, shape: str, secret: str) -> Sequence[str]:
    return (program, *(word.replace("_", " ").replace("§", secret) for word in shape.split()))


FORMS: list[Form] = [
    *_of(
        "curl",
        *("-u a:§ http://169.254.169.254/", "-ua:§ x", "--user a:§", "--user=a:§", "--proxy-user a:§", "-U a:§"),
        *(
            "-H Authorization:_Bearer_§",
            "-HAuthorization:_Basic_§",
            "--header X-Api-Key:_§",
            "-H X-Amz-Security-Token:_§",
        ),
        *(
            '-d {"password":"§"}',
            "-d password=§&x=1",
            "--data-raw §",
            "--data-binary=§",
            "-F token=§",
            "--json {'k':'§'}",
        ),
        *("-b session=§", "--cookie §", "--oauth2-bearer §", "-e https://x/?t=§", "-A §", "--pass §", "-E cert:§"),
        *("https://§@host/x", "https://a:§@host/x", "https://host/?sig=§", "https://host/#§", "https://host/§/x"),
        *(
            "http://169.254.169.254/latest/meta-data/?t=§",
            "http://169.254.169.254/§",
            "http://a:§@169.254.169.254/latest/",
        ),
        *("-x http://a:§@proxy:3128", "--url https://host/?access_token=§", "--aws-sigv4 § x", "http://§.example.com/"),
    ),
    *_of(
        "wget",
        "--http-password=§",
        "--http-password §",
        "--header=Cookie:_§",
        "--post-data=p=§",
        "--password §",
        "ftp://u:§@h/",
    ),
    *_of("mysql", "-p§", "-uroot -p§ db", "--password=§", "--password §", "-e SET_PASSWORD='§'"),
    *_of("psql", "postgres://u:§@h/d", "postgresql://h/d?password=§", "host=h_password=§", "-v pw=§"),
    *_of("redis-cli", "-a §", "--pass §", "AUTH §", "-u redis://:§@h", "--user u --askpass §"),
    *_of("mongosh", "mongodb://u:§@h/d", "-p §", "--password=§", "mongodb+srv://u:§@h"),
    *_of("aws", "configure set aws_secret_access_key §", "configure set § x", "s3 cp s3://b/§ -", "--profile § s3 ls"),
    *_of("aws", "secretsmanager put-secret-value --secret-string §", "ssm put-parameter --value=§", "sts § x", "§"),
    *_of("aws", "s3 ls --endpoint-url https://§@h", "ec2 describe-instances --filters Name=tag:t,Values=§"),
    *_of(
        "openssl",
        "enc -pass pass:§",
        "req -passin pass:§",
        "rsa -passout=pass:§",
        "enc -k §",
        "enc -K § -iv 0",
        "passwd §",
    ),
    *_of("gpg", "--passphrase §", "--passphrase=§", "--batch --pinentry-mode loopback --passphrase §"),
    *_of("sshpass", "-p § ssh h", "-p§ ssh h", "ssh -o Password=§"),
    *_of(
        "docker",
        "login -p § r",
        "login -u u --password=§ r",
        "run -e PASS=§ img",
        "run --env=PASS=§ img",
        "build --build-arg T=§ .",
    ),
    *_of(
        "kubectl",
        "--token=§ get pods",
        "--token § get",
        "create secret generic x --from-literal=k=§",
        "config set-credentials u --password=§",
    ),
    *_of("helm", "install --set auth.password=§ x", "registry login -p §"),
    *_of("vault", "login §", "login token=§", "write secret/x v=§", "kv put secret/x p=§", "unwrap §"),
    *_of(
        "git",
        "clone https://§@github.com/x",
        "clone https://oauth2:§@h/x",
        "-c http.extraHeader=Authorization:_§ fetch",
    ),
    *_of("env", "AWS_SECRET_ACCESS_KEY=§ app", "PGPASSWORD=§ psql", "-S §"),
    *_of("sudo", "PASSWORD=§ app", "-p § app", "MYSQL_PWD=§ mysql"),
    *_of("dash", "-c PGPASSWORD=§_psql", "-c curl_-u_a:§_x", "-ec echo_§|base64", "/opt/run.sh §", "-x -c mysql_-p§"),
    *_of("bash", "-c cat_<<<§", "-lc export_T=§;app", "-s §", "--rcfile § x", "-o § x", "--init-file=§"),
    *_of(
        "python3.11",
        "-c print('§')",
        "/opt/app.py --token §",
        "/opt/app.py §",
        "-m app --password=§",
        "-m app §",
        "-W § /opt/a.py",
    ),
    *_of("python3.11", "-X § x", "-u §", "--hunter § /opt/a.py"),
    *_of("perl", "-e print'§'", "/opt/x.pl §", "-pe s/x/§/", "-I § x.pl"),
    *_of("ruby", "-e §", "/opt/x.rb --key=§", "-r § x.rb"),
    *_of("node", "-e §", "--require § /opt/x.js", "/opt/x.js --api-key §", "--title=§ x.js", "--title § x.js"),
    *_of("php", "-r §", "-d x.password=§ /opt/x.php", "/opt/x.php §"),
    *_of(
        "java", "-Dx.password=§ -jar /opt/x.jar", "-jar /opt/x.jar --spring.datasource.password=§", "-jar /opt/x.jar §"
    ),
    *_of(
        "java",
        "-cp § org.example.x.Main",
        "-javaagent:/a.jar=§ -jar /a.jar",
        "-XX:§ -jar /a.jar",
        "--hunter § x",
        "-cp a org.x.y.Main §",
    ),
    *_of(
        "app",
        "--bearer §",
        "-bearer §",
        "--conf=KEY:§",
        "--conf KEY:§",
        "AccountKey=§",
        "DefaultEndpointsProtocol=https;AccountKey=§",
    ),
    *_of(
        "app",
        "-X§",
        "-x=§",
        "--x=§",
        "--=§",
        "-§",
        "--config §",
        "--config=§",
        "--port §",
        "--unit=§",
        "--region §",
        "--timeout=§",
    ),
    *_of(
        "app",
        "-- §",
        "@§",
        "§=x",
        "x=§",
        "§:x",
        "x,§",
        "'§'",
        "a_§_b",
        "token:§",
        "password_§",
        "--token_§",
        "\t§",
        "§ §",
        "Server=h;Pwd=§",
    ),
    *_of("systemd-run", "--setenv=P=§ app", "-p Environment=P=§ app", "--unit=x.service app §", "-E P=§ app"),
    *_of("ldapsearch", "-w §", "-w§ -D cn=x", "-y §"),
    *_of("rclone", "copy :s3,secret_access_key=§:b x", "--s3-secret-access-key § ls x", "ls https://h/?x=§"),
    *_of("busybox", "wget --header X:§", "sh -c §", "nc §", "§"),
]


def holds(text: str, secret: str) -> bool:
    """Whether a text has a secret or a good part of it."""
    return secret[:8] in text or secret[-8:] in text
