"""Signals around a lab, raised for real in this process."""

import signal
import threading

import pytest

from imds_probe.simulator.lab import interrupts


@pytest.fixture(autouse=True)
def handlers_are_put_back():
    before = {number: signal.getsignal(number) for number in interrupts.HELD}
    yield
    assert {number: signal.getsignal(number) for number in interrupts.HELD} == before


def test_an_interrupt_waits_for_the_end_of_the_block():
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            steps.append("finished")
        steps.append("not reached")
    assert steps == ["finished"]


def test_a_held_signal_still_arrives_when_the_block_fails():
    with pytest.raises(KeyboardInterrupt) as caught:
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError
    assert isinstance(caught.value.__context__, ZeroDivisionError)


def test_without_a_signal_the_block_is_unchanged():
    with interrupts.held():
        value = 1
    assert value == 1


def test_off_the_main_thread_nothing_is_touched():
    seen = []

    def work():
        before = signal.getsignal(signal.SIGINT)
        interrupts.termination.take()
        with interrupts.held():
            seen.append(signal.getsignal(signal.SIGINT) is before)
        interrupts.termination.give_back()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


def test_termination_interrupts_while_labs_stand():
    interrupts.termination.take()
    interrupts.termination.take()
    interrupts.termination.give_back()
    with pytest.raises(KeyboardInterrupt):  # one of the two labs still stands
        signal.raise_signal(signal.SIGTERM)
    interrupts.termination.give_back()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_program_that_handles_termination_itself_is_left_alone():
    arrived = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: arrived.append(number))
    try:
        interrupts.termination.take()
        signal.raise_signal(signal.SIGTERM)
        interrupts.termination.give_back()
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert arrived == [signal.SIGTERM, signal.SIGTERM]
