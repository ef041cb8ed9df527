"""What a client is, and how rows of clients are written: one function for each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from truth.programs import Program

ID = "http://169.254.169.254/latest/meta-data/instance-id"
ZONE = "http://169.254.169.254/latest/meta-data/placement/availability-zone"
INSTANCE, KEY, BUCKET = "i-0123456789abcdef0", "ASIAEXAMPLE", "the-bucket"
# What answers as S3 does, to who signs: storage.py.
STORAGE = "198.51.100.7:9000"
URL = f"http://{STORAGE}"
APP = "/opt/app/bin/python"


@dataclass(frozen=True)
class Client:
    """`expects` is what the answer has in it where the client works. `files` are settings, by path. `zoo` are directories
    of the SDK zoo by where they are seen. `on_call`: it asks again when it is called, not every second: what a shell starts
    and what has ended at once would be there or not, by luck, while the host is judged.
    """

    program: Program
    layer: str
    expects: str
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    zoo: Mapping[str, str] = field(default_factory=dict)
    on_call: bool = False


def sh(ask: str, layer: str = "bookworm", expects: str = INSTANCE, prologue: str = "", **more) -> Client:
    return Client(Program("sh", ask, prologue), layer, expects, **more)


def python(ask: str, layer: str, expects: str = INSTANCE, prologue: str = "", interpreter: str = APP, **more) -> Client:
    return Client(Program("python", ask, prologue, interpreter), layer, expects, **more)


def node(ask: str, layer: str, expects: str = INSTANCE, prologue: str = "", **more) -> Client:
    return Client(Program("node", ask, prologue), layer, expects, **more)


def perl(ask: str, layer: str, expects: str = INSTANCE, prologue: str = "", **more) -> Client:
    return Client(Program("perl", ask, prologue), layer, expects, **more)


def ruby(ask: str, expects: str = INSTANCE, prologue: str = "", **more) -> Client:
    return Client(Program("ruby", ask, prologue), "ruby", expects, **more)


def php(ask: str, expects: str = INSTANCE, prologue: str = "", **more) -> Client:
    return Client(Program("php", ask, prologue), "php", expects, **more)


def command(words: str, layer: str, expects: str = INSTANCE, **more) -> Client:
    """A program that is not a script of ours: it asks once, and again and again where it is given `--again`."""
    return Client(Program("command", words), layer, expects, **more)
