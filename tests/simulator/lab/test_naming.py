"""Names must tell for certain whose a namespace is: on their word alone it is removed."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.errors import UsageError
from imds_probe.simulator.lab import naming

ROOT = os.path.dirname(os.path.dirname(sys.modules["imds_probe"].__file__))
WORDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)


@given(WORDS, WORDS)
def test_a_name_can_be_read_back(lab, node):
    made = naming.new_lab_id(lab)
    assert naming.parse(made.namespace(node)) == made
    assert made.namespace(node).startswith(f"imdslab-{lab}-{os.getpid()}.")


@given(st.text(max_size=80))
def test_other_names_are_not_ours(text):
    assert naming.parse(text) is None
    assert naming.parse(f"imdslab-{text}") is None or "." in text


@pytest.mark.parametrize(
    "name",
    [
        "imdslab",
        "imdslab-",
        "imdslab-abc",
        "imdslab-abc-instance",
        "imdslab-abc-12-instance",
        "imdslab-abc-12.34.56-instance",
        "imdslab-abc-12.34.56.1-instance.bak",
        "imdslab-abc-12.34.56.1-",
        "imdslab-abc-a.34.56.1-instance",
        "imdslab2-abc-12.34.56.1-instance",
        "ximdslab-abc-12.34.56.1-instance",
        "imdslab-abc-12.34.56.1-instance\n",
        "imdslab-abc-\u0661.34.56.1-instance\u0661",
    ],
)
def test_similar_names_are_not_ours(name):
    assert naming.parse(name) is None


@pytest.mark.parametrize("word", ["", "-a", "a-", "A", "a b", "a.b", "../x", "a/b", "a\nnetns delete x", "x" * 41])
def test_words_that_could_do_harm_are_refused(word):
    with pytest.raises(UsageError, match="cannot name"):
        naming.checked(word)
    with pytest.raises(UsageError):
        naming.new_lab_id("abc").namespace(word)


def test_two_labs_of_one_process_have_different_names():
    assert naming.new_lab_id("abc").namespace("instance") != naming.new_lab_id("abc").namespace("instance")


def test_an_owner_is_gone_only_when_that_is_certain():
    me = naming.new_lab_id("abc").owner
    assert not me.is_gone()
    # The number is in use again, by a process that began at another time: the owner itself is gone.
    assert naming.Owner(me.pid, me.start_ticks + 1, me.pid_namespace).is_gone()
    assert not naming.Owner(me.pid, me.start_ticks + 1, me.pid_namespace + 1).is_gone()


def test_a_process_is_gone_from_its_death_on_reaped_or_not():
    code = (
        "from imds_probe.simulator.lab import naming; print(naming.new_lab_id('x').namespace('n'), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ROOT}
    ) as child:
        made = naming.parse(child.stdout.readline().strip())
        assert made.owner.pid == child.pid
        assert not made.owner.is_gone()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert made.owner.is_gone()  # a zombie still
        child.wait()
        assert made.owner.is_gone()
