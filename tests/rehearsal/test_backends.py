"""On which kernels connections are led by what; what that does is in test_rehearsal.py."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from imds_probe.rehearsal import backends
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.backends import excluding, put_up
from imds_probe.rehearsal.rules import Group

WHERE = {socket.AF_INET: ("127.0.0.9", 80)}
OF_VERSION_1, OF_VERSION_2 = Group(class_id=7), Group(4711, 2)


@pytest.mark.parametrize(
    ("release", "old"),
    [
        ("4.14.355-280.708.amzn2.x86_64", True),
        ("3.10.0-1160.el7", True),
        ("4.18.0-553.el8", False),
        ("6.1", False),
        ("x", False),
    ],
)
def test_kernels_on_which_nf_tables_keeps_iptables_from_nat(release, old):
    assert excluding(release) == old


@pytest.fixture
def on(monkeypatch):
    """A kernel on which nf_tables ends with an error, if any."""

    def call(*, old: bool, error: int = 0) -> None:
        def by_nf_tables(*_):
            if error:
                raise OSError(error, os.strerror(error))
            return "nf_tables"

        monkeypatch.setattr(backends, "excluding", lambda _: old)
        monkeypatch.setattr(backends, "by_nf_tables", by_nf_tables)
        monkeypatch.setattr(backends, "by_iptables", lambda *_: "iptables")

    return call


@pytest.mark.parametrize(
    ("old", "error", "group", "by"),
    [
        (False, 0, OF_VERSION_1, "nf_tables"),
        (False, 0, OF_VERSION_2, "nf_tables"),
        (True, 0, OF_VERSION_1, "iptables"),
        (False, errno.EPROTONOSUPPORT, OF_VERSION_1, "iptables"),
    ],
)
def test_what_leads(on, old, error, group, by):
    on(old=old, error=error)
    assert put_up("name", WHERE, WHERE, group) == by


@pytest.mark.parametrize(
    ("old", "error", "group", "says"),
    [
        (True, 0, OF_VERSION_2, "use Linux 4.18 or later"),
        (False, errno.EOPNOTSUPP, OF_VERSION_2, "use Linux 4.18 or later with nf_tables"),
        (False, errno.EPERM, OF_VERSION_1, "no permission"),
        (False, errno.ENOMEM, OF_VERSION_1, "cannot be set here: Cannot allocate memory"),
    ],
)
def test_what_is_refused(on, old, error, group, says):
    on(old=old, error=error)
    with pytest.raises(CannotRehearse) as raised:
        put_up("name", WHERE, WHERE, group)
    assert says.lower() in str(raised.value).lower()
