"""Transactions with the kernel's packet rules."""

from __future__ import annotations

import threading

import pytest
from soon import SOON_S

from imds_probe.net import namespaces, nfnetlink
from imds_probe.net.netlink import NLM_F_CREATE, NLM_F_EXCL
from imds_probe.net.nfnetlink import DELTABLE, NEWTABLE, Change, Nfnetlink, text
from imds_probe.simulator.lab.lab import Lab
from imds_probe.system.background import Background


def table(name, family=2):
    return Change(NEWTABLE, family, text(1, name), NLM_F_CREATE | NLM_F_EXCL)


@pytest.fixture
def netlink():
    with Nfnetlink() as opened:
        yield opened
        for family, name in opened.tables():
            if name.startswith("imds-probe-test"):
                opened.change([Change(DELTABLE, family, text(1, name))])


@pytest.fixture
def lab():
    with Lab("nfnetlink") as built:
        yield built


def test_a_transaction_is_done_as_one(netlink):
    netlink.change([table("imds-probe-test-1"), table("imds-probe-test-1", 10)])
    assert {(2, "imds-probe-test-1"), (10, "imds-probe-test-1")} <= set(netlink.tables())
    with pytest.raises(FileExistsError):
        netlink.change([table("imds-probe-test-2"), table("imds-probe-test-1")])
    assert (2, "imds-probe-test-2") not in netlink.tables()
    # What was refused leaves nothing in the way of the next.
    netlink.change([table("imds-probe-test-2")])
    assert (2, "imds-probe-test-2") in netlink.tables()


def test_what_is_not_there_is_not_found(netlink):
    with pytest.raises(FileNotFoundError):
        netlink.change([Change(DELTABLE, 2, text(1, "imds-probe-test-none"))])


class Contended:
    """A lock that says when somebody has to wait for it."""

    def __init__(self, told: threading.Event) -> None:
        self._lock, self._told = threading.Lock(), told

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._told.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_threads_do_not_take_each_others_answers(netlink, monkeypatch):
    """While one is about to read its answer, the other lists tables, and would read whatever is there."""
    begun, done = threading.Event(), threading.Event()
    monkeypatch.setattr(netlink, "_asking", Contended(done))
    received = netlink._received

    def listed() -> None:
        assert begun.wait(SOON_S)
        netlink.tables()
        done.set()

    def late():
        if not begun.is_set():
            begun.set()
            assert done.wait(SOON_S)
        return received()

    monkeypatch.setattr(netlink, "_received", late)
    other = Background("other", listed)
    netlink.change([table("imds-probe-test-1")])
    other.result(SOON_S)


def test_many_tables_are_all_listed(netlink):
    names = [f"imds-probe-test-{number}-{'x' * 100}" for number in range(200)]
    netlink.change([table(name) for name in names])
    assert {name for _, name in netlink.tables()} >= set(names)


def test_of_another_namespace(lab):
    with Nfnetlink(lab.instance.netns) as other, Nfnetlink() as own:
        other.change([table("imds-probe-test-there")])
        assert (2, "imds-probe-test-there") in other.tables()
        assert (2, "imds-probe-test-there") not in own.tables()


def test_without_the_right_it_is_refused():
    with pytest.raises(namespaces.NamespaceError):
        Nfnetlink(namespaces.Path("/nonexistent"))


OTHERS = "nf_tables_ipv4 16384 0 - Live 0x0\nx_tables 53248 1 nft_compat, Live 0x0\n"
BUILT_IN = "0000000000000000 T nft_register_chain_type\n"


@pytest.mark.parametrize(
    ("modules", "symbols", "expected"),
    [
        (OTHERS, "0000000000000000 T nft_register_chain\n", False),
        ("nf_tables 335872 3 nft_compat, Live 0x0\n", "", True),
        (OTHERS, BUILT_IN, True),
        ("", "0000000000000000 T a\n" + BUILT_IN, True),
        (None, "0000000000000000 T a\n", True),  # a kernel without modules loads none
        (OTHERS, "", True),  # nothing is said
        (OTHERS, None, True),
    ],
)
def test_whether_a_question_makes_the_kernel_load_nf_tables(tmp_path, monkeypatch, modules, symbols, expected):
    for name, said in (("MODULES", modules), ("SYMBOLS", symbols)):
        monkeypatch.setattr(nfnetlink, name, tmp_path / name)
        if said is not None:
            (tmp_path / name).write_text(said)
    nfnetlink._is_built_in.cache_clear()
    try:
        assert nfnetlink.is_loaded() is expected
    finally:
        nfnetlink._is_built_in.cache_clear()
