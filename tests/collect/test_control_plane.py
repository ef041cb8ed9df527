"""The EC2 API in the place of a request without a token: what is taken from it, when it is asked again, and that nothing changes
where it says nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from contexts import collected, context

from imds_probe.aws.calls import CallError
from imds_probe.aws.control_plane import Asked
from imds_probe.collect import control_plane, options
from imds_probe.collect.context import Context
from imds_probe.collect.control_plane import JITTER_S, KEPT_S, ControlPlaneOptions
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.control_plane import ControlPlane, MetadataOptions, NotAnswered
from imds_probe.facts.imds import Imds
from imds_probe.facts.platform import Platform
from imds_probe.simulator.server import Simulator

AT = "2026-11-29T12:00:00Z"
REQUIRED = ControlPlane(AT, MetadataOptions("required", 2, "enabled", "disabled", "disabled"))
COLLECTORS = (options.COLLECTOR, control_plane.COLLECTOR)


@pytest.fixture
def service() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Lays out what AWS answers, and what the instance has when it is asked of again; gives the ids that were asked for in full."""

    def lay_out(answer: object, now: MetadataOptions | None = REQUIRED.instance) -> list[str]:
        asked: list[str] = []

        def ask(aws: object, instance, *, deadline: float) -> Asked:
            asked.append(instance.instance_id)
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, Asked) else Asked(answer, True)

        def again(aws: object, instance: object, earlier: ControlPlane, *, deadline: float) -> ControlPlane:
            return replace(earlier, instance=now)

        monkeypatch.setattr("imds_probe.aws.control_plane.ask", ask)
        monkeypatch.setattr("imds_probe.aws.control_plane.ask_again", again)
        return asked

    return lay_out


def ran(service: Simulator, root: Path, *given: object) -> tuple[Context, dict[str, CollectorRun]]:
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}
    made = context(root, Platform(True, "", "i-0123456789abcdef0"), environ=environ, options=given)
    runs = collected(made, [each for each in COLLECTORS if each.applies(made)])
    return made, runs


def imds(made: Context) -> Imds:
    found = made.get(Imds)
    assert found is not None
    return found


def test_tokens_come_from_the_api_and_no_request_is_made_without_one(service, said, tmp_path):
    asked = said(REQUIRED)
    made, runs = ran(service, tmp_path, ControlPlaneOptions(now=True))
    assert asked == ["i-0123456789abcdef0"]  # once, for both
    assert service.counts.imdsv1 == 0
    assert (imds(made).tokens, imds(made).tokens_method, imds(made).endpoint) == ("required", "ec2-api", "enabled")
    assert made.get(ControlPlane) == REQUIRED
    assert runs["control-plane"].status == "ok"


def test_what_is_pending_is_not_yet_so(service, said, tmp_path):
    said(ControlPlane(AT, REQUIRED.instance, pending=True))
    made, _ = ran(service, tmp_path, ControlPlaneOptions(now=True))
    assert (imds(made).tokens, imds(made).tokens_method) == ("unknown", "ec2-api-pending")
    assert service.counts.imdsv1 == 0


def test_it_is_off_unless_it_is_asked_for(service, said, tmp_path):
    asked = said(REQUIRED)
    made, runs = ran(service, tmp_path)
    assert (asked, imds(made).tokens_method) == ([], "v1-probe")
    assert "control-plane" not in runs


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (CallError("AWS cannot be reached: no route"), "failed", "AWS cannot be reached: no route"),
        (
            ControlPlane(
                AT, not_answered=(NotAnswered("ec2:DescribeInstances", "not allowed (UnauthorizedOperation)"),)
            ),
            *("partial", "ec2:DescribeInstances: not allowed (UnauthorizedOperation)"),
        ),
        (RuntimeError("a bug"), "failed", "RuntimeError"),
    ],
)
def test_where_it_says_nothing_the_run_is_as_it_is_without_it(service, said, tmp_path, answer, status, reason):
    without, _ = ran(service, tmp_path)
    before = service.counts.imdsv1
    said(answer)
    made, runs = ran(service, tmp_path, ControlPlaneOptions(now=True))
    assert service.counts.imdsv1 == before + 1
    same = ("endpoint", "tokens", "tokens_method", "hop_limit_method", "ipv6", "instance_tags")
    assert [getattr(imds(made), name) for name in same] == [getattr(imds(without), name) for name in same]
    assert runs["control-plane"].status == status
    assert reason in runs["control-plane"].reason


def test_an_answer_is_kept_for_a_day_and_a_part_of_another(service, said, tmp_path, monkeypatch):
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    asked, now = said(REQUIRED), time.time()
    configured = ControlPlaneOptions(configured=True, state=state)
    monkeypatch.setattr(random, "uniform", lambda least, most: (least + most) / 2)
    for _ in range(2):
        made, _ = ran(service, Path("/"), configured)
        assert made.get(ControlPlane) == REQUIRED
        assert imds(made).tokens_method == "ec2-api"
    assert len(asked) == 1
    ran(service, Path("/"), ControlPlaneOptions(now=True, configured=True, state=state))  # somebody waits for it
    assert len(asked) == 2
    monkeypatch.setattr(time, "time", lambda: now + KEPT_S + 0.4 * JITTER_S)
    ran(service, Path("/"), configured)
    assert len(asked) == 2
    monkeypatch.setattr(time, "time", lambda: now + KEPT_S + 0.6 * JITTER_S)
    ran(service, Path("/"), configured)
    assert len(asked) == 3
    monkeypatch.setattr(time, "time", lambda: now - 10 * KEPT_S)  # the clock was wrong
    ran(service, Path("/"), configured)
    assert len(asked) == 4
    service.update(instance_id="i-0fedcba9876543210")  # of an image of the first
    ran(service, Path("/"), configured)
    assert asked[-1] == "i-0fedcba9876543210"


@pytest.mark.parametrize(
    ("now", "tokens", "method", "calls"),
    [
        (MetadataOptions("optional", 1, "enabled"), "optional", "ec2-api", 0),
        (None, "optional", "v1-probe", 1),  # EC2 does not answer
    ],
)
def test_what_an_earlier_run_heard_of_the_instance_is_not_taken_for_true(
    service, said, tmp_path, now, tokens, method, calls
):
    """It was switched, a run asked, and it was switched back."""
    (tmp_path / "state").mkdir(mode=0o700)
    told = replace(REQUIRED, image_imds_support="v2.0")
    said(told)
    configured = ControlPlaneOptions(configured=True, state=tmp_path / "state")
    ran(service, Path("/"), configured)
    asked = said(REQUIRED, now)
    made, _ = ran(service, Path("/"), configured)
    assert asked == []
    assert (imds(made).tokens, imds(made).tokens_method, service.counts.imdsv1) == (tokens, method, calls)
    assert made.get(ControlPlane) == replace(told, instance=now)
    (kept,) = (tmp_path / "state").iterdir()
    assert b"required" not in kept.read_bytes()


@pytest.mark.parametrize("answer", [Asked(REQUIRED, False), ControlPlane(AT, REQUIRED.instance, pending=True)])
def test_what_passes_is_asked_again(service, said, tmp_path, answer):
    (tmp_path / "state").mkdir(mode=0o700)
    asked = said(answer)
    for _ in range(2):
        ran(service, Path("/"), ControlPlaneOptions(configured=True, state=tmp_path / "state"))
    assert len(asked) == 2
