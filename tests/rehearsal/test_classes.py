"""Classes of net_cls as a rehearsal sets and takes them; those of units and containers are in their tests."""

from __future__ import annotations

import errno
import os

import pytest
from rehearsing import held_by_user, place

from imds_probe.rehearsal import classes as classes_module
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.claims import Claims
from imds_probe.rehearsal.classes import ByClass, StillHeld, class_of, left_set, unset, usable
from imds_probe.rehearsal.group import OwnGroup, classes_of, own_class, own_name
from imds_probe.rehearsal.leftovers import undo
from imds_probe.rehearsal.unit import PROC


@pytest.fixture
def own(classes):
    """A group of net_cls as a runtime makes it, with one in it."""
    with place() as here:
        (here / "web/inner").mkdir(parents=True)
        yield here / "web"


def by_class(directory) -> ByClass:
    return ByClass("web", directory, classes_of(PROC))


def test_what_a_killed_one_left_is_taken_back_and_what_is_held_is_not(own, tmp_path):
    claims, told = Claims(), by_class(own)
    claims.take("web", own)
    told.keep()
    (own / "later").mkdir()
    assert {each.name for each in left_set(own.parent, PROC)} == {"web", "inner", "later"}
    came = undo(own.parent)
    assert (came.removed, came.failed, came.running) == ((), (), (os.getpid(),))
    with pytest.raises(StillHeld) as raised:
        unset(own, tmp_path)  # where nothing says whose lock that is
    assert raised.value.pid is None
    assert class_of(own / "later") == own_class()
    claims.give_back()
    with held_by_user(own):  # whoever may look at a group may lock it
        came = undo(own.parent)
    assert came.running == () and set(came.removed) == {
        f"class of the control group {each}" for each in (own, own / "inner", own / "later")
    }
    assert [class_of(each) for each in (own, own / "inner", own / "later")] == [0, 0, 0]


def test_groups_of_a_rehearsals_own_are_not_looked_at_for_classes(own):
    made = OwnGroup(own_name())
    (made.directory / "inner").mkdir()
    assert class_of(made.directory / "inner") == own_class()
    assert left_set(own.parent, PROC) == []
    assert made.remove()


def test_a_class_that_somebody_sets_meanwhile_ends_it_and_stays(own):
    told = by_class(own)
    told.keep()
    (own / "inner/net_cls.classid").write_text("7")
    with pytest.raises(CannotRehearse, match="web has a class already, 0x7"):
        told.keep()
    assert told.give_back() == [] and (class_of(own), class_of(own / "inner")) == (0, 7)


def test_what_cannot_be_set_or_taken_back_is_said(own, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    told = by_class(own)
    told.keep()
    monkeypatch.setattr(classes_module, "_set", refuse)
    assert told.give_back() == [f"the class of the control group {each}" for each in (own, own / "inner")]
    monkeypatch.undo()
    assert told.give_back() == []
    monkeypatch.setattr(classes_module, "_set", refuse)
    with pytest.raises(CannotRehearse, match="cannot be set: Operation not permitted"):
        told.keep()


def test_a_group_that_is_gone_has_no_class(own):
    (own / "inner").rmdir()
    assert class_of(own / "inner") is None


@pytest.mark.parametrize(("release", "says"), [("5.14.0-1", "before Linux 5.15"), ("5.15.0", ""), ("6.1", "")])
def test_beside_version_2_an_old_kernel_has_it_left_alone(tmp_path, release, says):
    points = ["/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw", "/sys/fs/cgroup/net_prio,net_cls rw - cgroup cgroup rw"]
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text("".join(f"30 1 0:26 / {point}\n" for point in points))
    if not says:
        assert usable(tmp_path, release).mount.name == "net_prio,net_cls"
        return
    with pytest.raises(CannotRehearse, match=says):
        usable(tmp_path, release)
    (tmp_path / "self/mountinfo").write_text(f"30 1 0:26 / {points[0]}\n")
    with pytest.raises(CannotRehearse, match="net_cls, which would tell its connections from others', are not mounted"):
        usable(tmp_path, release)
