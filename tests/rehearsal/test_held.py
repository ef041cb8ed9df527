"""A run beside a rehearsal of its host, in a network of its own: the machine's may be rehearsed by other tests."""

from __future__ import annotations

import sys

import pytest
from rehearsing import held_by_user
from soon import SOON_S

from imds_probe import exitcodes
from imds_probe.errors import HeldError
from imds_probe.net.namespaces import CURRENT, call_in
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.claims import Claims
from imds_probe.rehearsal.held import is_host_rehearsed, unless_host_rehearsed
from imds_probe.simulator.lab.lab import Lab


def test_a_run_believes_no_relay():
    with Lab("held") as lab:
        node = lab.add_container("bare")

        def work() -> None:
            claims = Claims()
            claims.take_host(whole=False)  # of a command or a unit, which is not this program
            assert not is_host_rehearsed()
            claims.give_back()
            with held_by_user(CURRENT):
                assert not is_host_rehearsed()
                with pytest.raises(CannotRehearse, match="no rehearsal is running, but a user's process"):
                    claims.take_host(whole=True)
            claims.take_host(whole=True)
            try:
                with pytest.raises(HeldError, match="somebody rehearses the switch on this host"):
                    unless_host_rehearsed()
                done = node.run([sys.executable, "-m", "imds_probe", "run"], timeout_s=SOON_S)
                assert done.returncode == exitcodes.HELD and not done.stdout
            finally:
                claims.give_back()
            unless_host_rehearsed()

        call_in(node.netns, work)
